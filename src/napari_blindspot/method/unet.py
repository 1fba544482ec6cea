"""The denoiser D_θ: the encoder-decoder of Noise2Noise with dilated convolutions.

Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data" (ICML 2018); the paper's
supplement 2 adds dilation, dropout and the widths.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from napari_blindspot.method.layers import Convolution, Dropout, he_uniform_

__all__ = ["UNet", "pad_to_multiple"]

LEVELS = 5
"""How often the encoder halves the plane."""

SLOPE = 0.1
"""Negative slope of the LeakyReLU."""


def pad_to_multiple(x: torch.Tensor, multiple: int) -> tuple[torch.Tensor, tuple[slice, slice]]:
    """Reflect the borders of (N, C, Y, X) so that both sides divide by `multiple`.

    Padding what the network sees, not the image, keeps the blind spots blind: a mirrored pixel is visible
    only where its original is.

    Returns
    -------
    padded : Tensor
        (N, C, Y', X').
    inside : tuple of slice
        Crops the last two axes back to (Y, X).
    """
    height, width = x.shape[-2:]
    extra_y, extra_x = -height % multiple, -width % multiple
    top, left = extra_y // 2, extra_x // 2
    inside = (slice(top, top + height), slice(left, left + width))
    if extra_y == 0 and extra_x == 0:
        return x, inside
    pads = (left, extra_x - left, top, extra_y - top)
    return F.pad(x, pads, mode="reflect"), inside


class UNet(nn.Module):
    """D_θ: five levels, skip connections, max pooling down and nearest-neighbour up.

    Parameters
    ----------
    width : int
        Filters of the encoder; the paper has 48, the decoder twice as many.
    dilation : int
        Of all convolutions but the last; the paper has 2.
    dropout : float
        Rate before each decoder block.
    generator : torch.Generator
        Draws the initial weights.
    """

    def __init__(self, width: int, dilation: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int, spread: int = dilation) -> Convolution:
            return Convolution(inputs, outputs, 3, padding=spread, dilation=spread)

        wide = 2 * width
        last, final = 4 * width // 3, 2 * width // 3
        with torch.device(generator.device):
            self.stem = conv(1, width)
            self.encoder = nn.ModuleList(conv(width, width) for _ in range(LEVELS + 1))
            self.decoder = nn.ModuleList()
            for level in range(LEVELS - 1):
                inputs = wide if level == 0 else wide + width
                self.decoder.append(nn.ModuleList([conv(inputs, wide), conv(wide, wide)]))
            self.decoder.append(nn.ModuleList([conv(wide + 1, last), conv(last, final)]))
            self.output = conv(final, 1, spread=1)
        self.dropout = Dropout(dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                he_uniform_(layer, 1.0 if layer is self.output else SLOPE, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the estimate for a plane, (N, 1, Y, X) of any size from 16×16 up, in the same shape."""
        padded, inside = pad_to_multiple(x, 2**LEVELS)
        out: torch.Tensor = self._denoise(padded)
        return out[..., inside[0], inside[1]]

    def _denoise(self, x: torch.Tensor) -> torch.Tensor:
        def act(y: torch.Tensor) -> torch.Tensor:
            return F.leaky_relu(y, SLOPE)

        skips = [x]
        y = act(self.stem(x))
        for layer in self.encoder[:-1]:
            y = F.max_pool2d(act(layer(y)), 2)
            skips.append(y)
        skips.pop()  # the deepest level goes on by itself
        y = act(self.encoder[-1](y))
        for block in self.decoder:
            assert isinstance(block, nn.ModuleList)
            y = F.interpolate(y, scale_factor=2, mode="nearest")
            for index, layer in enumerate(block):
                y = act(self._joined(layer, y, skips.pop()) if index == 0 else layer(y))
        out: torch.Tensor = self.output(y)
        return out

    def _joined(self, layer: nn.Module, y: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Convolve the concatenation of `y` and `skip` with dropout, without concatenating them.

        The image itself is the last skip, which makes 97 channels, a number that no vector unit likes. In
        two parts the same sum is faster; as one, its bfloat16 gradient on CPUs was now and then NaN.
        """
        assert isinstance(layer, nn.Conv2d)
        if skip.shape[1] > 1:
            joined: torch.Tensor = layer(self.dropout(torch.cat([y, skip], dim=1)))
            return joined
        channels = y.shape[1]
        spread = layer.dilation
        ours, theirs = layer.weight[:, :channels], layer.weight[:, channels:]
        features = F.conv2d(self.dropout(y), ours, layer.bias, padding=spread, dilation=spread)
        image = F.conv2d(self.dropout(skip), theirs, padding=spread, dilation=spread)
        return features + image
