"""The eight symmetries of the square, by which one image becomes eight."""

from __future__ import annotations

import torch

__all__ = ["SYMMETRIES", "turn", "turn_back"]

SYMMETRIES = 8


def turn(image: torch.Tensor, symmetry: int) -> torch.Tensor:
    """Rotate the last two axes by ``symmetry % 4`` quarter turns, and mirror them from 4 on."""
    turned = torch.rot90(image, symmetry % 4, (-2, -1))
    return turned.flip(-1) if symmetry >= 4 else turned


def turn_back(image: torch.Tensor, symmetry: int) -> torch.Tensor:
    """Undo `turn`."""
    turned = image.flip(-1) if symmetry >= 4 else image
    return torch.rot90(turned, -(symmetry % 4), (-2, -1))
