"""How sure an estimate is: the standard deviation of the error that is to be expected at every pixel.

A denoiser that is nearly a Wiener filter keeps of each band of frequencies the share in which the signal
exceeds the noise, and what it keeps of the noise there is its error. So the error grows with the noise, and
with the detail of the estimate on the scale of the noise, up to the noise itself. By the same argument,
what the residual lacks of the noise's variance is the mean squared error, as far as the noise was measured
well.
The prediction is the noise's variance times a sum of such terms, whose weights are fitted.

docs/benchmarks/uncertainty.md has how often the error lies within two of these standard deviations, and
``docs/benchmarks/uncertainty.py`` makes its tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_blindspot.inspection.residual import FARTHEST_SIGMA, MeasuredNoise, expected_energy, noise_sigma

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["error_sigma"]

FLOOR = 0.0046
"""Variance of the error where nothing is to be seen, relative to that of white noise. Only the lowest
frequencies are left there, at which correlated noise is stronger by the sum of its autocorrelation, as far
as that is at least `SHARED`."""

SHARED = 0.1
"""Least correlation of two pixels that counts. A convention: less may be chance, of which many add up."""

WHOLE_WEIGHT, WHOLE_SHARE = 0.282, 0.95
"""Weight of the variance that the residual of the whole plane lacks, and the share of the noise's below
which it lacks any: the noise is measured to a few per cent."""

NEAR_WEIGHT, NEAR_SHARE = 0.149, 0.92
"""The same for the residual around a pixel."""

NEAR = 8.0
"""Sigma in pixels of what is around a pixel."""

DETAIL = ((0.7, 1.4, 1.5, 2.95), (2.8, 5.6, 4.2, 0.88))
"""Bands of detail: the two sigmas of the band in pixels, the sigma over which its power is averaged, and
the weight of the noise that is kept in it."""

HALF_KEPT = 0.3
"""Power of the detail relative to the noise's in its band at which half of the noise is kept: the estimate
has already lost some of its detail."""

FINE_WINDOW, FINE_SHARE, LEAST_SHARE = 6.0, 0.3, 0.02
"""Where the noisy image varies from pixel to pixel by less than `FINE_SHARE` of the noise's energy (over a
Gaussian of `FINE_WINDOW` pixels), it is clipped and its noise is weaker, down to `LEAST_SHARE`."""


def error_sigma(
    noisy: npt.ArrayLike, denoised: npt.ArrayLike, noise: MeasuredNoise
) -> npt.NDArray[np.float32]:
    """Return the standard deviation of the error that is to be expected of an estimate.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X), of one scale; NaN where a pixel has no value.
    noise : MeasuredNoise
        Measured on the noisy plane, for example by `napari_blindspot.estimate_noise`.

    Returns
    -------
    ndarray
        (Y, X) float32 in the unit of the planes; NaN where a pixel has no value. About 95 of 100 pixels lie
        within two of them.
    """
    y, x = np.asarray(noisy, np.float64), np.asarray(denoised, np.float64)
    known = np.isfinite(y) & np.isfinite(x)
    if not known.any():
        return np.full(x.shape, np.nan, np.float32)
    x = np.where(known, x, x[known].mean())
    y = np.where(known, y, x)
    sigma = _clipped_sigma(y, noise_sigma(x, noise), noise)
    squares = np.clip((y - x) / sigma, -FARTHEST_SIGMA, FARTHEST_SIGMA) ** 2
    lowest = max(float(noise.correlation[noise.correlation >= SHARED].sum()), 1.0)
    share = FLOOR * lowest + WHOLE_WEIGHT * max(WHOLE_SHARE - float(squares[known].mean()), 0.0)
    share = share + NEAR_WEIGHT * np.maximum(NEAR_SHARE - gaussian_filter(squares, NEAR), 0.0)
    for fine, coarse, window, weight in DETAIL:
        band = (gaussian_filter(x, fine) - gaussian_filter(x, coarse)) / sigma
        power = gaussian_filter(band**2, window)
        expected = expected_energy(noise.correlation, fine, coarse)
        share = share + weight * expected * power / (power + HALF_KEPT * expected)
    return np.where(known, sigma * np.sqrt(share), np.nan).astype(np.float32)


def _clipped_sigma(y: Floats, sigma: Floats, noise: MeasuredNoise) -> Floats:
    """Return the standard deviation of the noise, smaller where the plane is clipped, (Y, X)."""
    scaled = y / sigma
    fine = np.clip(scaled - gaussian_filter(scaled, 1.0), -FARTHEST_SIGMA, FARTHEST_SIGMA) ** 2
    found = gaussian_filter(fine, FINE_WINDOW) / expected_energy(noise.correlation, 0.0, 1.0)
    return np.asarray(sigma * np.sqrt(np.clip(found / FINE_SHARE, LEAST_SHARE, 1.0)), np.float64)
