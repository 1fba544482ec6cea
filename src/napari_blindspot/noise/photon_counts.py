"""Whether the zeros of an image are photons that did not come, or a black level that was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.noise.blocks import QUIETEST, detrend

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["FEWEST", "counts_photons"]

FEWEST = 60
"""Blocks that are needed to do without all others."""

DIM = (0.05, 2.0)
"""Photons a pixel between which a block shows whether its zeros are counts or a clipped black level."""

POISSON = (0.85, 1.25)
"""Variance over mean of dim blocks that is the one of counts, 1: the trend takes a little from it, and
structure adds to it."""

LEAST = 0.7
"""Variance over mean that even the quietest bright blocks of counts have."""


def counts_photons(blocks: Floats) -> bool:
    """Whether these are photons counted one by one, whose zeros belong to the noise.

    Then there are only whole multiples of one step from zero, and where photons are few, the variance is
    the mean in units of that step. Neither holds where a camera's noise is cut off at its black level.

    Parameters
    ----------
    blocks : ndarray
        (M, side, side) float64, blocks of an image.
    """
    if len(blocks) == 0 or blocks.min() != 0:
        return False
    step = np.min(blocks, where=blocks > 0, initial=np.inf)
    if not np.isfinite(step) or np.any(blocks % step):
        return False
    photons = blocks.mean((1, 2)) / step
    spread = (detrend(blocks) ** 2).mean((1, 2)) / step**2 / np.maximum(photons, DIM[0])
    dim = (photons > DIM[0]) & (photons < DIM[1])
    bright = photons >= DIM[1]
    if dim.sum() < FEWEST or not POISSON[0] < np.median(spread[dim]) < POISSON[1]:
        return False
    # Structure adds to the spread of bright blocks, and nothing takes from that of counts.
    return bool(bright.sum() < FEWEST or np.quantile(spread[bright], QUIETEST) > LEAST)
