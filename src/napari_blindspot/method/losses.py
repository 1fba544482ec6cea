"""The three losses of the joint fit (paper, equations 12, 14 and 15).

The paper writes sums; with equal weights and sets of different sizes we take means, and each loss is a
number of the same scale whatever the size of the plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["consistency_loss", "denoising_loss", "inr_loss", "masked_l1"]


def masked_l1(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of |a - b| over the pixels of `mask`; 0 if there are none."""
    weight = mask.to(a.dtype)
    return ((a - b).abs() * weight).sum() / weight.sum().clamp(min=1.0)


def denoising_loss(denoised: torch.Tensor, noisy: torch.Tensor, invisible: torch.Tensor) -> torch.Tensor:
    """L_dn, equation (14): D_θ must predict the noisy pixels of Ω_inv."""
    return masked_l1(denoised, noisy, invisible)


def inr_loss(inr: torch.Tensor, noisy: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    """L_inr, equation (12): F_φ must fit the noisy pixels of Ω_vis."""
    return masked_l1(inr, noisy, visible)


def consistency_loss(
    shifted_inr: torch.Tensor, denoised: torch.Tensor, visible: torch.Tensor
) -> torch.Tensor:
    """L_mc, equation (15): F_φ within a pixel of (i, j) must be close to D_θ's estimate there.

    No gradient reaches D_θ: it teaches, it is not taught.
    """
    return masked_l1(shifted_inr, denoised.detach(), visible)
