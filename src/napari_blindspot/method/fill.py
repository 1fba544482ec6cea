"""The simple fill of hidden pixels, a normalised convolution of the visible ones, and the denoiser's input.

Knutsson and Westin, "Normalized and Differential Convolution" (CVPR 1993).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

__all__ = ["denoiser_input", "fill_weights", "gaussian", "normalised_convolution"]


def gaussian(sigma: float, radius: int) -> tuple[float, ...]:
    """Return the 2 * radius + 1 weights of a Gaussian line, with sum 1."""
    line = [math.exp(-(t**2) / (2 * sigma**2)) for t in range(-radius, radius + 1)]
    return tuple(weight / sum(line) for weight in line)


def normalised_convolution(
    image: torch.Tensor, visible: torch.Tensor, line: tuple[float, ...]
) -> torch.Tensor:
    """Return at every pixel the weighted mean of the visible pixels around it.

    Parameters
    ----------
    image : Tensor
        (N, 1, Y, X); what it holds at pixels that are not visible has no influence.
    visible : Tensor
        (N, 1, Y, X) of zeros and ones.
    line : tuple of float
        Weights along y, and along x; symmetric, of odd length, not negative.
    """
    radius = len(line) // 2
    mode = "reflect" if min(image.shape[-2:]) > radius else "replicate"
    both = F.pad(torch.cat([image * visible, visible], dim=1), (radius,) * 4, mode=mode)
    sums = _weighted(_weighted(both, line, -1), line, -2)
    return sums[:, :1] / sums[:, 1:].clamp_min(1e-6)


def fill_weights(radius: float) -> tuple[float, ...]:
    """Return the weights of the fill along an axis: it must look past a hole of this radius in pixels."""
    if radius < 1:
        return gaussian(1.0, 3)
    return gaussian(0.8 * radius + 0.2, int(2.5 * radius))


def denoiser_input(
    image: torch.Tensor, visible: torch.Tensor, neighbours: torch.Tensor, line: tuple[float, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the input of the measured D_θ, (N, 2 + K, Y, X), and the fill that it corrects, (N, 1, Y, X).

    The input has the image where it is visible and the fill elsewhere, the mask itself, and by how much
    each neighbour differs from the first.

    Parameters
    ----------
    image : Tensor
        (N, 1, Y, X).
    visible : Tensor
        (N, 1, Y, X) bool.
    neighbours : Tensor
        (N, K, Y, X), planes that are never hidden, NaN where they have no value; K may be 0.
    line : tuple of float
        Weights of the fill, as `fill_weights` returns them.
    """
    seen = visible.to(image.dtype)
    fill = normalised_convolution(image, seen, line)
    shown = torch.where(visible, image, fill)
    return torch.cat([shown, seen, neighbours - shown], dim=1), fill


def _weighted(x: torch.Tensor, line: tuple[float, ...], dim: int) -> torch.Tensor:
    """Convolve along one axis; the ends, as long as half the line, are lost.

    Shifted sums, because CPUs take five to fifteen times as long for a convolution of a single channel.
    """
    radius = len(line) // 2
    length = x.shape[dim] - 2 * radius
    total = x.narrow(dim, radius, length) * line[radius]
    for near in range(radius):
        pair = x.narrow(dim, near, length) + x.narrow(dim, 2 * radius - near, length)
        total.add_(pair, alpha=line[near])
    return total
