"""Blocks of an image and the line of their variance over intensity: what measuring noise is built from.

It knows neither noise nor structure. What blocks say about the noise belongs to
`napari_blindspot.noise.estimate` and `napari_blindspot.noise.white_floor`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Members = npt.NDArray[np.intp]

__all__ = [
    "QUIETEST",
    "Line",
    "cut",
    "detrend",
    "diagonal_differences",
    "diagonal_sigma",
    "line_through",
    "quiet_blocks",
    "robust_line",
    "standard_errors",
]

QUIETEST = 0.1
"""Share of the blocks of an intensity range that is taken to be free of structure."""

BANDS = 8
"""Bands of the image whose figures are compared for the standard errors."""

MOST_BLOCKS = 8000
"""Blocks are taken at a stride that gives about so many, which keeps the cost independent of the size."""


@dataclass(frozen=True, slots=True)
class Line:
    """Variance over intensity."""

    slope: float
    intercept: float

    def at(self, x: Any) -> Any:
        """Return the variance at these intensities; it may be negative."""
        return self.slope * x + self.intercept

    def scaled(self, factor: float) -> Line:
        """Return the line of variances that are so many times as large."""
        return Line(factor * self.slope, factor * self.intercept)


def cut(planes: Floats, side: int) -> Floats:
    """Return overlapping blocks of (N, Y, X), (M, side, side), without those that hold NaN."""
    stride = max(1, math.ceil(math.sqrt(planes.size / MOST_BLOCKS)))
    views = np.lib.stride_tricks.sliding_window_view(planes, (side, side), axis=(1, 2))
    blocks: Floats = views[:, ::stride, ::stride].reshape(-1, side, side)
    whole: Floats = blocks[np.isfinite(blocks).all((1, 2))]
    return whole


def detrend(blocks: Floats) -> Floats:
    """Subtract from each block its best quadratic surface."""
    count, side, _ = blocks.shape
    y, x = np.meshgrid(*2 * [np.linspace(-1, 1, side)], indexing="ij")
    surfaces = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y]).reshape(6, -1)
    basis, _ = np.linalg.qr(surfaces.T)
    flat = blocks.reshape(count, -1)
    rough: Floats = (flat - (flat @ basis) @ basis.T).reshape(blocks.shape)
    return rough


def diagonal_differences(plane: Floats) -> Floats:
    """Return the differences of 2×2 pixels across their diagonals, (Y - 1, X - 1), of the noise's variance.

    They leave next to nothing of structure, and nothing of what a whole row or column has in common.
    """
    differences: Floats = (plane[:-1, :-1] - plane[1:, :-1] - plane[:-1, 1:] + plane[1:, 1:]) / 2
    return differences


def diagonal_sigma(differences: Floats) -> float:
    """Return the noise's standard deviation by the median of these (Donoho and Johnstone 1994)."""
    return float(np.nanmedian(np.abs(differences))) / 0.6745


def quiet_blocks(means: Floats, activity: Floats) -> list[Members]:
    """Split the blocks into ranges of intensity, and return the members of each that are quietest."""
    ranges = int(np.clip(len(means) // 60, 1, 24))
    split = np.array_split(np.argsort(means, kind="stable"), ranges)
    return [m[activity[m] <= np.quantile(activity[m], QUIETEST)] for m in split]


def line_through(means: Floats, variances: Floats, quiet: list[Members]) -> tuple[Line, float]:
    """Fit the line to the means of quiet blocks; return it and the least variance to trust it with."""
    variance = np.array([variances[members].mean() for members in quiet])
    line = robust_line(np.array([means[members].mean() for members in quiet]), variance)
    return line, 0.3 * float(variance.min())


def robust_line(x: Floats, y: Floats) -> Line:
    """Fit variance over intensity, distrusting what lies above: structure only adds variance."""
    flat = Line(0.0, float(np.median(y)))
    spread = np.ptp(x)
    if len(x) < 3 or spread <= 1e-9 * np.abs(x).max():
        return flat
    design = np.stack([(x - x[0]) / spread, np.ones_like(x)], axis=1)
    floor = 1e-3 * y.max()
    weight = 1 / np.maximum(y, 0.1 * floor)
    for _ in range(6):
        root = np.sqrt(weight)[:, None]
        solution = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0]
        fitted = np.maximum(design @ solution, floor)
        excess = (y - fitted) / fitted
        scale = 1.5 * np.median(np.abs(excess)) + 1e-3
        weight = 1 / fitted**2 / (1 + np.maximum(excess / scale, 0.0) ** 2)
    if solution[0] <= 0:
        return flat
    slope = solution[0] / spread
    return Line(float(slope), float(solution[1] - slope * x[0]))


def standard_errors(count: int, figures: Callable[[Members], tuple[float, ...]]) -> list[float]:
    """Return the standard errors of figures that are made from `count` blocks in the order of the image.

    Blocks overlap, so they are not independent; bands of the image nearly are. What the bands give is
    compared, by the median deviation, because one may hold too few intensities for a line.

    Parameters
    ----------
    count : int
        Of all blocks.
    figures : callable
        Makes the figures from the indices of some blocks.
    """
    bands = int(np.clip(count // 60, 2, BANDS))
    table = np.array([figures(band) for band in np.array_split(np.arange(count), bands)])
    deviation = np.median(np.abs(table - np.median(table, axis=0)), axis=0)
    errors: list[float] = (1.4826 * deviation / math.sqrt(bands)).tolist()
    return errors
