"""BM3D in three strengths, all blind: plain, with variance stabilisation, and with the noise's spectrum.

The filter is the authors' package ``bm3d`` (Mäkinen, Azzari, Foi, "Collaborative Filtering of Correlated
Noise", IEEE TIP 2020), free for non-commercial research. What it must be told about the noise is measured
on the image by `napari_blindspot.benchmark.peers.noise_estimate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.benchmark.peers.noise_estimate import (
    Noise,
    autocorrelation_to_psd,
    coloured_autocovariance,
    estimate_noise,
    residual_autocovariance,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.benchmark.methods import Denoiser, Request

    Array = npt.NDArray[np.float64]

__all__ = ["inverse_stabilise", "plain", "spectrum", "stabilise", "stabilised"]


def stabilise(image: npt.ArrayLike, noise: Noise) -> Array:
    """Generalised Anscombe transform: Poisson–Gaussian noise becomes nearly normal with variance 1."""
    plane = np.asarray(image, dtype=np.float64)
    if noise.gain <= 0:
        return plane / np.sqrt(max(noise.offset, 1e-12))
    gain = noise.gain
    return 2.0 / gain * np.sqrt(np.maximum(gain * plane + 0.375 * gain**2 + noise.offset, 0.0))


def inverse_stabilise(stabilised: npt.ArrayLike, noise: Noise) -> Array:
    """Exact unbiased inverse of `stabilise`, in closed form.

    Mäkitalo and Foi, "A closed-form approximation of the exact unbiased inverse of the Anscombe variance-
    stabilizing transformation" (IEEE TIP 2011); for the generalised transform, "Optimal inversion of the
    generalized Anscombe transformation" (IEEE TIP 2013).
    """
    plane = np.asarray(stabilised, dtype=np.float64)
    if noise.gain <= 0:
        return plane * np.sqrt(max(noise.offset, 1e-12))
    d = np.maximum(plane, 2.0 * np.sqrt(0.375))
    root = np.sqrt(1.5)
    counts = d**2 / 4.0 + root / (4.0 * d) - 11.0 / (8.0 * d**2) + 5.0 * root / (8.0 * d**3) - 0.125
    return noise.gain * counts - noise.offset / noise.gain


def plain(request: Request) -> Denoiser:
    """BM3D with one standard deviation: the root mean square of the noise over the image."""
    bm3d = _load()

    def denoise(image: npt.NDArray[Any]) -> Array:
        sigma = float(np.sqrt(estimate_noise(image).variance(image).mean()))
        return bm3d(np.asarray(image, np.float64), max(sigma, 1e-3))

    return denoise


def stabilised(request: Request) -> Denoiser:
    """BM3D between the generalised Anscombe transform and its exact unbiased inverse."""
    bm3d = _load()

    def denoise(image: npt.NDArray[Any]) -> Array:
        noise = estimate_noise(image)
        return inverse_stabilise(bm3d(stabilise(image, noise), 1.0), noise)

    return denoise


def spectrum(request: Request) -> Denoiser:
    """The same with the noise's power spectrum in place of one number.

    Noise that neighbours share is measured on large flat blocks. For noise that is nearly white a first
    pass with the correlation of small blocks tells more, because texture leaks into blocks: the second pass
    takes the spectrum of what the first has removed.
    """
    bm3d = _load()

    def denoise(image: npt.NDArray[Any]) -> Array:
        noise = estimate_noise(image)
        plane = stabilise(image, noise)
        if noise.coloured:
            covariance = coloured_autocovariance(plane)
        else:
            first = bm3d(plane, autocorrelation_to_psd(noise.correlation, plane.shape))
            covariance = residual_autocovariance(plane, first)
        return inverse_stabilise(bm3d(plane, autocorrelation_to_psd(covariance, plane.shape)), noise)

    return denoise


def _load() -> Any:
    """Import the package, which still needs a function that NumPy 2 has renamed."""
    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid  # type: ignore[attr-defined]
    import bm3d

    return bm3d.bm3d
