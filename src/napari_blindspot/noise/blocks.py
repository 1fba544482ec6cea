"""Blocks of an image and the line of their variance over intensity: what measuring noise is built from.

Cutting, detrending, choosing quiet blocks, fitting a robust line and its standard errors belong here. The
module does not know which part of a block is noise; that belongs to `napari_blindspot.noise.block_fit` and
`napari_blindspot.noise.white_floor`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Members = npt.NDArray[np.intp]

__all__ = [
    "MEDIAN_OF_SQUARES",
    "QUIET_SHARE",
    "VarianceLine",
    "cut_blocks",
    "detrend",
    "diagonal_differences",
    "diagonal_sigma",
    "finite_blocks",
    "line_through",
    "quiet_blocks",
    "robust_line",
    "standard_errors",
]

QUIET_SHARE = 0.1
"""Share of the blocks of an intensity range that is taken to be free of structure.

A convention, which no table chose. The tables of docs/benchmarks/noise.md were measured with it.
"""

BLOCKS_PER_RANGE = 60
"""Blocks for each range of intensity: 6 of them are the quietest tenth. A convention."""

MAX_RANGES = 24
"""Ranges of intensity at most. A convention; a line needs no more points."""

ERROR_BANDS = 8
"""Bands of the image whose figures are compared for the standard errors. A convention."""

MAX_BLOCKS = 8000
"""Blocks are taken at a stride that gives about this many, so that the time does not depend on the size of
the image. A convention."""

MIN_TRUSTED_SHARE = 0.3
"""Share of the least variance of all ranges below which a line is not followed. A convention: it keeps a
line that was extrapolated into the dark away from 0."""

MEDIAN_OF_SQUARES = 0.4549
"""Median of the squares of normal numbers with variance 1."""

GAUSSIAN_MEDIAN = 0.6745
"""Median of the absolute value of Gaussian numbers of standard deviation 1."""


@dataclass(frozen=True, slots=True)
class VarianceLine:
    """Variance over intensity, a straight line.

    Attributes
    ----------
    slope : float
        Variance for each unit of intensity.
    intercept : float
        Variance at intensity 0, in squared intensities.
    """

    slope: float
    intercept: float

    @overload
    def at(self, intensity: float) -> float: ...

    @overload
    def at(self, intensity: Floats) -> Floats: ...

    def at(self, intensity: float | Floats) -> float | Floats:
        """Return the variance at one or many intensities; it may be negative."""
        return self.slope * intensity + self.intercept

    def scaled(self, factor: float) -> VarianceLine:
        """Return the line of variances that are `factor` times as large."""
        return VarianceLine(factor * self.slope, factor * self.intercept)


def cut_blocks(planes: Floats, side: int, stride: int) -> Floats:
    """Cut blocks out of planes, one at every `stride` pixels in y and in x.

    Parameters
    ----------
    planes : ndarray
        (N, Y, X) float64.
    side : int
        Side of a block in pixels, at most that of a plane.
    stride : int
        Pixels from a block to the next. With ``stride=side`` the blocks are tiles that do not overlap.

    Returns
    -------
    ndarray
        (M, side, side) float64, plane by plane and row by row. What is left over at the end of a row or
        column is in no block.
    """
    views = np.lib.stride_tricks.sliding_window_view(planes, (side, side), axis=(1, 2))
    blocks: Floats = views[:, ::stride, ::stride].reshape(-1, side, side)
    return blocks


def finite_blocks(planes: Floats, side: int) -> Floats:
    """Return overlapping blocks of (N, Y, X) planes, without those that hold NaN.

    Returns
    -------
    ndarray
        (M, side, side) float64, M being about `MAX_BLOCKS` or, for small planes, fewer.
    """
    stride = max(1, math.ceil(math.sqrt(planes.size / MAX_BLOCKS)))
    blocks = cut_blocks(planes, side, stride)
    finite: Floats = blocks[np.isfinite(blocks).all((1, 2))]
    return finite


def detrend(blocks: Floats) -> Floats:
    """Subtract from each of (M, side, side) blocks its best quadratic surface; the shape stays."""
    count, side, _ = blocks.shape
    y, x = np.meshgrid(*2 * [np.linspace(-1, 1, side)], indexing="ij")
    surfaces = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y]).reshape(6, -1)
    basis, _ = np.linalg.qr(surfaces.T)
    basis = basis.astype(blocks.dtype)
    flat = blocks.reshape(count, -1)
    residuals: Floats = (flat - (flat @ basis) @ basis.T).reshape(blocks.shape)
    return residuals


def diagonal_differences(plane: Floats) -> Floats:
    """Return the differences of 2×2 pixels across their diagonals, halved.

    They have the variance of the noise where that is independent from pixel to pixel. Little of structure
    is left in them, and nothing of an offset that a whole row or column has.

    Parameters
    ----------
    plane : ndarray
        (Y, X) in any unit; NaN where a pixel is missing.

    Returns
    -------
    ndarray
        (Y - 1, X - 1) float64 in the unit of the plane.
    """
    differences: Floats = (plane[:-1, :-1] - plane[1:, :-1] - plane[:-1, 1:] + plane[1:, 1:]) / 2
    return differences


def diagonal_sigma(differences: Floats) -> float:
    """Return the standard deviation of the noise by the median of `diagonal_differences`.

    It is 0 where no four pixels have a value.

    Donoho and Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage" (Biometrika 1994).
    """
    if np.isnan(differences).all():
        return 0.0
    return float(np.nanmedian(np.abs(differences))) / GAUSSIAN_MEDIAN


def quiet_blocks(means: Floats, activity: Floats) -> list[Members]:
    """Split blocks into ranges of intensity, and return which of each range are the quietest.

    Parameters
    ----------
    means : ndarray
        (M,) mean intensity of each block.
    activity : ndarray
        (M,) what is small where a block holds no structure, such as its variance.

    Returns
    -------
    list of ndarray
        One for each range, dark to bright: the indices of its quietest tenth (`QUIET_SHARE`).
    """
    ranges = int(np.clip(len(means) // BLOCKS_PER_RANGE, 1, MAX_RANGES))
    split = np.array_split(np.argsort(means, kind="stable"), ranges)
    return [m[activity[m] <= np.quantile(activity[m], QUIET_SHARE)] for m in split]


def line_through(means: Floats, variances: Floats, quiet: list[Members]) -> tuple[VarianceLine, float]:
    """Fit variance over intensity to quiet blocks.

    Parameters
    ----------
    means, variances : ndarray
        (M,) of all blocks, in intensities and squared intensities.
    quiet : list of ndarray
        What `quiet_blocks` returns.

    Returns
    -------
    line : VarianceLine
        Through the mean of each range.
    least : float
        Squared intensities; where the line lies lower than that, this is the variance to use instead.
    """
    variance = np.array([variances[members].mean() for members in quiet])
    line = robust_line(np.array([means[members].mean() for members in quiet]), variance)
    return line, MIN_TRUSTED_SHARE * float(variance.min())


def robust_line(x: Floats, y: Floats) -> VarianceLine:
    """Fit variance over intensity by reweighted least squares that distrust points above the line.

    Structure only adds variance, so a point below the line is noise and a point above it may be structure.
    Points weigh by the inverse square of their variance, whose relative error is the same for all.

    Parameters
    ----------
    x : ndarray
        (R,) intensities.
    y : ndarray
        (R,) variances in squared intensities.

    Returns
    -------
    VarianceLine
        Level, at the median of `y`, where there are fewer than three points or the slope is not positive:
        noise does not fall with intensity.
    """
    flat = VarianceLine(0.0, float(np.median(y)))
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
    return VarianceLine(float(slope), float(solution[1] - slope * x[0]))


def standard_errors(count: int, figures: Callable[[Members], tuple[float, ...]]) -> list[float]:
    """Return the standard errors of figures that are made from `count` blocks in the order of the image.

    Blocks overlap, so they are not independent, but bands of the image nearly are. The figures of the bands
    are compared by their median deviation, because one band may hold too few intensities for a line.

    Parameters
    ----------
    count : int
        Number of all blocks.
    figures : callable
        Makes K figures from the indices of some blocks.

    Returns
    -------
    list of float
        K standard errors, each in the unit of its figure.
    """
    bands = int(np.clip(count // BLOCKS_PER_RANGE, 2, ERROR_BANDS))
    table = np.array([figures(band) for band in np.array_split(np.arange(count), bands)])
    deviation = np.median(np.abs(table - np.median(table, axis=0)), axis=0)
    errors: list[float] = (1.4826 * deviation / math.sqrt(bands)).tolist()
    return errors
