"""The simple fill of invisible pixels: a normalised convolution of the visible ones.

Knutsson and Westin, "Normalized and Differential Convolution" (CVPR 1993).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

__all__ = ["gaussian", "normalised_convolution"]


def gaussian(sigma: float, radius: int, device: torch.device) -> torch.Tensor:
    """Return a Gaussian kernel, (1, 1, 2 * radius + 1, 2 * radius + 1), with sum 1."""
    t = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    line = torch.exp(-(t**2) / (2 * sigma**2))
    kernel = line[:, None] * line
    return (kernel / kernel.sum())[None, None]


def normalised_convolution(
    image: torch.Tensor, visible: torch.Tensor, kernel: torch.Tensor
) -> torch.Tensor:
    """Return at every pixel the kernel's weighted mean of the visible pixels around it.

    Parameters
    ----------
    image : Tensor
        (N, 1, Y, X); what it holds at pixels that are not visible has no influence.
    visible : Tensor
        (N, 1, Y, X) of zeros and ones.
    kernel : Tensor
        (1, 1, K, K), not negative; K odd.
    """
    radius = kernel.shape[-1] // 2
    mode = "reflect" if min(image.shape[-2:]) > radius else "replicate"
    both = F.pad(torch.cat([image * visible, visible], dim=1), (radius,) * 4, mode=mode)
    count, _, height, width = both.shape
    # Two convolutions of one channel each, in one call: the channels become the batch.
    sums = F.conv2d(both.reshape(2 * count, 1, height, width), kernel)
    pairs = sums.reshape(count, 2, *image.shape[-2:])
    return pairs[:, :1] / pairs[:, 1:].clamp_min(1e-6)
