"""The noise's power spectrum as the bm3d package takes it, and how to measure it on what was removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["autocovariance_to_psd", "residual_autocorrelation"]

MAX_LAG = 6
"""Longest lag in pixels of the correlation of what was removed."""


def autocovariance_to_psd(autocovariance: Array, shape: tuple[int, ...]) -> Array:
    """Turn an autocovariance into a power spectrum.

    Parameters
    ----------
    autocovariance : ndarray
        (2L+1, 2L+1) in squared intensities, lag 0 in the middle.
    shape : tuple of int
        (Y, X) of the image.

    Returns
    -------
    ndarray
        (Y, X) float64, |FFT(autocovariance)| * number of pixels.
    """
    reach_y, reach_x = (side // 2 for side in autocovariance.shape)
    kernel = np.zeros(shape)
    for y in range(-reach_y, reach_y + 1):
        for x in range(-reach_x, reach_x + 1):
            kernel[y % shape[0], x % shape[1]] += autocovariance[reach_y + y, reach_x + x]
    psd: Array = np.abs(np.fft.fft2(kernel)) * kernel.size
    return psd


def residual_autocorrelation(image: Array, estimate: Array) -> Array:
    """Measure the noise of a stabilised image as what a first estimate has removed where nothing happens.

    Unlike blocks of the image it has no texture left in it, but it misses the low frequencies that the
    first estimate kept, so it is for noise that is nearly white. Only the shape is taken: flat places are
    often dark ones, in which clipping at black has left less noise than the rest of the image has.

    Parameters
    ----------
    image, estimate : ndarray
        (Y, X) float64, stabilised: the noisy image and a first estimate.

    Returns
    -------
    ndarray
        (13, 13), 1 at lag 0 in the middle.
    """
    from scipy.ndimage import gaussian_filter, uniform_filter

    removed = image - estimate
    activity = uniform_filter((estimate - gaussian_filter(estimate, 2.0)) ** 2, 9)
    flat = (activity <= np.median(activity)) & (np.abs(removed) < 4.0 * removed.std())
    weight = flat.astype(np.float64)
    removed = (removed - (removed * weight).sum() / weight.sum()) * weight
    doubled = tuple(2 * side for side in image.shape)  # so that the ends do not meet
    products, counts = (np.fft.ifft2(np.abs(np.fft.fft2(x, doubled)) ** 2).real for x in (removed, weight))
    autocovariance = np.fft.fftshift(products / np.maximum(counts, 1.0))
    y, x = image.shape
    middle = autocovariance[y - MAX_LAG : y + MAX_LAG + 1, x - MAX_LAG : x + MAX_LAG + 1]
    correlation: Array = middle / middle[MAX_LAG, MAX_LAG]
    return correlation
