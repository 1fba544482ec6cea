"""Isolated pixels that no lens can have made: hot and dead ones, and what cosmic rays leave.

A point of light reaches the pixels around it as well, however small it is. A pixel that lies many standard
deviations from its surroundings, and whose neighbours show nothing of it, is the camera's. Replacing such
pixels belongs to `napari_blindspot.engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["find_defects"]

DEFECT_SIGMAS = 8.0
"""Standard deviations from the surroundings, of their noise or of their structure, from which on a pixel
may be a defect. docs/benchmarks/kinds.md, "Hot pixels": with it, none are found on FMDD's images and the
stacks, and all of 183 that were put on the images of ``docs/benchmarks/kinds.py``."""

NEIGHBOUR_LIGHT_SHARE = 0.1
"""Share of a point of light that reaches the next pixels on average. tests/noise/test_defects.py has points
of a Gaussian of 0.5 pixels, where it is smallest; no table."""

NEIGHBOUR_MEAN_SIGMAS = 1.0
"""Standard deviations by which the mean of a few neighbours may be off by chance. A convention: twice the
standard deviation of the mean of four."""

MOST_OF_WHAT_IS_THERE = 0.5
"""Share of the pixels that are off the most frequent value which defects may be. A convention: where they
are more, as in a plane of a few dozen photons, they are what there is to see."""

SIGMAS_PER_MAD = 1.4826
"""Standard deviation of Gaussian numbers over the median of their absolute values."""


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
    above, here, below = (reflected[start : start + len(stabilised), 2:-2] for start in (1, 2, 3))
    low, high = np.minimum(above, below), np.maximum(above, below)
    # The median of the three.
    vertical = np.maximum(low, np.minimum(high, here))
    rows, columns = np.nonzero(np.abs(stabilised - vertical) > DEFECT_SIGMAS / 2)
    found = np.zeros(stabilised.shape, bool)
    if len(rows) == 0:
        return found
    patches = windows[rows, columns]
    surroundings = np.median(patches[:, ring], axis=1)
    height = stabilised[rows, columns] - surroundings
    sign = np.sign(height)[:, None]
    most = NEIGHBOUR_LIGHT_SHARE * np.abs(height) + NEIGHBOUR_MEAN_SIGMAS
    structure = SIGMAS_PER_MAD * np.median(np.abs(patches[:, ring] - surroundings[:, None]), axis=1)
    defect = np.abs(height) > DEFECT_SIGMAS * np.maximum(structure, 1.0)
    for pixels in (beside, around):
        heights = np.sort(sign * (patches[:, pixels] - surroundings[:, None]), axis=1)
        # The largest is left out: the defect's neighbour may be a defect as well.
        defect &= heights[:, :-1].mean(axis=1) < most
    off = np.count_nonzero(np.isfinite(stabilised) & (stabilised != np.nanmedian(stabilised)))
    if np.count_nonzero(defect) <= MOST_OF_WHAT_IS_THERE * off:
        found[rows[defect], columns[defect]] = True
    return found
