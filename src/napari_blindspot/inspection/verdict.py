"""Whether structure was removed with the noise, or noise was left: on the whole, and in windows.

Noise knows nothing of the image. So the coarse part of the residual of a good estimate is as strong,
relative to its finest part, where the image is busy as where it is flat; where the estimate was smoothed
too far, what was lost of the structure lies where the structure is, and the coarse residual is stronger
there. The finest part holds hardly any structure: it is the scale of the noise at the place, also where the
noise is clipped or grows otherwise than was measured. And a residual that is weaker than the noise has left
some of it in the image. The first is a comparison of parts of the same residual, so that it does not depend
on how well the noise was measured; the second does.

What is busy is a matter of whole neighbourhoods, not of pixels: an estimate keeps some of the noise, and a
pixel of it that stands out is one at which the noise did, of which most is in the residual.

docs/benchmarks/verdict.md has the estimates that the thresholds were tried on, and
``docs/benchmarks/verdict.py`` makes its table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from napari_blindspot.inspection.residual import (
    MeasuredNoise,
    band_energy,
    expected_energy,
    noise_sigma,
    standardised_residual,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.int8]

__all__ = ["Verdict", "VerdictKind", "judge"]

VerdictKind = Literal["structure-removed", "noise-left", "noise-alone"]

FINE_BAND = (0.0, 1.0)
"""Sigmas in pixels of the band in which noise that is left is looked for: structure is hardly so fine."""

STRUCTURE_BANDS = ((0.8, 2.0), (1.2, 3.0), (1.6, 4.0))
"""Sigmas in pixels of the bands in which structure that was removed is looked for."""

STRUCTURE_SCALE = 1.5
"""Sigma in pixels at which the estimate is searched for structure."""

NEIGHBOURHOOD = 8.0
"""Sigma in pixels of the neighbourhood whose structure is summed up at a pixel."""

FLAT_SHARE, BUSY_SHARE = 0.5, 0.1
"""Shares of the pixels, by how much structure is around them, that are compared."""

LEAST_NOISE_REMOVED = 0.65
"""Energy of the residual in the fine band, relative to the noise's, below which noise is left."""

MOST_STRUCTURE = 1.1
"""Coarse energy of the residual beside its fine energy, where the image is busy, relative to where it is
flat, above which structure was removed."""

ALIKE = 5
"""Side in pixels of the squares of one value of which the middle counts as a pixel without noise. A
convention."""

LEAST_FINE = 0.1
"""Least fine energy that the coarse one is related to, relative to the noise's: where a plane is clipped or
compressed there may be none. A convention."""

WINDOW = 32
"""Side in pixels of the windows of the map."""

