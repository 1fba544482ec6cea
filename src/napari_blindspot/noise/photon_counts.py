"""Whether the zeros of an image are photons that did not come, or a black level that was cut off.

Only this one question belongs here. What is done with clipped blocks belongs to
`napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.noise.blocks import QUIET_SHARE, detrend

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["MIN_BLOCKS", "counts_photons"]

MIN_BLOCKS = 60
"""Blocks of one kind below which that kind says nothing: dim and bright ones here, unclipped ones in
`napari_blindspot.noise.estimate`. A convention: the quietest tenth of them is 6."""

ROUNDED, MOST_ROUNDED = 1e-6, 0.01
"""By how much of its number of steps, and of a step, a multiple may be off: counts over their greatest are
rounded to 24 bits."""

DIM_PHOTONS = (0.05, 2.0)
"""Mean photons a pixel of dim blocks. In darker blocks too few photons come to measure their variance; in
brighter ones hardly a pixel is zero. A convention, seen on the counts of tests/noise/test_estimate.py,
which have 0.3 to 20 photons at most, and on "photons counted" in docs/benchmarks/kinds.md; no table chose
it."""

DIM_VARIANCE_OVER_MEAN = (0.85, 1.25)
"""Median variance over mean of dim blocks, in units of the step between values. It is 1 for counts, less
the little that detrending takes, plus what structure adds. Seen on the same images."""

MIN_BRIGHT_VARIANCE_OVER_MEAN = 0.7
"""Variance over mean that the quietest tenth of the bright blocks of counts has at least. It is below 1
since those blocks were chosen for their low variance. Seen on the same images."""


def counts_photons(blocks: Floats) -> bool:
    """Whether these are photons counted one by one, whose zeros belong to the noise.

    Then there are only whole multiples of one step from zero, and where photons are few, the variance is
    the mean in units of that step. Neither holds where a camera's noise is cut off at its black level.

    Parameters
    ----------
    blocks : ndarray
        (M, side, side) float64, blocks of an image without NaN.
    """
    if len(blocks) == 0 or blocks.min() != 0:
        return False
    step = np.min(blocks, where=blocks > 0, initial=np.inf)
    if not np.isfinite(step):
        return False
    steps = blocks / step
    if np.any(np.abs(steps - np.rint(steps)) > np.minimum(ROUNDED * steps, MOST_ROUNDED)):
        return False
    photons = blocks.mean((1, 2)) / step
    spread = (detrend(blocks) ** 2).mean((1, 2)) / step**2 / np.maximum(photons, DIM_PHOTONS[0])
    dim = (photons > DIM_PHOTONS[0]) & (photons < DIM_PHOTONS[1])
    bright = photons >= DIM_PHOTONS[1]
    least, most = DIM_VARIANCE_OVER_MEAN
    if dim.sum() < MIN_BLOCKS or not least < np.median(spread[dim]) < most:
        return False
    # Structure adds to the spread of bright blocks, and nothing takes from that of counts.
    return bool(
        bright.sum() < MIN_BLOCKS
        or np.quantile(spread[bright], QUIET_SHARE) > MIN_BRIGHT_VARIANCE_OVER_MEAN
    )
