"""What was removed: the residual on the scale of the noise, its energy in bands, its autocorrelation.

What follows from these figures belongs to `napari_blindspot.inspection.verdict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = [
    "MeasuredNoise",
    "autocorrelation_of_residual",
    "band_energy",
    "expected_energy",
    "noise_sigma",
    "standardised_residual",
]

LEAST_VARIANCE = 0.1
"""Least variance of the noise, relative to that at the median intensity, or to its mean where that is 0:
the fitted line may reach 0. A convention."""

FARTHEST_SIGMA = 6.0
"""Standard deviations at which a standardised residual is cut off, so that a defect is not a structure. A
convention."""

PERIOD = 64
"""Side in pixels of the grid on which the energy of correlated noise is summed up. A convention: the
longest lag that is measured is 8."""


class MeasuredNoise(Protocol):
    """What is asked of a noise model, such as `napari_blindspot.core.noise_model.NoiseModel`."""

    @property
    def correlation(self) -> Floats:
        """(2L+1, 2L+1), the autocorrelation, lag 0 in the middle."""

    def variance(self, intensity: npt.ArrayLike) -> Floats:
        """Return the variance at intensities, of their shape."""


def noise_sigma(denoised: npt.ArrayLike, noise: MeasuredNoise) -> Floats:
    """Return the standard deviation of the noise at every pixel of a denoised plane.

    Parameters
    ----------
    denoised : array_like
        (Y, X); NaN where a pixel has no value.
    noise : MeasuredNoise
        Of the plane.

    Returns
    -------
    ndarray
        (Y, X) float64, in the unit of the plane; positive, and NaN where the plane is.
    """
    image = np.asarray(denoised, np.float64)
    variance = noise.variance(image)
    # Of a plane that is black for the most part the fitted line is 0 at the median.
    typical = float(noise.variance(np.nanmedian(image))) or float(np.nanmean(variance))
    variance = np.maximum(variance, max(LEAST_VARIANCE * typical, np.finfo(float).tiny))
    return np.where(np.isfinite(image), np.sqrt(variance), np.nan)


def standardised_residual(noisy: npt.ArrayLike, denoised: npt.ArrayLike, noise: MeasuredNoise) -> Floats:
    """Return what was removed, in standard deviations of the noise.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X), of one scale; NaN where a pixel has no value.
    noise : MeasuredNoise
        Of the plane.

    Returns
    -------
    ndarray
        (Y, X) float64; a perfect estimate leaves a standard deviation of 1.
    """
    residual: Floats = np.asarray(noisy, np.float64) - np.asarray(denoised, np.float64)
    return residual / noise_sigma(denoised, noise)


def autocorrelation_of_residual(residual: npt.ArrayLike, lags: int) -> Floats:
    """Return the autocorrelation of a residual.

    Parameters
    ----------
    residual : array_like
        (Y, X), best standardised; NaN are left out.
    lags : int
        Longest lag in y and in x, in pixels.

    Returns
    -------
    ndarray
        (2 * lags + 1, 2 * lags + 1) float64, lag 0 in the middle, where it is 1; zeros elsewhere for a
        residual that is constant.
    """
    plane = np.asarray(residual, np.float64)
    known = np.isfinite(plane)
    centred = np.where(known, plane - plane[known].mean(), 0.0) if known.any() else np.zeros(plane.shape)
    size = [side + lags for side in plane.shape]
    power = np.abs(np.fft.rfft2(centred, size)) ** 2
    overlap = np.abs(np.fft.rfft2(known.astype(np.float64), size)) ** 2
    offsets = np.arange(-lags, lags + 1)
    pick = np.ix_(offsets, offsets)
    counts = np.maximum(np.fft.irfft2(overlap, size)[pick], 1.0)
    table: Floats = np.fft.irfft2(power, size)[pick] / counts
    middle = table[lags, lags]
    if middle <= 0:
        table = np.zeros_like(table)
        middle = table[lags, lags] = 1.0
    return np.asarray(table / middle, np.float64)


def band_energy(residual: Floats, fine: float, coarse: float) -> Floats:
    """Return the squared residual between two scales, at every pixel.

    Parameters
    ----------
    residual : ndarray
        (Y, X) float64, standardised; NaN count as 0.
    fine, coarse : float
        Sigmas in pixels of the Gaussians whose difference is the band; 0 for no smoothing.

    Returns
    -------
    ndarray
        (Y, X) float64.
    """
    clipped = np.clip(np.nan_to_num(residual), -FARTHEST_SIGMA, FARTHEST_SIGMA)
    band: Floats = gaussian_filter(clipped, fine) - gaussian_filter(clipped, coarse)
    return np.asarray(np.square(band), np.float64)


def expected_energy(correlation: Floats, fine: float, coarse: float) -> float:
    """Return what `band_energy` gives on average for noise of standard deviation 1 and a correlation.

    Parameters
    ----------
    correlation : ndarray
        (2L+1, 2L+1), lag 0 in the middle.
    fine, coarse : float
        As for `band_energy`.
    """
    reach = len(correlation) // 2
    table: npt.NDArray[Any] = np.zeros((PERIOD, PERIOD))
    offsets = np.arange(-reach, reach + 1) % PERIOD
    table[np.ix_(offsets, offsets)] = correlation
    power = np.maximum(np.fft.fft2(table).real, 0.0)
    impulse = np.zeros((PERIOD, PERIOD))
    impulse[0, 0] = 1.0
    kernel = gaussian_filter(impulse, fine, mode="wrap") - gaussian_filter(impulse, coarse, mode="wrap")
    return float((power * np.abs(np.fft.fft2(kernel)) ** 2).mean() * power.size / power.sum())
