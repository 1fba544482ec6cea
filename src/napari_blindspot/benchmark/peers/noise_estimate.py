"""Gain, offset and correlation of the noise of one image, as the BM3D peers need them.

Flat blocks of the image itself are all that is used; nothing is set by hand for a microscope. Kept apart
from the peers so that another estimator can take its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = [
    "Noise",
    "autocorrelation_to_psd",
    "coloured_autocovariance",
    "estimate_noise",
    "residual_autocovariance",
]

BLOCK = 16
"""Side of the blocks for the variance, in pixels."""

LARGE_BLOCK = 48
"""The same for noise that neighbours share."""

QUIET = 0.25
"""Share of the blocks of similar brightness, those with the least variance, that count as flat."""

LAGS = 6
"""How far the correlation is measured, in pixels."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise whose variance is gain * intensity + offset.

    Attributes
    ----------
    gain, offset : float
        In units and squared units of the image.
    correlation : ndarray
        (2 * lags + 1, 2 * lags + 1), 1 in the middle.
    """

    gain: float
    offset: float
    correlation: Array

    def variance(self, intensity: npt.ArrayLike) -> Array:
        """Return the variance at these intensities, never below zero."""
        return np.maximum(self.gain * np.asarray(intensity, np.float64) + self.offset, 0.0)

    @property
    def coloured(self) -> bool:
        """Whether neighbours share so much noise that a white model is hopeless."""
        middle = self.correlation.shape[0] // 2
        return float(max(self.correlation[middle, middle + 1], self.correlation[middle + 1, middle])) > 0.3


def _block_residuals(image: Array, size: int) -> tuple[Array, Array, Array]:
    """Cut overlapping blocks and remove a quadratic surface from each.

    Returns
    -------
    mean, variance : ndarray
        (N,), the variance unbiased for white noise.
    residual : ndarray
        (N, size, size).
    """
    from numpy.lib.stride_tricks import sliding_window_view

    stride = max(1, size // 2)
    blocks = sliding_window_view(image, (size, size))[::stride, ::stride].reshape(-1, size * size)
    t = np.linspace(-1.0, 1.0, size)
    x, y = (axis.ravel() for axis in np.meshgrid(t, t))
    basis, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1))
    residual = blocks - (blocks @ basis) @ basis.T
    variance = (residual**2).sum(axis=1) / (size * size - basis.shape[1])
    return blocks.mean(axis=1), variance, residual.reshape(-1, size, size)


def estimate_noise(image: npt.ArrayLike) -> Noise:
    """Fit the Poisson–Gaussian line and measure the correlation on the flattest blocks.

    Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data"
    (IEEE TIP 2008) has the model; the fit is a simple one of its kind.

    Parameters
    ----------
    image : array_like
        (Y, X), 32×32 or larger.
    """
    plane = np.asarray(image, dtype=np.float64)
    size = min(BLOCK, *(side // 2 for side in plane.shape))
    mean, variance, residual = _block_residuals(plane, size)
    usable = (variance > 0) & ~_saturated(plane, size)
    if usable.sum() < 20:
        usable = variance > 0
    if usable.sum() < 4:
        return Noise(0.0, float(variance.mean()), _white(LAGS))
    mean, variance, residual = mean[usable], variance[usable], residual[usable]

    freedom = float(size * size - 6)
    for _ in range(
        3
    ):  # the correlation sets how far chance alone spreads the variances, and the other way round
        quiet, levels, variances = _quiet_blocks(mean, variance, freedom)
        gain, offset = _line(levels, variances)
        floor = max(float(variances.min()) * 0.3, 1e-12)
        scale = np.sqrt(np.maximum(gain * mean[quiet] + offset, floor))
        correlation = _autocorrelation(residual[quiet] / scale[:, None, None], min(LAGS, size // 3))
        spread = float((np.where(np.abs(correlation) > 0.03, correlation, 0.0) ** 2).sum())
        freedom = max(8.0, (size * size - 6) / max(1.0, spread))
    return Noise(gain, offset, correlation)


def autocorrelation_to_psd(correlation: Array, shape: tuple[int, int]) -> Array:
    """Turn an autocorrelation around its middle into the spectrum that the bm3d package takes.

    Returns
    -------
    ndarray
        `shape`, |FFT(autocorrelation)| * number of pixels.
    """
    reach_y, reach_x = (side // 2 for side in correlation.shape)
    kernel = np.zeros(shape)
    for y in range(-reach_y, reach_y + 1):
        for x in range(-reach_x, reach_x + 1):
            kernel[y % shape[0], x % shape[1]] += correlation[reach_y + y, reach_x + x]
    spectrum: Array = np.abs(np.fft.fft2(kernel)) * kernel.size
    return spectrum


def coloured_autocovariance(image: Array) -> Array:
    """Measure the noise of a stabilised image on blocks that are large beside its correlation.

    Removing a surface takes six parameters' worth of low frequencies, and noise that neighbours share has
    most of its power there: on blocks of 16 pixels a third of the variance would be lost.
    """
    size = min(LARGE_BLOCK, *(side // 2 for side in image.shape))
    _, variance, residual = _block_residuals(image, size)
    quiet = variance <= np.quantile(variance, 0.5)
    return _autocorrelation(residual[quiet], min(LAGS, size // 3)) * float(variance[quiet].mean())


def residual_autocovariance(image: Array, estimate: Array) -> Array:
    """Measure the noise of a stabilised image as what a first estimate has removed where nothing happens.

    Unlike blocks it has no texture left in it, but it misses the low frequencies that the first estimate
    kept, so it is for noise that is nearly white.
    """
    from scipy.ndimage import gaussian_filter, uniform_filter

    removed = image - estimate
    activity = uniform_filter((estimate - gaussian_filter(estimate, 2.0)) ** 2, 9)
    flat = (activity <= np.median(activity)) & (np.abs(removed) < 4.0 * removed.std())
    weight = flat.astype(np.float64)
    removed = (removed - (removed * weight).sum() / weight.sum()) * weight
    padded = tuple(2 * side for side in image.shape)
    products, counts = (np.fft.ifft2(np.abs(np.fft.fft2(x, padded)) ** 2).real for x in (removed, weight))
    covariance = np.fft.fftshift(products / np.maximum(counts, 1.0))
    middle_y, middle_x = image.shape
    window: Array = covariance[middle_y - LAGS : middle_y + LAGS + 1, middle_x - LAGS : middle_x + LAGS + 1]
    return window


def _white(lags: int) -> Array:
    correlation = np.zeros((2 * lags + 1, 2 * lags + 1))
    correlation[lags, lags] = 1.0
    return correlation


def _saturated(plane: Array, size: int) -> npt.NDArray[np.bool_]:
    """Mark blocks in which clipping at either end of the range has eaten part of the noise."""
    from numpy.lib.stride_tricks import sliding_window_view

    stride = max(1, size // 2)
    low, high = plane.min(), plane.max()
    views = sliding_window_view(plane, (size, size))[::stride, ::stride].reshape(-1, size * size)
    many_low = ((views <= low).mean(axis=1) > 0.08) & ((plane <= low).mean() > 0.002)
    many_high = ((views >= high).mean(axis=1) > 0.02) & ((plane >= high).mean() > 0.0005)
    marked: npt.NDArray[np.bool_] = many_low | many_high
    return marked


def _quiet_blocks(
    mean: Array, variance: Array, freedom: float
) -> tuple[npt.NDArray[np.intp], Array, Array]:
    """Take the quiet share of the blocks of each brightness, and undo the bias of taking the least."""
    from scipy.stats import chi2

    bins = int(np.clip(len(mean) // 60, 1, 24))
    edges = np.quantile(mean, np.linspace(0.0, 1.0, bins + 1))
    index = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, bins - 1)
    # E[v | v below its quantile] / E[v] for a chi-squared v.
    bias = chi2.cdf(chi2.ppf(QUIET, freedom), freedom + 2) / QUIET
    chosen, levels, variances = [], [], []
    for number in range(bins):
        members = np.flatnonzero(index == number)
        if len(members) < 4:
            continue
        members = members[variance[members] <= np.quantile(variance[members], QUIET)]
        chosen.append(members)
        levels.append(mean[members].mean())
        variances.append(variance[members].mean() / bias)
    return np.concatenate(chosen), np.array(levels), np.array(variances)


def _line(levels: Array, variances: Array) -> tuple[float, float]:
    """Fit variance = gain * level + offset; points above the line are distrusted, for structure only adds."""
    constant = 0.0, float(np.median(variances))
    if len(levels) < 3 or np.ptp(levels) < 1e-9:
        return constant
    design = np.stack([levels, np.ones_like(levels)], axis=1)
    weight = 1.0 / np.maximum(variances, variances.max() * 1e-4)
    gain, offset = constant
    for _ in range(6):
        root = np.sqrt(weight)
        gain, offset = np.linalg.lstsq(design * root[:, None], variances * root, rcond=None)[0]
        predicted = np.maximum(design @ np.array([gain, offset]), variances.max() * 1e-3)
        excess = (variances - predicted) / predicted
        typical = 1.5 * float(np.median(np.abs(excess))) + 1e-3
        weight = 1.0 / predicted**2 / (1.0 + np.maximum(excess / typical, 0.0) ** 2)
    return (float(gain), float(offset)) if gain > 0 else constant


def _autocorrelation(residual: Array, lags: int) -> Array:
    """Average the products of block residuals at each lag, normalised to 1 in the middle."""
    size = residual.shape[-1]
    sums = np.zeros((2 * lags + 1, 2 * lags + 1))
    for dy in range(lags + 1):
        for dx in range(-lags, lags + 1):
            here = residual[:, : size - dy, max(0, -dx) : size - max(0, dx)]
            there = residual[:, dy:, max(0, dx) : size + min(0, dx)]
            sums[lags + dy, lags + dx] = sums[lags - dy, lags - dx] = (here * there).mean()
    correlation: Array = sums / sums[lags, lags]
    # Removing a surface of six parameters leaves a negative floor of that share.
    correlation += 6.0 / size**2
    correlation[lags, lags] = 1.0
    return correlation
