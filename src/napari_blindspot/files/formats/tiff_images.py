"""Which images a TIFF file holds: what counts as one, and where its planes are.

Thumbnails, labels and the like are no images. Positions are images of their own, not an axis. What the
numbers of a page mean belongs to `napari_blindspot.files.formats.tiff_pixels`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from napari_blindspot.files.image_file import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TiffImage", "box_of", "images_of"]

_SLIDES = frozenset({"svs", "scn", "ndpi", "qpi", "bif", "avs", "philips", "indica"})
"""Kinds of series, as tifffile calls them, of slide scanners."""

_ASIDE = ("thumbnail", "label", "macro", "overview", "map", "probability")
"""How the names of series begin that show the whole slide or its label."""

_REDUCED = 1
"""Bit of the tag NewSubfileType: a reduced version of another image."""

_SMALLEST_RATIO = 3
"""An image that nothing marks as reduced can be a thumbnail if its sides are so many times smaller."""


@dataclass(frozen=True, slots=True)
class TiffImage:
    """One image of a file.

    Attributes
    ----------
    pages : TiffPageSeries
        tifffile's series in which it is.
    name : str
        As the file calls it; may be empty.
    number : int
        Among the images of the file's metadata.
    chosen : mapping of str to int
        Where it is on the axes of the series that are no axes of an image.
    """

    pages: Any
    name: str
    number: int
    chosen: Mapping[str, int] = field(default_factory=dict)

    @property
    def axes(self) -> str:
        """As the file names them."""
        return "".join(letter for letter in self.pages.axes if letter not in self.chosen)

    def series(self, number: int) -> Series:
        """Return the image as a choice to offer."""
        lengths = zip(self.pages.axes, self.pages.shape, strict=True)
        shape = tuple(int(length) for letter, length in lengths if letter not in self.chosen)
        return Series(number, self.name, shape, self.axes, str(self.pages.dtype))


def images_of(tiff: Any) -> list[TiffImage]:
    """Return the images of an open TIFF: all series but the small copies of others, and each position."""
    there = list(enumerate(tiff.series))
    full = [(number, one) for number, one in there if not _is_aside(one)] or there
    full = [entry for entry in full if not _is_thumbnail(entry[1], full[0][1])]
    found = []
    for number, one in full:
        letters = [letter for letter in one.axes if letter in _positions(one)]
        if not letters:
            found.append(TiffImage(one, one.name, number))
            continue
        lengths = [one.shape[one.axes.index(letter)] for letter in letters]
        stages = _stage_names(tiff, int(np.prod(lengths)))
        for position, index in enumerate(np.ndindex(*lengths)):
            name = (
                stages[position] if stages else " ".join(filter(None, (one.name, f"position {position}")))
            )
            chosen = dict(zip(letters, index, strict=True))
            found.append(TiffImage(one, name, position if stages else number, chosen))
    return found


def _positions(series: Any) -> str:
    """Return the letters that tifffile has for positions and tiles; P is phase, but for LSM."""
    return "RMP" if series.kind == "lsm" else "RM"


def _is_aside(series: Any) -> bool:
    """Tell whether a series is marked as a small copy, a label, or a view of the whole slide."""
    if int(getattr(series.keyframe, "subfiletype", 0)) & _REDUCED:
        return True
    name = str(series.name).strip().lower()
    if series.kind in _SLIDES and name.startswith(_ASIDE):
        return True
    return any(name.endswith(f"{word} image") for word in _ASIDE)


def _is_thumbnail(series: Any, first: Any) -> bool:
    """Tell whether a single page looks like the first image made small, though nothing marks it as that."""
    if series is first or len(series.pages) != 1 or series.kind == "ome":
        return False
    small, large = _plane_size(series), _plane_size(first)
    if small is None or large is None:
        return False
    if any(s * _SMALLEST_RATIO > n for s, n in zip(small, large, strict=True)):
        return False
    ratios = [n / s for s, n in zip(small, large, strict=True)]
    if max(ratios) / min(ratios) > 1 + 2 / min(small):
        return False
    return _shows_the_same(series.pages[0].asarray(), first.pages[0].asarray(), small)


def _plane_size(series: Any) -> tuple[int, int] | None:
    page = series.keyframe
    if not {"Y", "X"} <= set(page.axes) or set(page.axes) - set("YXS") or page.size > 2**26:
        return None
    return page.shape[page.axes.index("Y")], page.shape[page.axes.index("X")]


def _shows_the_same(small: Any, large: Any, size: tuple[int, int]) -> bool:
    """Compare a page with another, sampled at as many places."""

    def gray(pixels: Any) -> Any:
        return pixels.astype(np.float64).mean(-1) if pixels.ndim == 3 else pixels.astype(np.float64)

    high, low = gray(large), gray(small)
    steps = [high.shape[axis] // size[axis] for axis in (0, 1)]
    rows, columns = (size[axis] * steps[axis] for axis in (0, 1))
    means = high[:rows, :columns].reshape(size[0], steps[0], size[1], steps[1]).mean((1, 3))
    if not (means.std() > 0 and low.std() > 0):
        return False
    return bool(np.corrcoef(means.ravel(), low.ravel())[0, 1] > 0.8)


def _stage_names(tiff: Any, count: int) -> list[str]:
    """Return the names of the positions as the OME-XML has them; empty if it has another number of them."""
    try:
        root = ElementTree.fromstring(tiff.ome_metadata or "")
    except ElementTree.ParseError:
        return []
    images = root.findall("{*}Image")
    if len(images) != count:
        return []
    names = []
    for image in images:
        stage = image.find("{*}StageLabel")
        stage_name = None if stage is None else stage.get("Name")
        names.append(" ".join(filter(None, (image.get("Name"), stage_name))))
    return names


def box_of(present: Any) -> tuple[slice, ...] | None:
    """Return the part of a stack in which every plane is there; None if there is no such part.

    Parameters
    ----------
    present : ndarray of bool
        Whether each plane is there, over the leading axes.

    Returns
    -------
    tuple of slice
        A stretch of every axis: that which holds all planes which are there, or else the whole frames from
        the start of one axis.
    """
    stretches = []
    for axis in range(present.ndim):
        others = tuple(other for other in range(present.ndim) if other != axis)
        places = np.flatnonzero(present.any(axis=others))
        if not len(places):
            return None
        stretches.append(slice(int(places[0]), int(places[-1]) + 1))
    if present[tuple(stretches)].all():
        return tuple(stretches)
    for axis in range(present.ndim):
        others = tuple(other for other in range(present.ndim) if other != axis)
        whole = present.all(axis=others)
        length = len(whole) if whole.all() else int(np.argmin(whole))
        if length:
            return tuple(slice(0, length) if at == axis else slice(None) for at in range(present.ndim))
    return None
