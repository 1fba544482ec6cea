"""Offsets that all pixels of a row or of a column have in common: readout noise, a detector that flickers.

A blind spot takes them for structure, because the other pixels of the line show the same offset. Three
things tell them from structure: they run in one direction only, the offsets of next lines are independent,
and they are there in the quiet parts of the image too. Finding them belongs here; subtracting them belongs
to `napari_blindspot.engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter

from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["line_offsets", "scan_line_offsets"]

COARSE_SIGMA = 5.0
"""Sigma, in lines, of the Gaussian whose result is left to the image: an offset that changes so slowly
cannot be told from structure. A convention."""

FINE_SIGMA = 2.0
"""Sigma, in lines, of the Gaussian that is taken from the offsets before they are judged. What is left of
them is fast, and hardly any structure is so fast. A convention."""

SEARCH_ROUNDS = 3
"""How often offsets are sought in what the last round has left. A convention."""

ACTIVITY_WINDOW = (9, 15)
"""Lines, and pixels along them, over which a part of the image is judged quiet or not. A convention."""

MIN_DIRECTION_RATIO = 6.0
"""Variance of the fast part of the offsets of one direction over that of the other from which on they are
taken for real. docs/benchmarks/kinds.md, "Offsets of rows or columns", by ``docs/benchmarks/kinds.py``:
with it they are found where they were put, and not on FMDD's images, the stacks or eight photographs of
scikit-image (tests/noise/test_scan_lines.py)."""

MIN_NOISE_SHARE = 0.01
"""Variance of the fast part of the offsets over that of the noise from which on they are worth removing. A
convention; less than this changes the image by less than a tenth of the noise."""

MIN_SIDE = 4 * COARSE_SIGMA
"""Side in pixels of the smallest plane that is looked at. A convention."""


def scan_line_offsets(plane: npt.ArrayLike) -> Floats | None:
    """Find the offsets of the rows or of the columns of a plane.

    Parameters
    ----------
    plane : array_like
        (Y, X) in any unit; NaN where a pixel is missing.

    Returns
    -------
    ndarray or None
        (Y, 1) or (1, X) float64 in the unit of the plane, to be subtracted; their mean is about 0. None
        where neither rows nor columns have any that stand out.
    """
    y = np.asarray(plane, np.float64)
    differences = diagonal_differences(y)
    if min(y.shape) < MIN_SIDE or np.isnan(differences).all():
        return None
    least = MIN_NOISE_SHARE * _noise_variance(differences)
    # One round is enough to see whether there is anything to find.
    fast_rows, fast_columns = (_fast_part(line_offsets(lines, rounds=1)) for lines in (y, y.T))
    if _stand_out(fast_rows, fast_columns, least):
        return line_offsets(y)[:, None]
    if _stand_out(fast_columns, fast_rows, least):
        return line_offsets(y.T)[None, :]
    return None


def _fast_part(offsets: Floats) -> Floats:
    """Return (N,) offsets without what changes slowly from line to line."""
    fast: Floats = offsets - gaussian_filter1d(offsets, FINE_SIGMA)
    return fast


def _stand_out(fast: Floats, across: Floats, least: float) -> bool:
    """Whether offsets are real.

    Next lines must not be alike either: the fast part of independent offsets has a correlation of −0.3 from
    line to line, that of structure a positive one.

    Parameters
    ----------
    fast, across : ndarray
        (N,) and (M,), the fast parts of the offsets of this direction and of the other.
    least : float
        Variance that they must have, in squared units of the plane.
    """
    products = (fast[1:] * fast[:-1]).mean()
    return bool(fast.var() > max(MIN_DIRECTION_RATIO * across.var(), least) and products < 0)


def _noise_variance(differences: Floats) -> float:
    """Return the variance of the noise by diagonal differences, in their unit squared, without offsets."""
    return diagonal_sigma(differences) ** 2 or float(np.nanmean(differences**2))


def line_offsets(y: Floats, rounds: int = SEARCH_ROUNDS) -> Floats:
    """Return the offset of every row against the rows around it, weighing quiet parts most.

    Parameters
    ----------
    y : ndarray
        (Y, X) float64; NaN where a pixel is missing.
    rounds : int
        How often offsets are sought in what is left.

    Returns
    -------
    ndarray
        (Y,) float64 in the unit of the plane.
    """
    valid = np.isfinite(y)
    rest = np.where(valid, y, 0.0)
    near = np.maximum(gaussian_filter1d(valid.astype(np.float64), COARSE_SIGMA, axis=0), 1e-6)
    known = np.maximum(uniform_filter(valid.astype(np.float64), ACTIVITY_WINDOW), 1e-6)
    found = np.zeros(len(y))
    for _ in range(rounds):
        rough = np.where(valid, rest - gaussian_filter1d(rest, COARSE_SIGMA, axis=0) / near, 0.0)
        activity = uniform_filter(rough**2, ACTIVITY_WINDOW) / known
        least = np.quantile(activity[valid], 0.05) + 1e-12 * activity[valid].max() + 1e-300
        weight = valid / np.maximum(activity, least)
        offsets = (weight * rough).sum(1) / np.maximum(weight.sum(1), 1e-300)
        found += offsets
        rest -= np.where(valid, offsets[:, None], 0.0)
    return found
