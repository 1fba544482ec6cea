"""Which planes of a stack may help the plane at work, and how they must be laid over it.

A neighbour is first moved to where it fits, by whole pixels so that its noise stays what it is, and brought
to the brightness of the plane. One that shows something else, or whose noise is that of the plane, is left
out. Whether those that are left are a help is for the blind loss to say
(`napari_blindspot.engine.neighbour_choice`).
"""

from __future__ import annotations

import functools
import itertools
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

LEAST_SEEN = 2
"""Pixels by which the way from plane to plane may be wrong. A convention."""

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
    shifts : tuple
        By how many pixels along Y and X each was shifted; None where it was left out or there is none.
    """

    planes: Floats
    unmoved: Floats
    given: int = 0
    foreign: int = 0
    sharing: int = 0
    shared_noise: float = 0.0
    shifts: tuple[tuple[int, int] | None, ...] = ()

    @property
    def farthest(self) -> int:
        """By how many pixels one was shifted at most."""
        return max((abs(step) for shift in self.shifts if shift for step in shift), default=0)

    @property
    def longest_step(self) -> int:
        """By how many pixels one was shifted against the next one towards the plane at most."""
        half = len(self.shifts) // 2
        longest = 0
        for outwards in (self.shifts[:half][::-1], self.shifts[half:]):
            way = [(0, 0), *(shift for shift in outwards if shift)]
            for here, there in itertools.pairwise(way):
                longest = max(longest, abs(there[0] - here[0]), abs(there[1] - here[1]))
        return longest

    @property
    def count(self) -> int:
        """How many neighbours are left."""
        return int(np.isfinite(self.planes).any(axis=(1, 2)).sum())

    def without(self) -> Beside:
        """Return the same with no neighbour left."""
        return replace(self.without_pixels(), shifts=())

    def without_pixels(self) -> Beside:
        """Return what was seen of the neighbours, once their pixels are with the network."""
        # A copy, because a slice would hold all of them.
        none = self.planes[:0].copy()
        return replace(self, planes=none, unmoved=none)

    def where_they_were(self) -> Beside:
        """Return the same with no neighbour shifted."""
        return replace(self, planes=self.unmoved, shifts=tuple(shift and (0, 0) for shift in self.shifts))

    def under(
        self,
        plane: Floats,
        neighbours: Sequence[npt.NDArray[Any]],
        stabilise: Callable[[npt.NDArray[Any]], Floats],
    ) -> Beside:
        """Return the same neighbours, where they are, stabilised otherwise; as for `look_beside`."""
        laid = _Laid(plane, len(neighbours))
        for number, shift in enumerate(self.shifts):
            if shift is not None:
                other = _Compared(stabilise(neighbours[number]))
                laid.put(number, other, laid.over(other, shift), shift)
        return replace(self, planes=laid.planes, unmoved=laid.unmoved)


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
    laid = _Laid(plane, len(neighbours))
    if len(neighbours) == 0:
        return Beside(laid.planes, laid.unmoved)
    given = foreign = sharing = 0
    most_shared = 0.0
    half = len(neighbours) // 2
    shifts: list[tuple[int, int] | None] = [None] * len(neighbours)
    for outwards in (range(half - 1, -1, -1), range(half, len(neighbours))):
        # Planes far apart differ by more than drift, which is therefore followed from plane to plane.
        nearest, drift = laid.mine, (0.0, 0.0)
        for number in outwards:
            other = _Compared(stabilise(neighbours[number]))
            if not other.known.any():
                continue
            given += 1
            y, x = nearest.shift_to(other)
            way = drift[0] + y, drift[1] + x
            if nearest is not laid.mine:
                # Steps of less than a pixel, of which none is seen by itself, add up.
                way = laid.mine.shift_to(other, way, LEAST_SEEN)
            shift = round(way[0]), round(way[1])
            over = laid.over(other, shift)
            seen = [other.plane, over.plane] if any(shift) else [other.plane]
            shared = max(shared_noise(plane, seen), 0.0)
            most_shared = max(most_shared, shared)
            if shared > MOST_SHARED:
                sharing += 1
                continue
            if _is_foreign(laid.mine, over):
                foreign += 1
                continue
            shifts[number] = shift
            laid.put(number, other, over, shift)
            other.keep_for_shifts()
            nearest, drift = other, way
    return Beside(laid.planes, laid.unmoved, given, foreign, sharing, most_shared, tuple(shifts))


def likeness(plane: Floats, other: Floats, band: tuple[float, float] = PASSBAND) -> float:
    """Return the correlation, in [-1, 1], of what two planes show; NaN pixels are left out.

    Parameters
    ----------
    plane, other : ndarray
        (Y, X).
    band : tuple of float
        Sigmas in pixels between which structure is compared.
    """
    return _likeness(_Compared(plane), _Compared(other), band)


def _is_foreign(mine: _Compared, other: _Compared) -> bool:
    """Tell whether two planes have nothing in common."""
    if (mine.known & other.known).mean() < LEAST_OVERLAP:
        return True
    if _likeness(mine, other, PASSBAND) >= LEAST_LIKENESS:
        return False
    return _likeness(mine, other, COARSE_BAND) < LEAST_COARSE_LIKENESS


def _likeness(a: _Compared, b: _Compared, band: tuple[float, float]) -> float:
    both = a.known & b.known
    return _correlation(a.between(band)[both], b.between(band)[both])


class _Compared:
    """A plane that is compared with others; what is seen of it is kept.

    Parameters
    ----------
    plane : ndarray
        (Y, X); NaN where it has no value.
    """

    def __init__(self, plane: Floats) -> None:
        self.plane = plane
        self.known = np.isfinite(plane)
        self._bands: dict[tuple[float, float], Floats] = {}

    @functools.cached_property
    def spectrum(self) -> npt.NDArray[np.complex128]:
        """The Fourier transform of what it shows."""
        transform: npt.NDArray[np.complex128] = fft.rfft2(self.between(PASSBAND))
        return transform

    @functools.cached_property
    def coarse(self) -> Floats:
        """Its coarse part, (Y, X); not for planes with NaN."""
        coarse: Floats = ndimage.gaussian_filter(self.plane, COARSE, mode="nearest")
        return coarse

    def between(self, band: tuple[float, float]) -> Floats:
        """Return what it shows between two scales, (Y, X), 0 where it has no value."""
        if band not in self._bands:
            filled = _filled(self.plane, self.known)
            fine, coarse = (ndimage.gaussian_filter(filled, sigma, mode="nearest") for sigma in band)
            self._bands[band] = np.where(self.known, fine - coarse, 0.0)
        return self._bands[band]

    @functools.cached_property
    def strength(self) -> float:
        """The norm of what it shows."""
        return float(np.linalg.norm(self.between(PASSBAND)))

    def keep_for_shifts(self) -> None:
        """Let go of all but what `shift_to` needs: of 2048² pixels the rest takes 0.1 GB."""
        _ = self.spectrum, self.strength
        self._bands.clear()
        vars(self).pop("coarse", None)

    def shift_to(
        self, other: _Compared, around: tuple[float, float] = (0.0, 0.0), reach: int = FARTHEST
    ) -> tuple[float, float]:
        """Return by how many pixels along Y and X another plane must be shifted to fit.

        Parameters
        ----------
        other : _Compared
            The plane.
        around : tuple of float
            The shift that is right unless another one is clearly better.
        reach : int
            How far beside it another may lie.
        """
        shape = self.plane.shape
        correlation = fft.irfft2(self.spectrum * np.conj(other.spectrum), shape)
        correlation /= max(self.strength * other.strength, 1e-300)
        middle = round(around[0]), round(around[1])
        reaches = [min(reach, side // 4) for side in shape]
        y, x = (np.arange(at - by, at + by + 1) for at, by in zip(middle, reaches, strict=True))
        near = correlation[np.ix_(y % shape[0], x % shape[1])]
        row, column = (int(at) for at in np.unravel_index(int(near.argmax()), near.shape))
        if near[row, column] < max(CLEAR_LIKENESS, near[reaches[0], reaches[1]] + CLEAR_RISE):
            return around
        return y[row] + _summit(near[:, column], row), x[column] + _summit(near[row], column)


class _Laid:
    """Neighbours that are laid over a plane, (Y, X), one after another."""

    def __init__(self, plane: Floats, count: int) -> None:
        self.mine = _Compared(plane)
        # One array for both as long as no plane is shifted: planes of 2048² would take 0.3 GB once more.
        self.planes = self.unmoved = np.full((count, *plane.shape), np.nan)

    def over(self, other: _Compared, shift: tuple[int, int]) -> _Compared:
        """Return a neighbour, shifted, and brought to the brightness of the plane if it shows the same."""
        moved = _Compared(_moved(other.plane, shift)) if any(shift) else other
        factor, offset = _light(self.mine, moved)
        return moved if (factor, offset) == (1.0, 0.0) else _Compared(factor * moved.plane + offset)

    def put(self, number: int, other: _Compared, over: _Compared, shift: tuple[int, int]) -> None:
        """Keep a neighbour, and what `over` made of it."""
        self.planes[number] = over.plane
        if any(shift) and self.unmoved is self.planes:
            self.unmoved = self.planes.copy()
        if self.unmoved is not self.planes:
            self.unmoved[number] = (self.over(other, (0, 0)) if any(shift) else over).plane


def _filled(plane: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Return a plane with the mean of its `known` pixels in the others."""
    if known.all():
        return plane
    return np.where(known, plane, plane[known].mean() if known.any() else 0.0)


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    # One after the other, because each square is as large as a plane.
    scale = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def _summit(values: Floats, highest: int) -> float:
    """Return how far the summit of a curve lies beside its highest value, by a parabola, in [-0.5, 0.5]."""
    if not 0 < highest < len(values) - 1:
        return 0.0
    before, here, after = values[highest - 1 : highest + 2]
    bend = 2 * here - before - after
    return float((after - before) / (2 * bend)) if bend > 0 else 0.0


