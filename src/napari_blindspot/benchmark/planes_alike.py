"""A stack like a plane, for whatever is timed on stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["planes_alike"]

STEP = 1
"""Columns by which each plane is moved on."""

SMOOTHING, PHOTONS = 1.5, 30.0
"""Sigma in pixels by which the plane's own noise is taken away, and photons at the brightest pixel."""


def planes_alike(image: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """Return planes that show what an image does, each moved a little on, with photon noise of its own.

    Parameters
    ----------
    image : ndarray
        (Y, X) float32 in [0, 255].
    length : int
        How many.

    Returns
    -------
    ndarray
        (length, Y, X) float32.
    """
    clean, gain = gaussian_filter(image, SMOOTHING).clip(min=0), 255 / PHOTONS
    rng = np.random.default_rng(0)
    planes = (np.roll(clean, STEP * at, axis=1) for at in range(length))
    return np.stack([gain * rng.poisson(plane / gain) for plane in planes]).astype(np.float32)
