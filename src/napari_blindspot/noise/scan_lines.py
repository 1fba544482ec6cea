"""Offsets that all pixels of a row or of a column have in common: readout noise, a detector that flickers.

A blind spot takes them for structure, because the other pixels of the line show the same offset. Three
things tell them from structure: they run in one direction only, the offsets of next lines are independent,
and they are there in the quiet parts of the image too. Finding them belongs here; subtracting them belongs
to `napari_blindspot.engine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter

from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["MIN_SIDE", "LineOffsets", "both_ways", "line_offsets", "scan_line_offsets"]

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

ACTIVITY_STEPS = slice(None, None, 3), slice(None, None, 5)
"""Which of the activities, a third of their window apart, say how quiet the quietest parts are."""

MIN_DIRECTION_RATIO = 6.0
"""Variance of the fast part of the offsets of one direction over that of the other from which on they are
taken for real. docs/benchmarks/kinds.md, "Offsets of rows or columns", by ``docs/benchmarks/kinds.py``:
with it they are found where they were put, and not on FMDD's images, the stacks or eight photographs of
scikit-image (tests/noise/test_scan_lines.py)."""

MIN_NOISE_SHARE = 0.01
"""Variance of the fast part of the offsets over that of the noise from which on they are worth removing. A
convention; less than this changes the image by less than a tenth of the noise."""

LEAST_KNOWN = 0.25
"""Pixels with a value that a line must have, relative to the line that has most. A convention: of shorter
ones, at the edge of a round field of view, the structure of the few pixels would pass for an offset."""

MIN_SIDE = 4 * COARSE_SIGMA
"""Side in pixels of the smallest plane that is looked at. A convention."""


@dataclass(frozen=True, slots=True)
class LineOffsets:
    """The offsets of all lines of a plane, real or not, after each round of the search.

    Attributes
    ----------
    rows : ndarray
        (`SEARCH_ROUNDS`, Y) float64 in the unit of the plane.
    columns : ndarray
        (`SEARCH_ROUNDS`, X), likewise.
    """

    rows: Floats
    columns: Floats

    @classmethod
    def of(cls, plane: npt.ArrayLike) -> LineOffsets:
        """Measure a plane, (Y, X) in any unit; NaN where a pixel is missing."""
        return cls(*(line_offsets(lines) for lines in both_ways(plane)))


def both_ways(plane: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return a plane, (Y, X), as its rows and as its columns, (X, Y), for `line_offsets`."""
    y = np.asarray(plane, np.float64)
    return y, y.T


def scan_line_offsets(plane: npt.ArrayLike, found: LineOffsets | None = None) -> Floats | None:
    """Find the offsets of the rows or of the columns of a plane.

    Parameters
    ----------
    plane : array_like
        (Y, X) in any unit; NaN where a pixel is missing.
    found : LineOffsets, optional
        Those of the plane, where they were measured already.

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
    found = found or LineOffsets.of(y)
    least = MIN_NOISE_SHARE * _noise_variance(differences)
    # One round is enough to see whether there is anything to find.
    fast_rows, fast_columns = _fast_part(found.rows[0]), _fast_part(found.columns[0])
    offsets: Floats | None = None
    if _stand_out(fast_rows, fast_columns, least):
        offsets = found.rows[-1][:, None]
    elif _stand_out(fast_columns, fast_rows, least):
        offsets = found.columns[-1][None, :]
    return offsets


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


def line_offsets(y: Floats) -> Floats:
    """Return the offset of every row against the rows around it, weighing quiet parts most.

    Parameters
    ----------
    y : ndarray
        (Y, X) float64; NaN where a pixel is missing.

    Returns
    -------
    ndarray
        (`SEARCH_ROUNDS`, Y) float64 in the unit of the plane: after each round, in which offsets are sought
        in what the one before has left. Lines with too few values to tell have 0.
    """
    finite = np.isfinite(y)
    if not finite.any():
        return np.zeros((SEARCH_ROUNDS, len(y)))
    # Where no pixel is missing, the shares of known pixels are 1, and an offset is one number a row.
    valid: npt.NDArray[np.bool_] | None = None
    near: Floats | float = 1.0
    known: Floats | float = 1.0
    rest = y
    if not finite.all():
        valid, seen = finite, finite.astype(np.float64)
        near = np.maximum(gaussian_filter1d(seen, COARSE_SIGMA, axis=0), 1e-6)
        known = np.maximum(uniform_filter(seen, ACTIVITY_WINDOW), 1e-6)
        rest = np.where(finite, y, 0.0)
    rough = _fast(rest, near, valid)
    counts = finite.sum(1)
    tells = counts >= LEAST_KNOWN * counts.max()
    rounds = [np.zeros(len(y))]
    while True:
        activity = uniform_filter(rough**2, ACTIVITY_WINDOW)
        activity /= known
        sample = (activity if valid is None else np.where(valid, activity, np.nan))[ACTIVITY_STEPS]
        least = np.nanquantile(sample, 0.05) + 1e-12 * np.nanmax(sample) + 1e-300
        weight = np.reciprocal(np.maximum(activity, least, out=activity), out=activity)
        if valid is not None:
            weight *= valid
        offsets = tells * np.einsum("yx,yx->y", weight, rough) / np.maximum(weight.sum(1), 1e-300)
        rounds.append(rounds[-1] + offsets)
        if len(rounds) > SEARCH_ROUNDS:
            return np.stack(rounds[1:])
        # The filter is linear: what it makes of the rest follows from what it makes of the offsets.
        of_rows = offsets[:, None] if valid is None else offsets[:, None] * valid
        rough -= _fast(of_rows, near, valid)


def _fast(values: Floats, near: Floats | float, valid: npt.NDArray[np.bool_] | None) -> Floats:
    """Return what changes fast from row to row in (Y, X) or (Y, 1) values; 0 where there is none."""
    fast: Floats = values - gaussian_filter1d(values, COARSE_SIGMA, axis=0) / near
    return fast if valid is None else np.where(valid, fast, 0.0)
