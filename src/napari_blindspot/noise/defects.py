"""Isolated pixels that no lens can have made: hot and dead ones, and what cosmic rays leave.

A point of light reaches the pixels around it as well, however small it is. A pixel far beyond its noise
whose neighbours show nothing of it is the camera's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["find_defects"]

FAR = 8.0
"""Standard deviations from the surroundings, of their noise or of their structure, that are no chance."""

SPILT = 0.1
"""Share of a point of light that reaches the next pixels on average, also where it is sampled coarsely."""

MARGIN = 1.0
"""Standard deviations that the mean of a few neighbours may have by chance."""


def find_defects(stabilised: Floats) -> npt.NDArray[np.bool_]:
    """Find the isolated pixels that are far brighter or darker than all around them.

    Parameters
    ----------
    stabilised : ndarray
        (Y, X) float64, a plane whose noise has standard deviation 1 and is independent from pixel to pixel;
        NaN where a pixel is missing.

    Returns
    -------
    ndarray
        (Y, X) bool. At most two of a kind that touch are found: more may be an object.
    """
    reflected = np.pad(stabilised, 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(reflected, (5, 5))
    y, x = np.mgrid[-2:3, -2:3]
    ring, beside = np.maximum(abs(y), abs(x)) == 2, abs(y) + abs(x) == 1
    around = beside | ((abs(y) == 1) & (abs(x) == 1))
    # Only few pixels stand out from both neighbours in y; what follows is too slow for all of them.
    vertical = np.median(windows[:, :, 1:4, 2], axis=2)
    rows, columns = np.nonzero(np.abs(stabilised - vertical) > FAR / 2)
    found = np.zeros(stabilised.shape, bool)
    if len(rows) == 0:
        return found
    patches = windows[rows, columns]
    surroundings = np.median(patches[:, ring], axis=1)
    height = stabilised[rows, columns] - surroundings
    sign = np.sign(height)[:, None]
    most = SPILT * np.abs(height) + MARGIN
    structure = 1.4826 * np.median(np.abs(patches[:, ring] - surroundings[:, None]), axis=1)
    defect = np.abs(height) > FAR * np.maximum(structure, 1.0)
    for pixels in (beside, around):
        heights = np.sort(sign * (patches[:, pixels] - surroundings[:, None]), axis=1)
        # The largest is left out: the defect's neighbour may be a defect as well.
        defect &= heights[:, :-1].mean(axis=1) < most
    found[rows[defect], columns[defect]] = True
    return found
