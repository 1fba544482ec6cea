"""Whether neighbouring planes of a stack may help the plane at work: how much of its noise they share.

Two exposures of nearly the same scene share the structure but not the noise, so a neighbour may be shown to
a blind-spot network without hiding anything. Where noise is shared (a running mean over frames, a frame
stored twice) the network would learn that noise, so it is measured first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.noise.blocks import diagonal_differences

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MOST_SHARED", "shared_noise"]

MOST_SHARED = 0.15
"""Correlation of the noise of two planes from which on neighbours are not used: its square is the share of
a pixel's noise that a neighbour gives away."""

BLOCK = 16
"""Side of the blocks in which noise is compared, in pixels."""

QUIETEST = 0.2
"""Share of the blocks that is taken to be free of structure."""


def shared_noise(plane: npt.NDArray[np.float64], neighbours: npt.NDArray[np.float64]) -> float:
    """Measure how much of its noise a plane shares with its neighbours.

    Diagonal differences leave next to nothing of the structure; they are compared in the blocks that are
    quietest in both planes.

    Parameters
    ----------
    plane : ndarray
        (Y, X), stabilised, so that dark and bright blocks count alike.
    neighbours : ndarray
        (N, Y, X), likewise.

    Returns
    -------
    float
        The largest correlation with one of them, in [-1, 1]; 0 for N = 0.
    """
    mine = _blocks(plane)
    return max((_correlation(mine, _blocks(other)) for other in neighbours), default=0.0)


def _blocks(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the diagonal differences in blocks, (N, pixels)."""
    rough = diagonal_differences(plane)
    side = min(BLOCK, min(rough.shape))
    rows, columns = rough.shape[0] // side, rough.shape[1] // side
    cut = rough[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.asarray(cut.transpose(0, 2, 1, 3).reshape(rows * columns, -1))


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    whole = np.isfinite(a).all(1) & np.isfinite(b).all(1)
    a, b = a[whole], b[whole]
    if len(a) == 0:
        return 0.0
    power = (a**2).mean(1) + (b**2).mean(1)
    quiet = power <= np.quantile(power, QUIETEST)
    a, b = a[quiet], b[quiet]
    scale = float(np.sqrt((a**2).mean() * (b**2).mean()))
    return float((a * b).mean() / scale) if scale > 0 else 0.0
