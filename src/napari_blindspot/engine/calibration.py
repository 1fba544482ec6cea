"""Intensities put right by the noisy pixels: networks render bright structures a few percent off.

A prediction that has not seen a pixel says nothing about its noise. So among all pixels of like prediction
the noisy image is right on average, and so must the estimate be. Only valid where the prediction is truly
blind: not where noise reaches across the hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

__all__ = ["calibrate"]

BINS = 64
"""Most levels of intensity that are compared."""

FEWEST = 1024
"""Pixels of a level; the brightest structures of a plane are often no more."""


def calibrate(
    estimate: npt.NDArray[np.float64],
    blind: npt.NDArray[np.float64],
    noisy: npt.NDArray[Any],
    missing: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """Add what the noisy pixels lack or exceed on average, as a function of the blind prediction.

    A difference is shrunk by the share of it that chance explains.

    Parameters
    ----------
    estimate : ndarray
        (Y, X), intensities to put right.
    blind : ndarray
        (Y, X), predictions of each pixel by others, for which no noise is common to both.
    noisy : ndarray
        (Y, X).
    missing : ndarray
        (Y, X) bool, pixels without a value; they tell nothing, but are corrected by their prediction.
    """
    known = np.flatnonzero(~missing)
    order = known[np.argsort(blind.ravel()[known], kind="stable")]
    count = min(BINS, len(order) // FEWEST)
    if count < 2:
        return estimate
    levels, corrections = [], []
    for level in np.array_split(order, count):
        differences = noisy.ravel()[level] - estimate.ravel()[level]
        mean = differences.mean()
        chance = differences.var() / len(level)
        levels.append(blind.ravel()[level].mean())
        corrections.append(mean * max(0.0, 1.0 - chance / max(mean**2, 1e-300)))
    correction: npt.NDArray[np.float64] = np.interp(blind, levels, corrections)
    return estimate + correction
