"""Whether neighbouring planes of a stack may help the plane at work: how much of its noise they share.

Two exposures of nearly the same scene share the structure but not the noise, so a neighbour may be shown to
a blind-spot network without hiding anything. Where noise is shared (a running mean over frames, a frame
stored twice) the network would learn that noise, so it is measured first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.noise.blocks import cut_blocks, diagonal_differences

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["MOST_SHARED", "shared_noise"]

MOST_SHARED = 0.15
"""Correlation of the noise of two planes from which on neighbours are not used: its square is the share of
the variance of a pixel's noise that a neighbour gives away. docs/benchmarks/stacks.md, "Neighbouring
planes", by ``docs/benchmarks/stacks.py neighbours``, has 0.025 to 0.044 for independent captures; a running
mean over two frames has 0.5 (tests/noise/test_shared_noise.py)."""

BLOCK_SIDE = 16
"""Side in pixels of the blocks in which noise is compared. A convention."""

QUIET_SHARE_OF_BOTH = 0.2
"""Share of the blocks that is taken to be free of structure in both planes. A convention: larger than where
one plane is measured, since blocks that do not overlap are few."""


def shared_noise(plane: npt.NDArray[np.float64], neighbours: Iterable[npt.NDArray[np.float64]]) -> float:
    """Measure how much of its noise a plane shares with its neighbours.

    Diagonal differences leave next to nothing of the structure; they are compared in the blocks that are
    quietest in both planes.

    Parameters
    ----------
    plane : ndarray
        (Y, X), stabilised, so that dark and bright blocks count alike.
    neighbours : iterable of ndarray
        (Y, X) each, likewise.

    Returns
    -------
    float
        The largest correlation with one of them, in [-1, 1]; 0 if there is none.
    """
    mine = _tiles(plane)
    return max((_correlation(mine, _tiles(other)) for other in neighbours), default=0.0)


def _tiles(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the diagonal differences of a (Y, X) plane in tiles, (M, pixels of a tile)."""
    differences = diagonal_differences(plane)
    side = min(BLOCK_SIDE, min(differences.shape))
    return cut_blocks(differences[None], side, stride=side).reshape(-1, side * side)


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Return the correlation, in [-1, 1], of the (M, pixels) tiles of two planes that are quiet in both.

    Tiles with NaN are left out; it is 0 where nothing is left, or where nothing varies.
    """
    finite = np.isfinite(a).all(1) & np.isfinite(b).all(1)
    if not finite.any():
        return 0.0
    power = (a**2).mean(1) + (b**2).mean(1)
    quiet = finite & (power <= np.quantile(power[finite], QUIET_SHARE_OF_BOTH))
    a, b = a[quiet], b[quiet]
    scale = float(np.sqrt((a**2).mean() * (b**2).mean()))
    return float((a * b).mean() / scale) if scale > 0 else 0.0
