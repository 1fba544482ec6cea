"""BM3D in three strengths, all blind: plain, with variance stabilisation, and with the noise's spectrum.

The filter is its authors' package ``bm3d`` (Mäkinen, Azzari, Foi, "Collaborative Filtering of Correlated
Noise", IEEE TIP 2020), free for non-commercial research. What it must be told about the noise is measured
by `napari_blindspot.noise.estimate`: better than what comes with the package or with scikit-image, so that
the comparison is with BM3D at its strongest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.method_protocol import Method
from napari_blindspot.benchmark.peers.shared.spectrum import autocovariance_to_psd, residual_autocorrelation
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

    Array = npt.NDArray[np.float64]
    Filter = Callable[[Array, float | Array], Array]

__all__ = ["METHODS", "bm3d_filter", "plain", "spectrum", "stabilised"]

METHODS = (
    Method("bm3d", f"{__name__}:plain", place=20, needs=("bm3d",)),
    Method("bm3d-vst", f"{__name__}:stabilised", place=20, needs=("bm3d",)),
    Method("bm3d-vst-psd", f"{__name__}:spectrum", place=20, needs=("bm3d",)),
)

MIN_SIGMA = 1e-3
"""Grey levels. BM3D refuses a standard deviation of 0."""


def plain(request: Request) -> Denoiser:
    """BM3D with one standard deviation: the root mean square of the noise over the image."""
    bm3d = bm3d_filter()

    def denoise(image: npt.NDArray[np.float32]) -> Array:
        sigma = float(np.sqrt(estimate_noise(image).variance(image).mean()))
        return bm3d(image.astype(np.float64), max(sigma, MIN_SIGMA))

    return denoise


def stabilised(request: Request) -> Denoiser:
    """BM3D between the generalised Anscombe transform and its exact unbiased inverse."""
    bm3d = bm3d_filter()

    def denoise(image: npt.NDArray[np.float32]) -> Array:
        stabiliser = Anscombe.of(estimate_noise(image))
        return stabiliser.inverse(bm3d(stabiliser.forward(image), 1.0))

    return denoise


def spectrum(request: Request) -> Denoiser:
    """BM3D as `stabilised`, with the noise's power spectrum in place of one number.

    For noise that is nearly white, texture that leaks into the measured correlation does more harm than
    the correlation itself; there a second pass takes the spectrum of what the first has removed.
    """
    bm3d = bm3d_filter()

    def denoise(image: npt.NDArray[np.float32]) -> Array:
        noise = estimate_noise(image)
        stabiliser = Anscombe.of(noise)
        plane = stabiliser.forward(image)
        estimate = bm3d(plane, autocovariance_to_psd(noise.correlation, plane.shape))
        if not noise.is_correlated:
            removed = residual_autocorrelation(plane, estimate)
            estimate = bm3d(plane, autocovariance_to_psd(removed, plane.shape))
        return stabiliser.inverse(estimate)

    return denoise


def bm3d_filter() -> Filter:
    """Import the package, which still needs a function that NumPy 2 has renamed."""
    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid  # type: ignore[attr-defined]
    import bm3d

    found: Filter = bm3d.bm3d
    return found
