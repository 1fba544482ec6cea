"""How well denoisers do on pixels that they were not shown: a score that needs no truth.

Some pixels are hidden, each with the neighbours that share its noise, as in a blind spot: what stands there
is a mean of pixels farther away with fresh noise of the measured strength, so that the plane looks to a
denoiser as if they had been recorded once more. What it makes of them is compared with what was recorded;
the noise of that, 1, is in every score alike. Batson and Royer, "Noise2Self" (ICML 2019).

Which denoisers are compared belongs to `napari_blindspot.comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter

from napari_blindspot.inspection.residual import FARTHEST_SIGMA, MeasuredNoise, noise_sigma
from napari_blindspot.inspection.resolution import draw_noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["BlindScore", "HiddenPixels", "hide_pixels", "score_hidden"]

RESAMPLES = 1000
"""Bootstrap samples of the hidden pixels. A convention."""


class CountedNoise(MeasuredNoise, Protocol):
    """What is asked of a noise model, such as `napari_blindspot.core.noise_model.NoiseModel`."""

    @property
    def gain(self) -> float:
        """Growth of the variance with intensity; 0 for noise that does not depend on the signal."""

    @property
    def reach(self) -> int:
        """The longest lag in pixels at which noise is shared; 0 for white noise."""


@dataclass(frozen=True, slots=True)
class HiddenPixels:
    """A plane of which some pixels are hidden.

    Attributes
    ----------
    image : ndarray
        (Y, X) float64, what a denoiser is shown; NaN where the plane is.
    places : ndarray
        (Y, X) bool, the pixels that are asked for.
    recorded, sigma : ndarray
        (N,) float64, what was recorded there, and the standard deviation of its noise.
    """

    image: Floats
    places: Flags
    recorded: Floats
    sigma: Floats

    def squared_errors(self, estimate: npt.ArrayLike) -> Floats:
        """Return the squared error of an estimate, (Y, X), at each pixel asked for, in variances, (N,)."""
        away = (self.recorded - np.asarray(estimate, np.float64)[self.places]) / self.sigma
        # A defect weighs no more than an error that no noise makes.
        return np.clip(away, -FARTHEST_SIGMA, FARTHEST_SIGMA) ** 2


@dataclass(frozen=True, slots=True)
class BlindScore:
    """What one denoiser reached, in variances of the noise.

    Attributes
    ----------
    mean, error : float
        Mean squared error on the hidden pixels, and its standard error.
    above, above_error : float
        By how much it lies above that of the one it is compared with, and the standard error of that: the
        noise of the hidden pixels, which both have, does not count in it.
    """

    mean: float
    error: float
    above: float
    above_error: float


def hide_pixels(
    noisy: npt.ArrayLike, noise: CountedNoise, *, radius: float, spacing: int, seed: int = 0
) -> HiddenPixels:
    """Hide a pixel in every cell of a grid, at random in the cell, with all pixels near it.

    Parameters
    ----------
    noisy : array_like
        (Y, X); NaN are never asked for.
    noise : CountedNoise
        Measured on it.
    radius : float
        In pixels, what is hidden around each; 0 for itself alone.
    spacing : int
        Side of a cell in pixels.
    seed : int
        Draws the pixels and the noise.
    """
    plane = np.asarray(noisy, np.float64)
    known = np.isfinite(plane)
    rng = np.random.default_rng(seed)
    places = _one_in_each_cell(plane.shape, spacing, rng) & known
    hidden = _grown(places, radius) & known
    visible = known & ~hidden
    fill = _mean_of_others(plane, visible, radius)
    again = fill + _fresh_noise(fill, noise, rng)
    if visible.any():
        again = np.clip(again, plane[visible].min(), plane[visible].max())
    return HiddenPixels(
        image=np.where(hidden, again, plane),
        places=places,
        recorded=plane[places],
        sigma=noise_sigma(fill, noise)[places],
    )


def score_hidden(
    hidden: HiddenPixels, estimates: Mapping[str, npt.ArrayLike], reference: str, seed: int = 0
) -> dict[str, BlindScore]:
    """Score estimates on the pixels that were hidden.

    Parameters
    ----------
    hidden : HiddenPixels
        What was hidden.
    estimates : mapping of str to array_like
        (Y, X) each, made of ``hidden.image``, by name.
    reference : str
        The one that the others are compared with.
    seed : int
        Draws the bootstrap samples of the hidden pixels.
    """
    squares = {name: hidden.squared_errors(estimate) for name, estimate in estimates.items()}
    count = len(hidden.recorded)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count

    def error(values: Floats) -> float:
        return float((weights @ values).std())

    beside = squares[reference]
    return {
        name: BlindScore(
            float(values.mean()), error(values), float((values - beside).mean()), error(values - beside)
        )
        for name, values in squares.items()
    }


def _one_in_each_cell(shape: tuple[int, ...], spacing: int, rng: np.random.Generator) -> Flags:
    """Return (Y, X) with one random pixel in every cell that lies within the plane."""
    rows, columns = (max(side // spacing, 1) for side in shape)
    side_y, side_x = (min(spacing, side) for side in shape)
    y = np.arange(rows)[:, None] * spacing + rng.integers(side_y, size=(rows, columns))
    x = np.arange(columns) * spacing + rng.integers(side_x, size=(rows, columns))
    places = np.zeros(shape, bool)
    places[y, x] = True
    return places


def _grown(places: Flags, radius: float) -> Flags:
    """Return the pixels within a radius of any of these."""
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(binary_dilation(places, y**2 + x**2 <= radius**2 + 1e-6), bool)


def _mean_of_others(plane: Floats, visible: Flags, radius: float) -> Floats:
    """Return the weighted mean of the visible pixels around each, a normalised convolution, (Y, X)."""
    sigma = 0.8 * radius + 0.2 if radius >= 1 else 1.0
    total = gaussian_filter(np.where(visible, plane, 0.0), sigma)
    weight = gaussian_filter(visible.astype(np.float64), sigma)
    whole = plane[visible].mean() if visible.any() else 0.0
    return np.where(weight > 1e-6, total / np.maximum(weight, 1e-6), whole)


def _fresh_noise(fill: Floats, noise: CountedNoise, rng: np.random.Generator) -> Floats:
    """Draw noise as it was measured: of photons where they are counted one by one, else Gaussian."""
    if noise.gain <= 0 or noise.reach > 0:
        return draw_noise(fill, noise, rng)
    photons = noise.variance(fill) / noise.gain**2
    return np.asarray(noise.gain * (rng.poisson(photons) - photons), np.float64)
