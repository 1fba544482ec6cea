"""The risk of a linear blind-spot denoiser: the paper's Proposition 1, and its kriging form for real masks.

It says how far from a pixel the visible ones must keep on *this* image: near ones share its noise, distant
ones say little about its signal. Which gap follows from it belongs to `napari_blindspot.noise.gap_choice`;
nothing here fits or predicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["blind_spot_risk", "linear_risk", "signal_covariance"]

MIN_VARIANCE = 0.05
"""Least variance of the noise, and least share of it at lag 0 that its correlation leaves unexplained. A
convention that keeps both away from 0."""

RIDGE = 1e-6
"""Added to the diagonal of the system, relative to the variance of the image. A convention: a measured
table may be slightly indefinite, and this is far below any noise."""


def linear_risk(
    count: int, signal: float, sigma: float, noise_correlation: float, value_spread: float
) -> float:
    """Return the risk of the best linear blind-spot denoiser by the paper's Proposition 1, corrected.

    Quan et al. (CVPR 2025) have every visible pixel share noise, and differ in value, alike. The paper's
    equation (10) loses a factor: μ_j multiplies x0 in equation (4), so that its term in the denominator is
    λ_v²σ²x0², not λ_v²σ². No fit uses this form; the gap is chosen by `blind_spot_risk`, which knows where
    the visible pixels lie. It stays as the theory that the method rests on, and a test holds it against
    Monte Carlo.

    Parameters
    ----------
    count : int
        M, the number of visible pixels.
    signal : float
        x0, the true intensity.
    sigma : float
        σ, the noise's standard deviation.
    noise_correlation : float
        λ_n, in [-1, 1].
    value_spread : float
        λ_v, how much the visible pixels' values differ from x0.

    Returns
    -------
    float
        E|D_a*(y) - x0|², in squared intensities.
    """
    power, noise = signal**2, sigma**2
    shared = noise_correlation**2
    denominator = count * power + (count - 1) * shared * noise + value_spread**2 * noise * power + noise
    return float(power - count * (power**2 - shared * noise**2) / denominator)


def signal_covariance(image: npt.ArrayLike, correlation: Floats, reach: int) -> tuple[Floats, float]:
    """Split the autocovariance of a noisy image into that of its signal and the variance of its noise.

    The signal is taken to be smooth at lag 0 (a parabola through lags 1 and 2), the noise to have its
    measured correlation; the rest at lag 0 is the noise's variance.

    Parameters
    ----------
    image : array_like
        (Y, X), stabilised, so that the noise has a variance of at most 1 everywhere; NaN where a pixel is
        missing.
    correlation : ndarray
        (2L+1, 2L+1) autocorrelation of the noise.
    reach : int
        Longest lag in pixels, at least 2.

    Returns
    -------
    covariance : ndarray
        (2 * reach + 1, 2 * reach + 1) float64 in units of the image, squared; positive semi-definite.
    variance : float
        σ², in (0, 1].
    """
    plane = np.asarray(image, np.float64)
    known = np.isfinite(plane)
    plane = np.where(known, plane, np.nanmean(plane))
    plane = plane - plane.mean()
    size = [side + reach for side in plane.shape]
    power = np.abs(np.fft.rfft2(plane, size)) ** 2
    overlap = np.abs(np.fft.rfft2(known.astype(np.float64), size)) ** 2
    offsets = np.arange(-reach, reach + 1)
    pick = np.ix_(offsets, offsets)
    counts = np.fft.irfft2(overlap, size)[pick]
    covariance: Floats = np.fft.irfft2(power, size)[pick] / np.maximum(counts, 1.0)
    noise = _resized(correlation, reach)

    def at_zero(table: Floats) -> float:
        """Return lag 0 of a (2 * reach + 1)² table by a parabola through lags 1 and 2 of both axes."""
        one, two = ((table[reach + k, reach] + table[reach, reach + k]) / 2 for k in (1, 2))
        return float(4 * one - two) / 3

    unexplained = covariance[reach, reach] - at_zero(covariance)
    variance = float(np.clip(unexplained / max(1.0 - at_zero(noise), MIN_VARIANCE), MIN_VARIANCE, 1.0))
    return _positive(covariance - variance * noise), variance


def _positive(table: Floats) -> Floats:
    """Return the autocovariance that is nearest, in Fourier space, to a table with lag 0 in its middle."""
    spectrum = np.fft.fft2(np.fft.ifftshift(table)).real
    cleaned: Floats = np.fft.fftshift(np.fft.ifft2(np.maximum(spectrum, 0.0)).real)
    return cleaned


def blind_spot_risk(
    covariance: Floats, correlation: Floats, variance: float, visible: npt.NDArray[np.bool_]
) -> float:
    """Return the risk of the linear denoiser that blind-spot training finds for one draw of a mask.

    With C the signal's covariance, ρ the noise's correlation and P its matrix, training minimises the
    error against the noisy pixel, a = (C + σ²P)⁻¹(c₀ + σ²ρ₀), and the error against the clean one is
    R = C(0) - 2aᵀc₀ + aᵀ(C + σ²P)a.

    Parameters
    ----------
    covariance : ndarray
        (2K+1, 2K+1) autocovariance C of the signal, at least to twice the mask's reach.
    correlation : ndarray
        (2L+1, 2L+1) autocorrelation ρ of the noise.
    variance : float
        σ², in the unit of `covariance`.
    visible : ndarray
        (2k+1, 2k+1) bool, which pixels around the target in the middle can be seen.

    Returns
    -------
    float
        In the unit of `covariance`; C(0) where nothing is visible.
    """
    middle = len(visible) // 2
    points = np.argwhere(visible) - middle
    reach = len(covariance) // 2
    noise = variance * _resized(correlation, reach)

    def at(table: Floats, lags: npt.NDArray[np.intp]) -> Floats:
        """Return the values of a (2K+1)² table at (…, 2) lags in y and x."""
        return table[lags[..., 0] + reach, lags[..., 1] + reach]

    power = float(covariance[reach, reach])
    if len(points) == 0:
        return power
    lags = points[:, None] - points
    system = at(covariance, lags) + at(noise, lags)
    to_target = at(covariance, points)
    system += RIDGE * (power + variance) * np.eye(len(points))
    weights = np.linalg.solve(system, to_target + at(noise, points))
    return float(power - 2 * weights @ to_target + weights @ system @ weights)


def _resized(table: Floats, reach: int) -> Floats:
    """Cut or zero-pad a (2L+1)² table around its middle to (2 * reach + 1)²."""
    middle = len(table) // 2
    keep = min(middle, reach)
    out = np.zeros((2 * reach + 1, 2 * reach + 1))
    inner = slice(reach - keep, reach + keep + 1)
    source = slice(middle - keep, middle + keep + 1)
    out[inner, inner] = table[source, source]
    return out
