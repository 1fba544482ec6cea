"""The method beside others on one plane: what each makes of it, and a score that needs no truth.

A Gaussian filter, non-local means and, where it is installed, BM3D are told the measured noise; this method
runs again with the settings, or the model, of a result. All of them are given the same plane with the same
pixels hidden (`napari_blindspot.inspection.blind_score`). The benchmark, where the truth is known, is
another thing.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_blindspot.api import denoise
from napari_blindspot.core.errors import ImageError
from napari_blindspot.inspection.blind_score import hide_pixels, score_hidden
from napari_blindspot.method.hole_geometry import hole_radius, target_spacing
from napari_blindspot.noise.anscombe import Anscombe

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.inspection.blind_score import BlindScore
    from napari_blindspot.settings import Settings

    Floats = npt.NDArray[np.float64]
    Filter = Callable[[Floats], Floats]

__all__ = ["Comparison", "Contender", "compare"]

SPACING = 7
"""Side in pixels of the cells of which one pixel is asked for: 2 % of all. A convention."""

MOST_HIDDEN = 0.12
"""Share of the pixels that is hidden at most, with the neighbours that share noise; small planes may have
more. A convention."""

LONGEST_GAP = 3
"""Pixels hidden around one that is asked for, at most; that of the settings' own gap."""

GAUSSIANS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Sigmas in pixels, of which the score picks the best."""

FEWEST_HIDDEN = 4
"""Pixels asked for, without which there is no score. A convention: of so few the error says enough."""

OWN = "this method"
"""Name of the one that the others are compared with."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those that are compared.

    Attributes
    ----------
    name : str
        Such as ``"BM3D"``.
    score : BlindScore
        On the hidden pixels.
    estimate : ndarray or None
        (Y, X) float64, what it makes of the plane with nothing hidden; None for this method, whose result
        there is already.
    """

    name: str
    score: BlindScore
    estimate: Floats | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Denoisers and how they did on the same hidden pixels of one plane.

    Attributes
    ----------
    contenders : tuple of Contender
        Those with the smallest error first.
    pixels : int
        How many pixels were asked for.
    """

    contenders: tuple[Contender, ...]
    pixels: int

    @property
    def own(self) -> Contender | None:
        """Of this method; None where it was given neither settings nor a model."""
        return next((one for one in self.contenders if one.name == OWN), None)

    @property
    def others(self) -> tuple[Contender, ...]:
        """All but this method."""
        return tuple(one for one in self.contenders if one.name != OWN)

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns of `rows`; the difference is that to this method."""
        return ("Denoiser", "Score", "Difference") if self.own else ("Denoiser", "Score")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The scores as the cells of a table, with their standard errors."""
        rows = []
        for one in self.contenders:
            score, above = one.score, "–"
            if one.name != OWN:
                above = f"{score.above:+.3f} ± {score.above_error:.3f}".replace("-", "−")
            cells = one.name, f"{score.mean:.3f} ± {score.error:.3f}", above
            rows.append(cells[: len(self.columns)])
        return rows

    @property
    def in_words(self) -> str:
        """What the scores say, in sentences."""
        own, best = self.own, self.others[0]
        where = f"On {self.pixels} hidden pixels"
        scale = "variances of the noise (1 is the noise itself)"
        if own is None:
            return (
                f"{where} {best.name} errs least, by {best.score.mean:.3f} {scale}. The result tells no "
                "settings, so this method has no score."
            )
        score, above = own.score, best.score.above
        by = f"{abs(above):.3f} ± {best.score.above_error:.3f}"
        if abs(above) <= 2 * best.score.above_error:
            beside = f"{best.name} cannot be told from it, with a difference of {by}"
        else:
            beside = f"{best.name} errs {'more' if above > 0 else 'less'}, by {by}"
        return f"{where} this method errs by {score.mean:.3f} ± {score.error:.3f} {scale}; {beside}."


