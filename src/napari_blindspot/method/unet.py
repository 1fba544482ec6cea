"""The denoiser D_θ: the encoder-decoder of Noise2Noise with dilated convolutions.

Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data" (ICML 2018); the paper's
supplement 2 adds dilation, dropout and the widths.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from napari_blindspot.method.layers import Convolution, Dropout, fan_in_uniform_

__all__ = ["UNet", "pad_to_multiple"]

LEVELS = 5
"""How often the encoder halves the plane."""

POOLING = 2
"""How many pixels along each axis become one at the next level."""

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


def act(x: torch.Tensor) -> torch.Tensor:
    """Return LeakyReLU of `x`."""
    return F.leaky_relu(x, SLOPE)


def split_phases(x: torch.Tensor, count: int) -> torch.Tensor:
    """Put every `count`-th pixel side by side, where a convolution of that dilation is a plain one.

    Parameters
    ----------
    x : Tensor
        (N, C, Y, X) whose sides divide by `count`.
    count : int
        Phases along each axis.

    Returns
    -------
    Tensor
        (N · count², C, Y / count, X / count).
    """
    n, c, height, width = x.shape
    grid = x.reshape(n, c, height // count, count, width // count, count)
    return grid.permute(0, 3, 5, 1, 2, 4).reshape(n * count**2, c, height // count, width // count)


def merge_phases(x: torch.Tensor, count: int) -> torch.Tensor:
    """Put the pixels back that `split_phases` has moved."""
    n, c, height, width = x.shape
    grid = x.reshape(n // count**2, count, count, c, height, width).permute(0, 3, 4, 1, 5, 2)
    return grid.reshape(n // count**2, c, height * count, width * count)


def pooled(x: torch.Tensor, phases: int) -> torch.Tensor:
    """Return the maximum of each square of 2 by 2 pixels; of phases it is the maximum of all."""
    if phases == 1:
        return F.max_pool2d(x, POOLING)
    return x.view(-1, phases**2, *x.shape[1:]).amax(dim=1)


class Block(nn.Module):
    """The two convolutions of a level of the decoder; the first joins the skip connection."""

    def __init__(self, joining: Convolution, second: Convolution) -> None:
        super().__init__()
        self.joining = joining
        self.second = second


class UNet(nn.Module):
    """D_θ: five levels, skip connections, max pooling down and nearest-neighbour up.

    Parameters
    ----------
    width : int
        Filters of the encoder; the paper has 48, the decoder twice as many.
    dilation : int
        Of all convolutions but the last; the paper has 2.
    dropout : float
        Rate after each max pooling, in the skip connection as in the next level, and at the end of each
        decoder block. The image itself, the last skip connection, is never dropped.
    channels : int
        C of the plane and of the estimate.
    generator : torch.Generator
        Draws the initial weights.
    """

    def __init__(
        self, width: int, dilation: int, dropout: float, channels: int, generator: torch.Generator
    ) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int, spread: int = dilation) -> Convolution:
            return Convolution(inputs, outputs, 3, padding=spread, dilation=spread)

        wide = 2 * width
        last, final = 4 * width // 3, 2 * width // 3
        with torch.device(generator.device):
            self.stem = conv(channels, width)
            self.encoder = nn.ModuleList(conv(width, width) for _ in range(LEVELS + 1))
            self.decoder = nn.ModuleList()
            for level in range(LEVELS - 1):
                inputs = wide if level == 0 else wide + width
                self.decoder.append(Block(conv(inputs, wide), conv(wide, wide)))
            self.decoder.append(Block(conv(wide + channels, last), conv(last, final)))
            self.output = conv(final, channels, spread=1)
        self.dropout = Dropout(dropout)
        self.dilation = dilation
        self.phases = POOLING if dilation == POOLING else 1
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_in_uniform_(layer, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the estimate for a plane, (N, C, Y, X) of any size from 16×16 up, in the same shape."""
        padded, inside = pad_to_multiple(x, 2**LEVELS)
        out: torch.Tensor = self._denoise(padded)
        return out[..., inside[0], inside[1]]

    def _denoise(self, x: torch.Tensor) -> torch.Tensor:
        # Full resolution is half of the work, and there plain convolutions are faster than dilated ones.
        pixels = split_phases(x, self.phases)
        skips = [pixels]
        y = act(self._convolved(self.stem, pixels, self.phases))
        first, *others, deepest = self.encoder
        y = act(self._convolved(first, y, self.phases))
        y = self.dropout(pooled(y, self.phases))
        for layer in others:
            skips.append(y)
            y = self.dropout(F.max_pool2d(act(layer(y)), 2))
        y = act(deepest(y))
        for block in self.decoder:
            assert isinstance(block, Block)
            skip = skips.pop()
            phases = self.phases if skip is pixels else 1
            y = act(self._joined(block.joining, y, skip, phases))
            y = self.dropout(act(self._convolved(block.second, y, phases)))
        out: torch.Tensor = self.output(merge_phases(y, self.phases))
        return out

    def _convolved(self, layer: nn.Module, x: torch.Tensor, phases: int) -> torch.Tensor:
        assert isinstance(layer, nn.Conv2d)
        spread = self.dilation // phases
        return F.conv2d(x, layer.weight, layer.bias, padding=spread, dilation=spread)

    def _joined(self, layer: nn.Conv2d, y: torch.Tensor, skip: torch.Tensor, phases: int) -> torch.Tensor:
        """Convolve the concatenation of `skip` and of `y`, enlarged to its size, as a sum of both.

        An enlarged plane repeats every pixel of the smaller one in a square of 2 by 2. A convolution whose
        dilation is even reaches the same place of other squares only: its result repeats likewise, and the
        smaller plane gives it with half the dilation at a quarter of the work.
        """
        channels = y.shape[1]
        ours, theirs = layer.weight[:, :channels], layer.weight[:, channels:]
        if self.dilation % 2:
            y = F.interpolate(y, scale_factor=2, mode="nearest")
        spread = self.dilation if self.dilation % 2 else self.dilation // 2
        features = F.conv2d(y, ours, layer.bias, padding=spread, dilation=spread)
        if phases > 1:
            features = features.repeat_interleave(phases**2, dim=0)
        elif self.dilation % 2 == 0:
            features = F.interpolate(features, scale_factor=2, mode="nearest")
        spread = self.dilation // phases
        return features + F.conv2d(skip, theirs, padding=spread, dilation=spread)
