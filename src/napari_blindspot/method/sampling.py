"""Which pixels the networks see, and which they must predict (paper, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

__all__ = ["dilate", "invisible_set", "sample_visible"]


def sample_visible(valid: torch.Tensor, fraction: float, generator: torch.Generator) -> torch.Tensor:
    """Draw the visible set Ω_vis: every valid pixel with the same probability.

    Parameters
    ----------
    valid : Tensor
        (…, Y, X) bool, False where the image has no value (NaN).
    fraction : float
        The paper's p0, in (0, 1).
    generator : torch.Generator
        On the device of `valid`; the draw never leaves it.

    Returns
    -------
    Tensor
        Bool mask of the shape of `valid`.
    """
    draw = torch.rand(valid.shape, device=valid.device, generator=generator)
    return (draw < fraction) & valid


def dilate(mask: torch.Tensor, radius: int) -> torch.Tensor:
    """Dilate a mask `radius` times with the cross-shaped element (the paper's k).

    Parameters
    ----------
    mask : Tensor
        (…, Y, X) bool.
    radius : int
        How often; the result reaches all pixels within this city-block distance.

    Returns
    -------
    Tensor
        Bool mask of the same shape; pixels outside the image count as not set.
    """
    for _ in range(radius):
        padded = F.pad(mask, (1, 1, 1, 1))
        vertical = padded[..., :-2, 1:-1] | padded[..., 2:, 1:-1]
        horizontal = padded[..., 1:-1, :-2] | padded[..., 1:-1, 2:]
        mask = mask | vertical | horizontal
    return mask


def invisible_set(visible: torch.Tensor, valid: torch.Tensor, radius: int) -> torch.Tensor:
    """Return Ω_inv: the valid pixels farther than `radius` from every visible one.

    With ``radius=0`` it is the plain complement of the visible set.
    """
    return ~dilate(visible, radius) & valid
