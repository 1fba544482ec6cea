"""A lean denoiser D_θ for the presets that read the noise: 0.24 M parameters, no dropout, no dilation.

It has the Noise2Noise shape, with three levels instead of five and skips that are added instead of
concatenated, which is four times cheaper at full resolution. There, where most of the work would be, it is
three to four times narrower than below. Its output is a correction that starts at zero, so that the fit
begins at the fill instead of at random.

Where it may look at neighbouring planes, it sees how each of them differs from the plane, at full and at
half resolution. A neighbour that is absent differs by nothing, so that one set of weights serves all.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from napari_blindspot.method.fill import denoiser_input
from napari_blindspot.method.layers import Convolution, he_uniform_

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MULTIPLE", "CompactUNet", "estimate_by"]

SLOPE = 0.1
"""Negative slope of the LeakyReLU."""

WIDENING = (3, 4, 4)
"""Filters of each lower level, relative to those at full resolution."""

MULTIPLE = 2 ** len(WIDENING)
"""Sides of what the network sees divide by its coarsest pixel."""

PLANE_INPUTS = 2
"""Channels that the plane itself has: its pixels with the fill, and which of them are visible."""

FARTHEST_DIFFERENCE = 30.0
"""By how many standard deviations of the plane a neighbour differs at most: a flash is not worth more."""

BESIDE_WIDENING = 1.5
"""Filters that look at neighbours, relative to those at full resolution."""


def estimate_by(
    correct: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    visible: torch.Tensor,
    neighbours: torch.Tensor,
    line: tuple[float, ...],
) -> torch.Tensor:
    """Return D_θ's estimate of images, (N, 1, Y, X): the fill, corrected by the network.

    Parameters
    ----------
    correct : callable
        The network: (N, 2 + K, Y', X') to (N, 1, Y', X'), whose sides are multiples of `MULTIPLE`.
    image, visible, neighbours, line
        As for `denoiser_input`.
    """
    features, fill = denoiser_input(image, visible, neighbours, line)
    height, width = image.shape[-2:]
    features = F.pad(features, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
    return fill + correct(features).float()[..., :height, :width]


class CompactUNet(nn.Module):
    """D_θ of the measured presets.

    Parameters
    ----------
    neighbours : int
        Planes beside the plane that it may see; how many of them there are may differ from input to input.
    width : int
        Filters at full resolution.
    generator : torch.Generator
        Draws the initial weights.
    """

    def __init__(self, neighbours: int, width: int, generator: torch.Generator) -> None:
        super().__init__()

        def conv(n: int, m: int) -> Convolution:
            return Convolution(n, m, 3, padding=1)

        widths = [width, *(times * width for times in WIDENING)]
        with torch.device(generator.device):
            self.stem = nn.ModuleList([conv(PLANE_INPUTS, width), conv(width, width)])
            self.down = nn.ModuleList(Convolution(n, m, 2, stride=2) for n, m in itertools.pairwise(widths))
            self.encoder = nn.ModuleList(conv(n, n) for n in widths[1:])
            self.decoder = nn.ModuleList(conv(n, n) for n in widths[1:])
            self.up = nn.ModuleList(Convolution(m, n, 1) for n, m in itertools.pairwise(widths))
            self.head = nn.ModuleList([conv(width, width), conv(width, width)])
            self.output = Convolution(width, 1, 1)
            self.beside = _Beside(neighbours, width) if neighbours else None
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                he_uniform_(layer, SLOPE, generator)
        nn.init.zeros_(self.output.weight)
        if self.beside is not None:
            self.beside.begin_at_nothing()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the correction, (N, 1, Y, X).

        Parameters
        ----------
        x : Tensor
            (N, 2 + K, Y, X) with sides that divide by 8: the plane with the fill, what is visible of it,
            and by how much each neighbour differs from the first; NaN where a neighbour has no value.
        """

        def act(y: torch.Tensor) -> torch.Tensor:
            return F.leaky_relu(y, SLOPE, inplace=True)

        full = half = None
        if self.beside is not None:
            full, half = self.beside(x)
        first, second = self.stem
        x = first(x[:, :PLANE_INPUTS])
        x = act(second(act(x if full is None else x + full)))
        skips = []
        for down, encode in zip(self.down, self.encoder, strict=True):
            skips.append(x)
            x = down(x)
            if half is not None:
                x, half = x + half, None
            x = act(encode(act(x)))
        for decode, up in zip(reversed(self.decoder), reversed(self.up), strict=True):
            x = up(act(decode(x)))
            x = F.interpolate(x, scale_factor=2, mode="nearest") + skips.pop()
        for layer in self.head:
            x = act(layer(x))
        out: torch.Tensor = self.output(x)
        return out


class _Beside(nn.Module):
    """What neighbouring planes add to the features at full and at half resolution; nothing, at first.

    Parameters
    ----------
    neighbours : int
        How many there are at most.
    width : int
        Filters at full resolution.
    """

    def __init__(self, neighbours: int, width: int) -> None:
        super().__init__()
        inner = round(BESIDE_WIDENING * width)
        self.fine = nn.ModuleList(
            [Convolution(1 + neighbours, inner, 3, padding=1), Convolution(inner, width, 3, padding=1)]
        )
        self.coarse = nn.ModuleList(
            [
                Convolution(1 + neighbours, inner, 4, stride=2, padding=1),
                Convolution(inner, WIDENING[0] * width, 3, padding=1),
            ]
        )
        # Which neighbours there are, as an offset of the features.
        self.present = Convolution(neighbours, 2 * inner, 1)

    def begin_at_nothing(self) -> None:
        """Let the last layers add nothing."""
        for layers in (self.fine, self.coarse):
            for weights in layers[-1].parameters():
                nn.init.zeros_(weights)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is added to the features at full, (N, W, Y, X), and at half resolution.

        `x` is the input of `CompactUNet`.
        """
        plane, differences = x[:, :1], x[:, PLANE_INPUTS:]
        there = differences.isfinite()
        present = there.to(x.dtype).mean(dim=(-2, -1), keepdim=True)
        differences = torch.where(there, differences, 0.0).clamp(-FARTHEST_DIFFERENCE, FARTHEST_DIFFERENCE)
        seen = torch.cat([plane, differences], dim=1)
        seen = seen.contiguous(memory_format=torch.channels_last)
        added = []
        for (first, last), offset in zip(
            (self.fine, self.coarse), self.present(present).chunk(2, 1), strict=True
        ):
            added.append(last(F.leaky_relu(first(seen) + offset, SLOPE, inplace=True)))
        return added[0], added[1]
