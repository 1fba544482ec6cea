"""How finely an image resolves: two halves of its photons, and how far their Fourier rings agree.

Nieuwenhuizen et al., "Measuring image resolution in optical nanoscopy" (Nature Methods 2013) for the
correlation of rings and the threshold 1/7. Halves of one exposure are made by noise that is added to one
and taken from the other, as Batson and Royer, "Noise2Self" (ICML 2019) and Oliveira et al., "Unbiased Risk
Estimation in the Normal Means Problem via Coupled Bootstrap Techniques" (2021) do. Denoising the halves
belongs to `napari_blindspot.api`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d

from napari_blindspot.inspection.residual import noise_sigma

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.inspection.residual import MeasuredNoise

    Floats = npt.NDArray[np.float64]

__all__ = ["RingCorrelation", "draw_noise", "ring_correlation", "split_noise"]

THRESHOLD = 1 / 7
"""Correlation of rings at which an image counts as resolved; the convention of the field."""

SMOOTHED_RINGS = 3
"""Rings whose mean is compared with the threshold, so that one lucky ring decides nothing."""

FADE = 1 / 8
"""Share of each side over which an image fades to its mean: its opposite borders do not meet. A convention
of the field (Tukey window)."""


@dataclass(frozen=True, slots=True)
class RingCorrelation:
    """The Fourier ring correlation of two images.

    Attributes
    ----------
    frequency : ndarray
        (R,) in cycles a pixel, up to 0.5.
    correlation : ndarray
        (R,), in [-1, 1].
    resolution : float
        The period in pixels at which the correlation falls below 1/7: the smaller, the finer. 2 where it
        never does, infinity where it is below from the beginning.
    """

    frequency: Floats
    correlation: Floats
    resolution: float


def draw_noise(
    denoised: npt.ArrayLike, noise: MeasuredNoise, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw noise of the strength and correlation that was measured.

    Parameters
    ----------
    denoised : array_like
        (Y, X), intensities that the strength follows.
    noise : MeasuredNoise
        Of the plane.
    rng : Generator
        Draws it.

    Returns
    -------
    ndarray
        (Y, X) float64, Gaussian.
    """
    sigma = noise_sigma(denoised, noise)
    white = rng.standard_normal(sigma.shape)
    reach = len(noise.correlation) // 2
    if reach == 0:
        return sigma * white
    table = np.zeros(sigma.shape)
    offsets = np.arange(-reach, reach + 1)
    table[np.ix_(offsets % sigma.shape[0], offsets % sigma.shape[1])] = noise.correlation
    power = np.maximum(np.fft.fft2(table).real, 0.0)
    shaped = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(power / power.mean())).real
    return np.asarray(sigma * shaped, np.float64)


def split_noise(
    noisy: npt.ArrayLike, denoised: npt.ArrayLike, noise: MeasuredNoise, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return two images of the same scene whose noise is independent, each as of half the exposure.

    Noise of the measured strength and correlation is added to one and subtracted from the other: the
    covariance of the two sums is the difference of two equal variances.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X).
    noise : MeasuredNoise
        Of the plane.
    seed : int
        Draws the noise.

    Returns
    -------
    tuple of ndarray
        Two of (Y, X) float64, with √2 times the standard deviation of the noise.
    """
    image = np.asarray(noisy, np.float64)
    drawn = draw_noise(denoised, noise, np.random.default_rng(seed))
    return image + drawn, image - drawn


def ring_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> RingCorrelation:
    """Correlate two images ring by ring in Fourier space.

    Parameters
    ----------
    first, second : array_like
        (Y, X) of the same scene; NaN count as the mean.
    """
    spectra = [np.fft.rfft2(_faded(image)) for image in (first, second)]
    height, width = np.shape(first)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    rings = min(height, width) // 2
    index = np.minimum((radius * 2 * rings).astype(int), rings)
    # Every coefficient but those of the first and the last column stands for two.
    weight = np.full(radius.shape, 2.0)
    weight[:, 0] = 1.0
    if width % 2 == 0:
        weight[:, -1] = 1.0

    def per_ring(values: Floats) -> Floats:
        sums = np.bincount(index.ravel(), (values * weight).ravel(), rings + 1)
        return np.asarray(sums[1:rings], np.float64)

    cross = per_ring((spectra[0] * spectra[1].conj()).real)
    power = per_ring(np.abs(spectra[0]) ** 2) * per_ring(np.abs(spectra[1]) ** 2)
    correlation = cross / np.sqrt(np.maximum(power, np.finfo(float).tiny))
    frequency = (np.arange(1, rings) + 0.5) / (2 * rings)
    return RingCorrelation(frequency, correlation, _resolution(frequency, correlation))


def _faded(image: npt.ArrayLike) -> Floats:
    """Return an image, (Y, X), without its mean, which fades to 0 at its borders."""
    plane = np.asarray(image, np.float64)
    plane = np.nan_to_num(plane - np.nanmean(plane))
    for axis, side in enumerate(plane.shape):
        ramp = max(1, round(side * FADE))
        edge = np.minimum(np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5, ramp) / ramp
        window = 0.5 - 0.5 * np.cos(math.pi * edge)
        plane = plane * np.expand_dims(window, 1 - axis)
    return plane


def _resolution(frequency: Floats, correlation: Floats) -> float:
    """Return the period in pixels where a curve first falls below the threshold."""
    smooth = uniform_filter1d(correlation, SMOOTHED_RINGS, mode="nearest")
    below = np.flatnonzero(smooth < THRESHOLD)
    if not below.size:
        return 2.0
    at = int(below[0])
    if at == 0:
        return math.inf
    share = (smooth[at - 1] - THRESHOLD) / (smooth[at - 1] - smooth[at])
    return float(1 / (frequency[at - 1] + share * (frequency[at] - frequency[at - 1])))
