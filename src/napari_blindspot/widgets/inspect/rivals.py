"""Other denoisers on the plane in view, told the measured noise, and the score of each on held-out pixels.

A pixel in eighty is hidden, as from a blind spot: what stands there comes from pixels around it that share
none of its noise. How far a denoiser's estimate lies from the hidden value tells, without a truth, how good
it is; the noise of the hidden value itself, 1, is in every score alike.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import convolve, gaussian_filter

from napari_blindspot.inspection.residual import noise_sigma
from napari_blindspot.method.hole_geometry import hole_radius
from napari_blindspot.noise.anscombe import Anscombe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.float64]
    Denoiser = Callable[[Floats], Floats]

__all__ = ["hide_pixels", "rivals"]

SPACING = 9
"""Pixels between two that are hidden."""

GAUSSIANS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Sigmas in pixels of which the score picks the best."""


def rivals(noisy: Floats, noise: NoiseModel) -> Iterator[tuple[str, Floats, float]]:
    """Yield the name, the estimate and the score of each denoiser that is installed.

    Parameters
    ----------
    noisy : ndarray
        (Y, X).
    noise : NoiseModel
        Measured on it.
    """
    known = np.where(np.isfinite(noisy), noisy, np.nanmean(noisy))
    hidden, places = hide_pixels(known, noise)

    def score(denoiser: Denoiser) -> float:
        estimate = denoiser(hidden)
        sigma = noise_sigma(estimate, noise)
        return float((((known - estimate) / sigma)[places] ** 2).mean())

    scores = {sigma: score(_gaussian(sigma)) for sigma in GAUSSIANS}
    best = min(scores, key=lambda sigma: scores[sigma])
    yield f"Gaussian {best:g} px", _gaussian(best)(known), scores[best]
    stabiliser = Anscombe.of(noise)
    for name, package, denoiser in (("NLM", "skimage", _non_local_means), ("BM3D", "bm3d", _bm3d)):
        if importlib.util.find_spec(package) is not None:
            whole = _stabilised(denoiser, stabiliser)
            yield name, whole(known), score(whole)


def hide_pixels(image: Floats, noise: NoiseModel) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return an image with some pixels replaced by the mean of others around them, and which those are.

    Parameters
    ----------
    image : ndarray
        (Y, X) without NaN.
    noise : NoiseModel
        Its correlation says how far away the others must be.
    """
    inner = hole_radius(min(noise.reach, 3))
    reach = int(np.ceil(inner)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(y, x)
    ring = ((distance > inner) & (distance <= inner + 1.5)).astype(np.float64)
    around = convolve(image, ring / ring.sum(), mode="reflect")
    places = np.zeros(image.shape, bool)
    places[SPACING // 2 :: SPACING, SPACING // 2 :: SPACING] = True
    return np.where(places, around, image), places


def _gaussian(sigma: float) -> Denoiser:
    return lambda image: np.asarray(gaussian_filter(image, sigma), np.float64)


def _stabilised(denoiser: Denoiser, stabiliser: Anscombe) -> Denoiser:
    return lambda image: stabiliser.inverse(denoiser(stabiliser.forward(image)))


def _non_local_means(image: Floats) -> Floats:
    from skimage.restoration import denoise_nl_means

    found: Floats = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8, sigma=1.0, fast_mode=True
    )
    return found


def _bm3d(image: Floats) -> Floats:
    from bm3d import bm3d

    return np.asarray(bm3d(image, sigma_psd=1.0), np.float64)