def compare(
    noisy: npt.ArrayLike,
    noise: NoiseModel,
    settings: Settings | None = None,
    *,
    model: Model | None = None,
    seed: int = 0,
    control: Control | None = None,
) -> Comparison:
    """Compare this method with others on a plane, without a truth.

    Parameters
    ----------
    noisy : array_like
        (Y, X); NaN are left out.
    noise : NoiseModel
        Measured on it; the others are told it.
    settings : Settings, optional
        With which this method runs again on what is shown of the plane; without settings and model only
        the others are compared.
    model : Model, optional
        To be applied instead of a fit; its settings hold.
    seed : int
        Draws the pixels that are hidden.
    control : Control, optional
        Lets another thread cancel the run.

    Returns
    -------
    Comparison
        Each with its score, and the estimates of the others.

    Raises
    ------
    ImageError, SettingsError, DeviceError, OutOfMemoryError, DivergedError, CancelledError
        As for `napari_blindspot.denoise`; also if the noise was not measured, or too few pixels have a
        value.
    """
    if not noise.measured:
        raise ImageError("The noise of this plane was not measured, so nothing can be told of it.")
    plane = np.asarray(noisy, np.float64)
    gap = min(noise.reach, LONGEST_GAP)
    # A plane of a few dozen pixels a side still has to have a few cells.
    spacing = max(SPACING, min(target_spacing(gap, 1 - MOST_HIDDEN), min(plane.shape) // 2))
    hidden = hide_pixels(plane, noise, radius=hole_radius(gap), spacing=spacing, seed=seed)
    if len(hidden.recorded) < FEWEST_HIDDEN:
        raise ImageError("Too few pixels of this plane have a value: none can be hidden for a comparison.")
    filters = _filters(noise)
    found = {name: one(_without_gaps(hidden.image)) for name, one in filters.items()}
    least = min(GAUSSIANS, key=lambda sigma: hidden.squared_errors(found[_gaussian_name(sigma)]).mean())
    for sigma in set(GAUSSIANS) - {least}:
        del found[_gaussian_name(sigma)]
    if model is not None:
        found[OWN] = denoise(hidden.image, model=model, control=control).denoised
    elif settings is not None:
        found[OWN] = denoise(hidden.image, settings=settings, control=control).denoised
    scores = score_hidden(hidden, found, OWN if OWN in found else _gaussian_name(least))
    contenders = [
        Contender(name, score, None if name == OWN else filters[name](_without_gaps(plane)))
        for name, score in scores.items()
    ]
    return Comparison(tuple(sorted(contenders, key=lambda one: one.score.mean)), len(hidden.recorded))


def _without_gaps(image: Floats) -> Floats:
    """Return an image with its mean where it has no value."""
    return np.where(np.isfinite(image), image, np.nanmean(image))


def _filters(noise: NoiseModel) -> dict[str, Filter]:
    """Return the others that are installed, by name."""
    stabiliser = Anscombe.of(noise)

    def stabilised(method: Filter) -> Filter:
        return lambda image: stabiliser.inverse(method(stabiliser.forward(image)))

    filters: dict[str, Filter] = {_gaussian_name(sigma): _gaussian(sigma) for sigma in GAUSSIANS}
    for name, (package, make) in PACKAGES.items():
        if importlib.util.find_spec(package) is not None:
            filters[name] = stabilised(make(noise))
    return filters


def _gaussian_name(sigma: float) -> str:
    return f"Gaussian {sigma:g} px"


def _gaussian(sigma: float) -> Filter:
    return lambda image: np.asarray(gaussian_filter(image, sigma), np.float64)


def _non_local_means(_: NoiseModel) -> Filter:
    """Return non-local means for noise of standard deviation 1."""
    from skimage.restoration import denoise_nl_means

    how = {"patch_size": 5, "patch_distance": 6, "h": 0.8, "sigma": 1.0, "fast_mode": True}
    return lambda image: np.asarray(denoise_nl_means(image, **how), np.float64)


def _bm3d(noise: NoiseModel) -> Filter:
    """Return BM3D for noise of standard deviation 1, told its spectrum where neighbours share it."""
    from napari_blindspot.benchmark.peers.bm3d import bm3d_filter
    from napari_blindspot.benchmark.peers.shared.spectrum import autocovariance_to_psd

    def method(image: Floats) -> Floats:
        spread = autocovariance_to_psd(noise.correlation, image.shape) if noise.reach else 1.0
        return np.asarray(bm3d_filter()(image, spread), np.float64)

    return method


PACKAGES: dict[str, tuple[str, Callable[[NoiseModel], Filter]]] = {
    "NLM": ("skimage", _non_local_means),
    "BM3D": ("bm3d", _bm3d),
}
"""Those that need a package: by name, the package and what makes the filter of stabilised planes."""
