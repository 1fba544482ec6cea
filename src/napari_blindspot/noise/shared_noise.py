"""Neighbouring planes of a stack as company for the plane at work: which ones, and whether they may help.

Two exposures of nearly the same scene share the structure but not the noise, so a neighbour may be shown to
a blind-spot network without hiding anything. Where noise is shared (a running mean over frames, a frame
stored twice) the network would learn that noise, so it is measured first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.noise.blocks import cut_blocks, diagonal_differences

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

__all__ = ["MOST_SHARED", "check_neighbours", "nearest_planes", "shared_noise"]

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


def nearest_planes(position: int, length: int, reach: int) -> list[int]:
    """Return the positions of the ``2 * reach`` planes nearest to one, in order.

    At the ends of a stack they all lie on one side, so that every plane has equally many; a short stack has
    fewer.

    Parameters
    ----------
    position, length : int
        Of the plane and of the axis.
    reach : int
        How many planes on each side.
    """
    count = min(2 * reach, length - 1)
    first = min(max(position - reach, 0), length - 1 - count)
    return [at for at in range(first, first + count + 1) if at != position]


def check_neighbours(plane: npt.NDArray[Any], neighbours: npt.ArrayLike | None) -> npt.NDArray[np.float64]:
    """Return neighbours as (N, Y, X) float64; N is 0 where there are none.

    Raises
    ------
    ImageError
        If they do not have the size of the plane.
    """
    if neighbours is None:
        return np.empty((0, *plane.shape))
    beside = np.asarray(neighbours, np.float64)
    if beside.ndim != 3 or beside.shape[1:] != plane.shape:
        raise ImageError(
            f"The neighbours have the shape {beside.shape}, but for a plane of shape {plane.shape} "
            f"(N, {plane.shape[0]}, {plane.shape[1]}) is needed."
        )
    return beside


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
    a, b = a[finite], b[finite]
    if len(a) == 0:
        return 0.0
    power = (a**2).mean(1) + (b**2).mean(1)
    quiet = power <= np.quantile(power, QUIET_SHARE_OF_BOTH)
    a, b = a[quiet], b[quiet]
    scale = float(np.sqrt((a**2).mean() * (b**2).mean()))
    return float((a * b).mean() / scale) if scale > 0 else 0.0
