"""Parts of a plane that no exposure has filled: borders that a registration leaves, gaps between tiles.

They hold exactly one value, mostly 0, over an area. Photons that did not come leave zeros as well, so that
an area only counts if chance cannot explain it by the zeros around it. What is done with the areas belongs
to `napari_blindspot.noise.estimate` and `napari_blindspot.engine`. Saturated areas are none of them: what
has the highest value of the plane was exposed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

__all__ = ["blank_areas", "without_blank_areas"]

LEAST_AREA = 49
"""Pixels of the smallest rectangle of one value that is looked at. A convention."""

LOG_CHANCE = 40.0
"""Minus the logarithm of the chance that an area of one value came about by the share that this value has
around it. A convention: e⁻⁴⁰ leaves room for a million places, ten shapes and zeros that are not quite
independent. tests/noise/test_blank_areas.py has counted photons without areas, and areas among them."""

RING = 8
"""Pixels around an area in which the share of its value is counted. A convention."""

LEAST_REST = 0.02
"""Share of a plane that is left beside its blank areas. A convention: a plane with less is empty but for a
few photons, and no border of anything."""

RARE = 0.2
"""Share of the value around an area up to which all that touches the area belongs to it. A convention: up
to it, single pixels of the value hardly touch one another."""

HOLE, FEW_HOLES = 4, 3
"""Pixels of a small hole in an area, and how many of them are a sign of photons. Conventions: fewer may be
defects of the camera."""

SHAPES = (1, 2, 4, 8, 16)
"""Widths of rectangles, in pixels, beside that of a square. A convention: a bar may be one pixel wide."""


def blank_areas(plane: npt.NDArray[Any]) -> Mask | None:
    """Find the large connected areas of exactly one value.

    Parameters
    ----------
    plane : ndarray
        (Y, X) integer or float; NaN where a pixel is missing.

    Returns
    -------
    ndarray or None
        (Y, X) bool; None where there are none. NaN are not among them.
    """
    known = np.isfinite(plane) if plane.dtype.kind == "f" else np.ones(plane.shape, bool)
    if not known.any():
        return None
    found = np.zeros(plane.shape, bool)
    for value in _candidates(plane, known):
        mask = np.asarray(plane == value)
        if np.count_nonzero(mask) >= min(plane.shape):
            found |= _areas(mask, known)
    rest = np.count_nonzero(known & ~found)
    return found if found.any() and rest >= max(LEAST_AREA, LEAST_REST * found.size) else None


def without_blank_areas(plane: npt.NDArray[Any], areas: Mask | None = None) -> npt.NDArray[Any]:
    """Return a plane with NaN in its blank areas, in float64 unless it is of floats.

    Parameters
    ----------
    plane : ndarray
        (Y, X).
    areas : ndarray, optional
        (Y, X) bool, as `blank_areas` finds them; they are sought if not given.

    Returns
    -------
    ndarray
        (Y, X); the plane itself where it has no such area.
    """
    areas = blank_areas(plane) if areas is None else areas
    if areas is None:
        return plane
    bare = plane.astype(plane.dtype if plane.dtype.kind == "f" else np.float64)
    bare[areas] = np.nan
    return bare


def _candidates(plane: npt.NDArray[Any], known: Mask) -> list[Any]:
    """Return the values that may fill areas: 0, the lowest, and the one that most pairs of pixels share."""
    low, high = plane[known].min(), plane[known].max()
    here, below = plane[:-1, :-1], plane[1:, 1:]
    flat = here[(here == below) & (here == plane[1:, :-1]) & (here == plane[:-1, 1:])]
    found = {low}
    if low < 0 < high:
        found.add(plane.dtype.type(0))
    if len(flat) >= LEAST_AREA // 2:
        values, counts = np.unique(flat, return_counts=True)
        found.add(values[np.argmax(counts)])
    return [value for value in found if value != high]


def _areas(mask: Mask, known: Mask) -> Mask:
    """Return the parts of a mask, (Y, X), that are areas and not chance.

    Rectangles of the mask are sought. Where the value is frequent around them, they must be larger.
    """
    accepted = np.zeros(mask.shape, bool)
    least, pending = LEAST_AREA, _in_runs(mask)
    while np.count_nonzero(pending) >= least and 2 * least <= mask.size:
        pending = _opened(pending, least)
        for where, part in list(_parts(pending)):
            around = _share_around(part, mask[where], known[where])
            if LOG_CHANCE > -least * math.log(max(around, _share_among_holes(part))):
                continue
            pending[where][part] = False
            if around <= RARE:
                part = ndimage.binary_propagation(part, np.ones((3, 3)), mask[where])
            accepted[where] |= part
        least *= 4
    return accepted


def _in_runs(mask: Mask) -> Mask:
    """Return the pixels of a mask that may lie in a rectangle of `LEAST_AREA`: those in runs of its side.

    It is quick, and leaves next to nothing of most planes.
    """
    side = math.isqrt(LEAST_AREA)
    found = np.zeros(mask.shape, bool)
    for rows, columns in ((1, side), (side, 1)):
        found |= _in_full_rectangles(mask, rows, columns)
    kept = np.zeros(mask.shape, bool)
    for where, part in _parts(found):
        kept[where] |= part
    return kept


def _opened(mask: Mask, area: int) -> Mask:
    """Return the pixels of a mask, (Y, X), that lie in rectangles of at least so many of its pixels."""
    opened = np.zeros(mask.shape, bool)
    side = math.isqrt(area - 1) + 1
    for short in (*(width for width in SHAPES if width < side), side):
        long = -(-area // short)
        for rows, columns in {(short, long), (long, short)}:
            # A bar across the whole plane may be wider where it cannot be longer.
            rows, columns = min(rows, mask.shape[0]), min(columns, mask.shape[1])
            rows, columns = max(rows, -(-area // columns)), max(columns, -(-area // rows))
            if rows <= mask.shape[0] and columns <= mask.shape[1]:
                opened |= _in_full_rectangles(mask, rows, columns)
    return opened


def _in_full_rectangles(mask: Mask, rows: int, columns: int) -> Mask:
    """Return the pixels of a mask, (Y, X), that lie in rectangles of this size which it fills."""
    full = _joined(_joined(mask, rows, 0, np.logical_and), columns, 1, np.logical_and)
    if not full.any():
        return np.zeros(mask.shape, bool)
    spread = np.pad(full, ((rows - 1,) * 2, (columns - 1,) * 2))
    return _joined(_joined(spread, rows, 0, np.logical_or), columns, 1, np.logical_or)


def _joined(mask: Mask, length: int, axis: int, join: np.ufunc) -> Mask:
    """Join every `length` pixels in a row along an axis, which becomes shorter by the others."""
    along = mask if axis == 0 else mask.T
    done = 1
    while done < length:
        step = min(done, length - done)
        along = join(along[:-step], along[step:])
        done += step
    return along if axis == 0 else along.T


def _parts(mask: Mask) -> Iterator[tuple[tuple[slice, slice], Mask]]:
    """Yield the connected parts of a mask that are no smaller than a line along its shorter side.

    Yields
    ------
    where : tuple of slice
        The part of the plane that holds it, with `RING` pixels around.
    part : ndarray
        bool, of that size.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if sizes[number] >= min(mask.shape):
            rows, columns = (slice(max(0, one.start - RING), one.stop + RING) for one in box)
            where = rows, columns
            yield where, labels[where] == number


def _share_among_holes(part: Mask) -> float:
    """Return the share of a value in a part with small holes, such as single photons make; else 0."""
    labels, _ = ndimage.label(~part, np.ones((3, 3)))
    holes = np.count_nonzero(np.bincount(labels.ravel())[1:] <= HOLE)
    area = np.count_nonzero(part)
    return area / (area + holes) if holes >= FEW_HOLES else 0.0


def _share_around(part: Mask, mask: Mask, known: Mask) -> float:
    """Return the share of a value among the pixels around a part, in (0, 1)."""
    ring = ndimage.maximum_filter(part, 2 * RING + 1) & known & ~part
    return float((np.count_nonzero(mask & ring) + 0.5) / (np.count_nonzero(ring) + 1))