CHANCE, CHANCE_IN_WINDOW = 2.0, 3.0
"""Standard deviations that a figure must exceed its limit by, where few pixels make it uncertain: that of
the plane, and those of its windows, which are many."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a residual says of an estimate.

    Attributes
    ----------
    kind : {"structure-removed", "noise-left", "noise-alone"}
        Of the whole plane.
    structure : float
        Energy of the residual where the image is busy, relative to where it is flat; 1 for noise alone.
    noise : float
        Energy of the fine residual, relative to that of the noise; 1 where all of it was removed, 0 where
        none was.
    window : int
        Side in pixels of the windows of the map.
    map : ndarray
        (rows, columns) int8: 1 in windows where structure was removed, -1 where noise was left, else 0.
    """

    kind: VerdictKind
    structure: float
    noise: float
    window: int
    map: Flags

    @property
    def values(self) -> dict[str, float]:
        """What the sentence of the verdict is about, for a notice."""
        return {
            "structure": self.structure,
            "noise": self.noise,
            "structure_windows": float((self.map == 1).mean()),
            "noise_windows": float((self.map == -1).mean()),
        }

    def map_of_pixels(self, shape: tuple[int, int]) -> Flags:
        """Return the map at the resolution of a plane of this shape, (Y, X) int8."""
        rows, columns = (
            np.minimum(np.arange(side) // self.window, count - 1)
            for side, count in zip(shape, self.map.shape, strict=True)
        )
        return self.map[np.ix_(rows, columns)]


def judge(noisy: npt.ArrayLike, denoised: npt.ArrayLike, noise: MeasuredNoise) -> Verdict:
    """Say whether an estimate has lost structure or kept noise.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X), of one scale; NaN where a pixel has no value.
    noise : MeasuredNoise
        Measured on the noisy plane, for example by `napari_blindspot.estimate_noise`.

    Returns
    -------
    Verdict
        Of the whole plane, and of windows.
    """
    residual = standardised_residual(noisy, denoised, noise)
    known = np.isfinite(residual)
    held = known & _holds_noise(noisy)
    known = held if held.any() else known
    fine = band_energy(residual, *FINE_BAND) / expected_energy(noise.correlation, *FINE_BAND)
    left = float(fine[known].mean()) if known.any() else math.nan
    busyness = np.where(known, _busyness(denoised, noise), -1.0)
    flat_limit, busy_limit = np.quantile(busyness[known], (FLAT_SHARE, 1 - BUSY_SHARE))
    flat, busy = known & (busyness <= flat_limit), known & (busyness >= busy_limit)
    # An estimate without any structure, as of one value, has no busy part: what it lacks is all in the
    # residual, which is compared with the noise then.
    bare = known.any() and float(np.ptp(busyness[known])) == 0.0
    ratios, excess, bands = [], [], []
    for band in STRUCTURE_BANDS:
        energy = band_energy(residual, *band) / expected_energy(noise.correlation, *band)
        quiet = 1.0 if bare else max(_beside_fine(energy, fine, flat), np.finfo(float).tiny)
        ratios.append(_beside_fine(energy, fine, busy) / quiet)
        excess.append(ratios[-1] / (MOST_STRUCTURE + CHANCE * _chance(float(busy.sum()), band, noise)))
        bands.append((energy, quiet))
    kind: VerdictKind = "noise-alone"
    if left < LEAST_NOISE_REMOVED:
        kind = "noise-left"
    elif max(excess) > 1:
        kind = "structure-removed"
    structure = ratios[int(np.argmax(excess))]
    return Verdict(kind, structure, left, WINDOW, _map_of_windows(known, fine, bands, noise))


def _holds_noise(noisy: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return where a plane, (Y, X), holds noise: not where it is clipped, or filled up with one value."""
    plane = np.asarray(noisy)
    return np.asarray(minimum_filter(plane, ALIKE) != maximum_filter(plane, ALIKE), np.bool_)


def _beside_fine(energy: Floats, fine: Floats, where: npt.NDArray[np.bool_]) -> float:
    """Return the mean of an energy in a part of the plane, relative to that of the fine energy there."""
    return float(energy[where].mean()) / max(float(fine[where].mean()), LEAST_FINE)


def _busyness(denoised: npt.ArrayLike, noise: MeasuredNoise) -> Floats:
    """Return how much structure is around every pixel, (Y, X), in variances of the noise."""
    image = np.asarray(denoised, np.float64)
    filled = np.where(np.isfinite(image), image, np.nanmean(image))
    detail = gaussian_filter(filled, STRUCTURE_SCALE) - gaussian_filter(filled, 2 * STRUCTURE_SCALE)
    return np.asarray(
        gaussian_filter((detail / noise_sigma(filled, noise)) ** 2, NEIGHBOURHOOD), np.float64
    )


def _chance(pixels: Floats | float, band: tuple[float, float], noise: MeasuredNoise) -> Any:
    """Return the relative standard deviation of a mean energy of noise over some pixels.

    The square of noise that a Gaussian of sigma s has smoothed is independent over about 2 pi s² pixels;
    that of correlated noise over at least the sum of its squared correlation.
    """
    alike = max(2 * math.pi * band[0] ** 2, float((noise.correlation**2).sum()))
    return np.sqrt(2 * alike / np.maximum(pixels, 1.0))


def _map_of_windows(
    known: npt.NDArray[np.bool_],
    fine: Floats,
    bands: list[tuple[Floats, float]],
    noise: MeasuredNoise,
) -> Flags:
    """Judge every window.

    Parameters
    ----------
    known : ndarray
        (Y, X) bool, pixels with a value.
    fine : ndarray
        (Y, X), the fine energy relative to that of the noise.
    bands : list of tuple
        Of each band of structure its energy relative to that of the noise, (Y, X), and what that is
        beside the fine energy where the plane is flat.
    noise : MeasuredNoise
        Of the plane.
    """
    counts = _window_sums(known.astype(np.float64))
    enough = counts >= WINDOW**2 / 4
    least = np.maximum(counts, 1.0)

    def means(image: Floats) -> Floats:
        return _window_sums(np.where(known, image, 0.0)) / least

    found = np.zeros(counts.shape, np.int8)
    scale = np.maximum(means(fine), LEAST_FINE)
    for band, (energy, quiet) in zip(STRUCTURE_BANDS, bands, strict=True):
        chance = CHANCE_IN_WINDOW * _chance(counts, band, noise)
        mean = means(energy) / scale
        found[enough & (mean > quiet * (MOST_STRUCTURE + chance)) & (mean > 1 + chance)] = 1
    left = LEAST_NOISE_REMOVED - CHANCE_IN_WINDOW * _chance(counts, FINE_BAND, noise)
    found[enough & (means(fine) < left)] = -1
    return found


def _window_sums(image: Floats) -> Floats:
    """Return the sums over windows, (rows, columns); what is left at the borders goes to the last ones."""
    starts = [np.arange(0, max(side - WINDOW // 2, 1), WINDOW) for side in image.shape]
    return np.add.reduceat(np.add.reduceat(image, starts[0], 0), starts[1], 1)
