"""Which planes of a stack may help the plane at work, and how they must be laid over it.

A neighbour is first moved to where it fits, by whole pixels so that its noise stays what it is, and brought
to the brightness of the plane. One that shows something else, or whose noise is that of the plane, is left
out. Whether those that are left are a help is for the blind loss to say
(`napari_blindspot.engine.neighbour_choice`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

from napari_blindspot.noise.shared_noise import MOST_SHARED, shared_noise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["Beside", "likeness", "look_beside"]

FARTHEST = 16
"""Pixels by which a plane may be shifted against the next one at most. A convention."""

PASSBAND = (1.5, 12.0)
"""Sigmas in pixels of what is compared: finer is noise, coarser are light and haze. Conventions."""

CLEAR_RISE, CLEAR_LIKENESS = 0.01, 0.3
"""By how much a shift must raise the correlation, and to which value at least: of many shifts, one always
fits a little better by chance."""

LEAST_LIKENESS = 0.15
"""Correlation of what two planes show below which they have nothing in common."""

COARSE_BAND, LEAST_COARSE_LIKENESS = (4.0, 24.0), 0.4
"""The same for coarser structure, where strong or correlated noise hides the finer.

It has fewer independent parts, and so needs a larger one."""

LEAST_OVERLAP = 0.25
"""Share of a plane that another must cover. A convention."""

SAME_SCENE = 0.9
"""Correlation of their coarse parts from which on a difference in brightness is one of light."""

COARSE = 4.0
"""Sigma in pixels of the coarse part."""

OTHER_LIGHT, MOST_LIGHT = 0.05, 3.0
"""Relative difference in brightness from which on it is evened out, and the factor up to which."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The neighbours of a plane, as its network may see them.

    Attributes
    ----------
    planes : ndarray
        (K, Y, X) float64, stabilised and laid over the plane; NaN where there is no neighbour or nothing of
        it.
    unmoved : ndarray
        (K, Y, X), the same where they were.
    given : int
        How many there were.
    foreign : int
        How many were left out because they show something else.
    sharing : int
        How many were left out because of their noise.
    shared_noise : float
        The largest correlation with the noise of one of them, in [-1, 1]; 0 where there was none.
    farthest : int
        By how many pixels one was shifted at most.
    """

    planes: Floats
    unmoved: Floats
    given: int = 0
    foreign: int = 0
    sharing: int = 0
    shared_noise: float = 0.0
    farthest: int = 0

    @property
    def count(self) -> int:
        """How many neighbours are left."""
        return int(np.isfinite(self.planes).any(axis=(1, 2)).sum())

    def without(self) -> Beside:
        """Return the same with no neighbour left."""
        return replace(self.without_pixels(), farthest=0)

    def without_pixels(self) -> Beside:
        """Return what was seen of the neighbours, once their pixels are with the network."""
        # A copy, because a slice would hold all of them.
        none = self.planes[:0].copy()
        return replace(self, planes=none, unmoved=none)

    def where_they_were(self) -> Beside:
        """Return the same with no neighbour shifted."""
        return replace(self, planes=self.unmoved, farthest=0)


def look_beside(
    plane: Floats,
    neighbours: Sequence[npt.NDArray[Any]],
    stabilise: Callable[[npt.NDArray[Any]], Floats] = np.asarray,
) -> Beside:
    """Lay neighbours over a plane, and leave out those that are no help or would give its noise away.

    Parameters
    ----------
    plane : ndarray
        (Y, X), stabilised; NaN where it has no value.
    neighbours : sequence of ndarray
        (Y, X) each; NaN all over where there is none.
    stabilise : callable
        Stabilises a neighbour, when its turn comes; they are stabilised already if it is not given.
    """
    # One array for both as long as no plane is shifted: planes of 2048² would take 0.3 GB once more.
    planes = unmoved = np.full((len(neighbours), *plane.shape), np.nan)
    if len(neighbours) == 0:
        return Beside(planes, unmoved)
    given = foreign = sharing = farthest = 0
    most_shared = 0.0
    mine, half = _Compared(plane), len(neighbours) // 2
    for outwards in (range(half - 1, -1, -1), range(half, len(neighbours))):
        # Planes far apart differ by more than drift, which is therefore followed from plane to plane.
        nearest, drift = mine, (0, 0)
        for number in outwards:
            other = stabilise(neighbours[number])
            if not np.isfinite(other).any():
                continue
            given += 1
            compared = _Compared(other)
            y, x = nearest.shift_to(compared)
            shift = drift[0] + y, drift[1] + x
            laid = _laid_over(plane, _moved(other, shift))
            shared = max(shared_noise(plane, np.stack([other, laid] if any(shift) else [other])), 0.0)
            most_shared = max(most_shared, shared)
            if shared > MOST_SHARED:
                sharing += 1
                continue
            if _is_foreign(plane, laid):
                foreign += 1
                continue
            nearest, drift = compared, shift
            planes[number] = laid
            if any(shift) and unmoved is planes:
                unmoved = planes.copy()
            if unmoved is not planes:
                unmoved[number] = _laid_over(plane, other) if any(shift) else laid
            farthest = max(farthest, *map(abs, shift))
    return Beside(planes, unmoved, given, foreign, sharing, most_shared, farthest)


def _is_foreign(plane: Floats, other: Floats) -> bool:
    """Tell whether two (Y, X) planes have nothing in common."""
    if (np.isfinite(plane) & np.isfinite(other)).mean() < LEAST_OVERLAP:
        return True
    if likeness(plane, other) >= LEAST_LIKENESS:
        return False
    return likeness(plane, other, COARSE_BAND) < LEAST_COARSE_LIKENESS


def likeness(plane: Floats, other: Floats, band: tuple[float, float] = PASSBAND) -> float:
    """Return the correlation, in [-1, 1], of what two planes show; NaN pixels are left out.

    Parameters
    ----------
    plane, other : ndarray
        (Y, X).
    band : tuple of float
        Sigmas in pixels between which structure is compared.
    """
    a, b = _band(plane, band), _band(other, band)
    both = np.isfinite(plane) & np.isfinite(other)
    return _correlation(a[both], b[both])


class _Compared:
    """A plane whose place is compared with that of others."""

    def __init__(self, plane: Floats) -> None:
        self.band = _band(plane)
        self.spectrum = fft.rfft2(self.band)

    def shift_to(self, other: _Compared) -> tuple[int, int]:
        """Return by how many pixels along Y and X another plane must be shifted to fit, or (0, 0)."""
        shape = self.band.shape
        correlation = fft.irfft2(self.spectrum * np.conj(other.spectrum), shape)
        correlation /= max(float(np.linalg.norm(self.band) * np.linalg.norm(other.band)), 1e-300)
        y, x = (np.arange(-reach, reach + 1) for reach in (min(FARTHEST, side // 4) for side in shape))
        near = correlation[np.ix_(y, x)]
        best = np.unravel_index(int(near.argmax()), near.shape)
        if near[best] < max(CLEAR_LIKENESS, correlation[0, 0] + CLEAR_RISE):
            return 0, 0
        return int(y[best[0]]), int(x[best[1]])


def _band(plane: Floats, band: tuple[float, float] = PASSBAND) -> Floats:
    """Return what a plane shows between two scales, 0 where it has no value."""
    known = np.isfinite(plane)
    filled = np.where(known, plane, plane[known].mean() if known.any() else 0.0)
    fine, coarse = (ndimage.gaussian_filter(filled, sigma, mode="nearest") for sigma in band)
    between: Floats = np.where(known, fine - coarse, 0.0)
    return between


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def _moved(plane: Floats, shift: tuple[int, int]) -> Floats:
    """Shift a plane by whole pixels; NaN comes in from outside."""
    moved = np.roll(plane, shift, axis=(0, 1))
    for axis, by in enumerate(shift):
        edge = [slice(None), slice(None)]
        edge[axis] = slice(0, by) if by > 0 else slice(plane.shape[axis] + by, None)
        if by:
            moved[tuple(edge)] = np.nan
    return moved


def _laid_over(plane: Floats, other: Floats) -> Floats:
    """Bring a neighbour to the brightness of a plane that shows the same in another light."""
    both = np.isfinite(plane) & np.isfinite(other)
    if not both.any():
        return other
    coarse = []
    for image in (plane, other):
        filled = np.where(np.isfinite(image), image, image[both].mean())
        coarse.append(ndimage.gaussian_filter(filled, COARSE, mode="nearest")[both])
    mine, theirs = coarse
    if _correlation(mine, theirs) < SAME_SCENE or theirs.std() == 0:
        return other
    factor = float(mine.std() / theirs.std())
    offset = float(mine.mean() - factor * theirs.mean())
    dims = abs(factor - 1) < OTHER_LIGHT and abs(offset) < OTHER_LIGHT * float(mine.std())
    return other if dims or not 1 / MOST_LIGHT < factor < MOST_LIGHT else factor * other + offset
