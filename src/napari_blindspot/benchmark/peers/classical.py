"""Filters without learning: Gaussian blur at its very best, and scikit-image's denoisers.

Images are brought to [0, 1] for scikit-image, whose noise estimate, the median of the finest wavelet
coefficients, is what its own documentation recommends for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.benchmark.method_protocol import Method

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

    Array = npt.NDArray[Any]

__all__ = ["METHODS", "gaussian_oracle", "nlm", "noisy", "tv", "wavelet"]

METHODS = (
    Method("noisy", f"{__name__}:noisy", place=10),
    Method("gaussian-oracle", f"{__name__}:gaussian_oracle", place=10, sees_truth=True),
    Method("nlm", f"{__name__}:nlm", place=10, needs=("skimage", "pywt")),
    Method("tv", f"{__name__}:tv", place=10, needs=("skimage", "pywt")),
    Method("wavelet", f"{__name__}:wavelet", place=10, needs=("skimage", "pywt")),
)


def noisy(request: Request) -> Denoiser:
    """Return the image itself."""
    return lambda image: image


def gaussian_oracle(request: Request) -> Denoiser:
    """Blur with the sigma between 0.2 and 10 pixels that has the least squared error to the truth."""
    from scipy.ndimage import gaussian_filter
    from scipy.optimize import minimize_scalar

    truth = request.truth
    if truth is None:
        raise ValueError("The oracle needs the truth.")

    def denoise(image: Array) -> Array:
        def error(log_sigma: float) -> float:
            return float(((gaussian_filter(image, np.exp(log_sigma)) - truth) ** 2).mean())

        grid = np.log(np.geomspace(0.2, 10.0, 24))
        errors = [error(log_sigma) for log_sigma in grid]
        best = int(np.argmin(errors))
        around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(error, bounds=around, method="bounded", options={"xatol": 0.005})
        blurred: Array = gaussian_filter(image, float(np.exp(found.x)))
        return blurred

    return denoise


def nlm(request: Request) -> Denoiser:
    """Non-local means with the patch sizes and h = 0.8 σ of scikit-image's own example (fast mode)."""
    from skimage.restoration import denoise_nl_means, estimate_sigma

    def denoise(image: Array) -> Array:
        unit = image / 255.0
        sigma = float(estimate_sigma(unit))
        out: Array = denoise_nl_means(
            unit, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True
        )
        return out * 255.0

    return denoise


def tv(request: Request) -> Denoiser:
    """Chambolle's total variation; as in his paper, the weight leaves a residual as strong as the noise."""
    from skimage.restoration import denoise_tv_chambolle, estimate_sigma

    def denoise(image: Array) -> Array:
        unit = image / 255.0
        sigma = float(estimate_sigma(unit))
        low, high = np.log(1e-3), np.log(2.0)
        out: Array = unit
        for _ in range(12):
            middle = 0.5 * (low + high)
            out = denoise_tv_chambolle(unit, weight=float(np.exp(middle)))
            if float(np.std(unit - out)) < sigma:
                low = middle
            else:
                high = middle
        return out * 255.0

    return denoise


def wavelet(request: Request) -> Denoiser:
    """BayesShrink soft thresholds, averaged over 16 shifts as scikit-image's example advises."""
    from skimage.restoration import denoise_wavelet

    def denoise(image: Array) -> Array:
        unit = image / 255.0
        total = np.zeros_like(unit)
        for shift in np.ndindex(4, 4):
            shifted = np.roll(unit, shift, axis=(0, 1))
            shrunk = denoise_wavelet(shifted, method="BayesShrink", mode="soft", rescale_sigma=True)
            total += np.roll(shrunk, (-shift[0], -shift[1]), axis=(0, 1))
        return total / 16 * 255.0

    return denoise
