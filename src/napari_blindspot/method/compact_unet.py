"""A lean denoiser D_θ for the presets that read the noise: 0.24 M parameters, no dropout, no dilation.

It has the Noise2Noise shape, with three levels instead of five and skips that are added instead of
concatenated, which is four times cheaper at full resolution. There, where most of the work would be, it is
three to four times narrower than below. Its output is a correction that starts at zero, so that the fit
begins at the fill instead of at random.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from napari_blindspot.method.layers import Convolution, he_uniform_

__all__ = ["LEVELS", "CompactUNet"]

SLOPE = 0.1
"""Negative slope of the LeakyReLU."""

WIDENING = (3, 4, 4)
"""Filters of each lower level, relative to those at full resolution."""

LEVELS = len(WIDENING)
"""How often the plane is halved."""


class CompactUNet(nn.Module):
    """D_θ of the measured presets.

    Parameters
    ----------
    inputs : int
        Channels of the input.
    width : int
        Filters at full resolution.
    generator : torch.Generator
        Draws the initial weights.
    """

    def __init__(self, inputs: int, width: int, generator: torch.Generator) -> None:
        super().__init__()

        def conv(n: int, m: int) -> Convolution:
            return Convolution(n, m, 3, padding=1)

        widths = [width, *(times * width for times in WIDENING)]
        with torch.device(generator.device):
            self.stem = nn.ModuleList([conv(inputs, width), conv(width, width)])
            self.down = nn.ModuleList(Convolution(n, m, 2, stride=2) for n, m in itertools.pairwise(widths))
            self.encoder = nn.ModuleList(conv(n, n) for n in widths[1:])
            self.decoder = nn.ModuleList(conv(n, n) for n in widths[1:])
            self.up = nn.ModuleList(Convolution(m, n, 1) for n, m in itertools.pairwise(widths))
            self.head = nn.ModuleList([conv(width, width), conv(width, width)])
            self.output = Convolution(width, 1, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                he_uniform_(layer, SLOPE, generator)
        nn.init.zeros_(self.output.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the correction, (N, 1, Y, X), for an input (N, C, Y, X) whose sides divide by 8."""

        def act(y: torch.Tensor) -> torch.Tensor:
            return F.leaky_relu(y, SLOPE, inplace=True)

        for layer in self.stem:
            x = act(layer(x))
        skips = []
        for down, encode in zip(self.down, self.encoder, strict=True):
            skips.append(x)
            x = act(encode(act(down(x))))
        for decode, up in zip(reversed(self.decoder), reversed(self.up), strict=True):
            x = up(act(decode(x)))
            x = F.interpolate(x, scale_factor=2, mode="nearest") + skips.pop()
        for layer in self.head:
            x = act(layer(x))
        out: torch.Tensor = self.output(x)
        return out