def _moved(plane: Floats, shift: tuple[int, int]) -> Floats:
    """Shift a plane by whole pixels; NaN comes in from outside."""
    moved = np.roll(plane, shift, axis=(0, 1))
    for axis, by in enumerate(shift):
        edge = [slice(None), slice(None)]
        edge[axis] = slice(0, by) if by > 0 else slice(plane.shape[axis] + by, None)
        if by:
            moved[tuple(edge)] = np.nan
    return moved


def _light(mine: _Compared, other: _Compared) -> tuple[float, float]:
    """Return by what to multiply a neighbour, and what to add: (1, 0) unless its light is another."""
    both = mine.known & other.known
    if not both.any():
        return 1.0, 0.0
    coarse = []
    for one in (mine, other):
        if both.all():
            coarse.append(one.coarse.ravel())
        else:
            filled = np.where(one.known, one.plane, one.plane[both].mean())
            coarse.append(ndimage.gaussian_filter(filled, COARSE, mode="nearest")[both])
    a, b = coarse
    if _correlation(a, b) < SAME_SCENE or b.std() == 0:
        return 1.0, 0.0
    factor = float(a.std() / b.std())
    offset = float(a.mean() - factor * b.mean())
    dims = abs(factor - 1) < OTHER_LIGHT and abs(offset) < OTHER_LIGHT * float(a.std())
    return (1.0, 0.0) if dims or not 1 / MOST_LIGHT < factor < MOST_LIGHT else (factor, offset)
