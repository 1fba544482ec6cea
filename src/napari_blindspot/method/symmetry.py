"""The eight symmetries of the square, by which one image becomes eight."""

from __future__ import annotations

import torch

__all__ = ["SYMMETRIES", "turn", "turn_back", "turned_places"]

SYMMETRIES = 8


def turn(image: torch.Tensor, symmetry: int) -> torch.Tensor:
    """Rotate the last two axes by ``symmetry % 4`` quarter turns, and mirror them from 4 on."""
    turned = torch.rot90(image, symmetry % 4, (-2, -1))
    return turned.flip(-1) if symmetry >= 4 else turned


def turn_back(image: torch.Tensor, symmetry: int) -> torch.Tensor:
    """Undo `turn`."""
    turned = image.flip(-1) if symmetry >= 4 else image
    return torch.rot90(turned, -(symmetry % 4), (-2, -1))


def turned_places(side: int, width: int, device: torch.device) -> torch.Tensor:
    """Return where `turn` takes the pixels of a square from, for each symmetry.

    Parameters
    ----------
    side : int
        Of the square.
    width : int
        Of the plane that the square lies in.
    device : torch.device
        Of the result.

    Returns
    -------
    Tensor
        (8, side²) int64, each pixel's place in the plane's row-major order, counted from the square's
        first pixel.
    """
    along = torch.arange(side, device=device)
    square = along[:, None] * width + along
    return torch.stack([turn(square, symmetry).flatten() for symmetry in range(SYMMETRIES)])
