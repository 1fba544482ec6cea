"""Offsets that the pixels of a row or of a column have in common: readout noise, a detector that flickers.

To a blind spot they look like structure, since the rest of the line tells of them. They are known from
structure by three things: they run in one direction only, no line knows of the next, and they are there in
the quiet parts of the image too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter

from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["scan_line_offsets"]

COARSE = 5.0
"""Sigma in lines of what is left to the image: so slow an offset is not told from structure."""

FINE = 2.0
"""Sigma in lines of what offsets must have beyond it: there hardly any structure is left."""

ROUNDS = 3
"""How often the offsets are sought in what the last ones have left."""

WINDOW = (9, 15)
"""Lines and pixels along them over which a part of the image is found quiet or not."""

ONE_SIDED, LEAST = 6.0, 0.01
"""Variance of the fine part of the offsets over that in the other direction, and over that of the noise,
from which on they are taken for real. Next lines must not be alike either: the fine part of independent
offsets has a correlation of −0.3 there, that of structure a positive one."""


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
    if min(y.shape) < 4 * COARSE or not np.isfinite(y).any():
        return None
    least = LEAST * _noise_variance(y)
    # One round is enough to see whether there is anything to find.
    fine_rows, fine_columns = (_fine(_offsets(lines, rounds=1)) for lines in (y, y.T))
    if _stand_out(fine_rows, fine_columns, least):
        return _offsets(y)[:, None]
    if _stand_out(fine_columns, fine_rows, least):
        return _offsets(y.T)[None, :]
    return None


def _fine(offsets: Floats) -> Floats:
    fine: Floats = offsets - gaussian_filter1d(offsets, FINE)
    return fine


def _stand_out(fine: Floats, across: Floats, least: float) -> bool:
    alike = (fine[1:] * fine[:-1]).mean()
    return bool(fine.var() > max(ONE_SIDED * across.var(), least) and alike < 0)


def _noise_variance(y: Floats) -> float:
    differences = diagonal_differences(y)
    return diagonal_sigma(differences) ** 2 or float(np.nanmean(differences**2))


def _offsets(y: Floats, rounds: int = ROUNDS) -> Floats:
    """Return the offset of every row against the rows around it, weighing quiet parts most."""
    valid = np.isfinite(y)
    rest = np.where(valid, y, 0.0)
    near = np.maximum(gaussian_filter1d(valid.astype(np.float64), COARSE, axis=0), 1e-6)
    found = np.zeros(len(y))
    for _ in range(rounds):
        rough = np.where(valid, rest - gaussian_filter1d(rest, COARSE, axis=0) / near, 0.0)
        activity = uniform_filter(rough**2, WINDOW)
        weight = valid / np.maximum(activity, np.quantile(activity, 0.05) + 1e-12 * activity.max() + 1e-300)
        offsets = (weight * rough).sum(1) / np.maximum(weight.sum(1), 1e-300)
        found += offsets
        rest -= np.where(valid, offsets[:, None], 0.0)
    return found
