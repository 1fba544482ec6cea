"""Whether an estimate lies over its noisy plane, or over it when it is moved.

What the planes show plays no part otherwise; that is for `napari_blindspot.inspection.verdict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["best_move"]

COARSE = 8.0
"""Sigma in pixels above which brightness is left out: a slope says little of where a plane lies."""

CHANCE = 6.0
"""Standard deviations by which a plane must fit better elsewhere. Fits of FMDD's development images, their
parts and what blurring makes of them stay below -5; moved by a pixel or more they are above 35."""


def best_move(noisy: npt.ArrayLike, denoised: npt.ArrayLike) -> tuple[int, int] | None:
    """Return the move, in whole pixels, by which an estimate fits its noisy plane clearly better.

    An estimate that lies over its plane correlates with it best where it is: the structure is the same, and
    what it has kept of the noise as well, however much it was smoothed.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X); NaN where a pixel has no value.

    Returns
    -------
    tuple of int or None
        (rows, columns) by which the estimate would have to be moved; None where it fits best as it is, or
        the difference may be chance.
    """
    above, below = _detail(noisy), _detail(denoised)
    spectrum = fft.rfft2(below)
    with_noisy = fft.irfft2(fft.rfft2(above) * spectrum.conj(), above.shape) / above.size
    with_itself = fft.irfft2(np.abs(spectrum) ** 2, above.shape) / above.size
    gain = with_noisy - with_noisy[0, 0]
    # The variance of a mean over the plane of noise times the difference of two estimates.
    spread = np.sqrt(2 * np.maximum(with_itself[0, 0] - with_itself, 0.0) * above.var() / above.size)
    at = np.unravel_index(int(np.argmax(gain)), gain.shape)
    if not gain[at] > CHANCE * spread[at]:
        return None
    rows, columns = (
        int(place) if place <= side // 2 else int(place) - side
        for place, side in zip(at, gain.shape, strict=True)
    )
    return rows, columns


def _detail(image: npt.ArrayLike) -> Floats:
    """Return what is finer than `COARSE`, (Y, X), with 0 where a pixel has no value."""
    plane = np.asarray(image, np.float64)
    known = np.isfinite(plane)
    filled = np.where(known, plane, plane[known].mean() if known.any() else 0.0)
    return np.asarray(filled - gaussian_filter(filled, COARSE))
