"""The generalized Anscombe transform and its unbiased inverse in torch, to be part of a graph.

For arrays they are in `napari_blindspot.noise.anscombe`, with their source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["intensities", "stabilise"]

LEAST_STABILISED = 2.0 * (3.0 / 8.0) ** 0.5
"""The stabilised value of zero counts, where the inverse begins."""


def stabilise(image: torch.Tensor, gain: float, offset: float) -> torch.Tensor:
    """Return intensities with noise of standard deviation 1.

    Parameters
    ----------
    image : Tensor
        Intensities, of any shape.
    gain, offset : float
        Of the noise's variance; gain 0 for a division alone.
    """
    if gain <= 0.0:
        return image / _sigma(offset)
    return 2.0 / gain * (gain * image + 0.375 * gain**2 + offset).clamp_min(0.0).sqrt()


def intensities(stabilised: torch.Tensor, gain: float, offset: float) -> torch.Tensor:
    """Undo `stabilise` for an estimate, without bias."""
    if gain <= 0.0:
        return stabilised * _sigma(offset)
    d = stabilised.clamp_min(LEAST_STABILISED)
    q = 1.5**0.5
    counts = d**2 / 4 + q / (4 * d) - 11 / (8 * d**2) + 5 * q / (8 * d**3) - 1 / 8
    restored: torch.Tensor = gain * counts - offset / gain
    return restored


def _sigma(offset: float) -> float:
    return offset**0.5 if offset > 0.0 else 1.0
