"""The planes of an image in a TIFF file, or in a set of them, read one by one."""

from __future__ import annotations

import contextlib
import math
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import first_line
from napari_blindspot.files.formats.finish_reading import unreadable
from napari_blindspot.files.formats.tiff_images import box_of
from napari_blindspot.files.formats.tiff_log import quiet
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    import numpy.typing as npt

    from napari_blindspot.files.formats.ome_set import SetImage

__all__ = ["damage", "planes_of", "planes_of_set", "raise_if_cut"]

MANY_STRIPS = 1000
"""Strips or tiles from which on a plane must list at least half of them. A convention."""

_DAMAGED = "The TIFF file {} is damaged or cut off"

_TRUNCATED = ("invalid page offset", "corrupted", "failed to reshape")
"""Words in what tifffile logs when it goes on with the pages that it can reach."""

_NAMED = 3
"""The most missing files that a sentence names."""


def damage(source: Path) -> AbstractContextManager[None]:
    """Say of a TIFF in one sentence what a library cannot read of it."""
    return unreadable(source, _DAMAGED.format(source))


def raise_if_cut(source: Path, problems: list[str]) -> None:
    """Refuse a file of which tifffile has logged that it lacks a part.

    Raises
    ------
    FileError
        If it has.
    """
    for problem in problems:
        if any(word in problem for word in _TRUNCATED):
            # Without the name that tifffile has for the file.
            what = re.sub(r"^<[^<>]*> ", "", first_line(problem))
            raise FileError(f"{_DAMAGED.format(source)}: {what}.")


def planes_of(source: Path, image: Any, chosen: Mapping[str, int]) -> tuple[LazyArray, tuple[Notice, ...]]:
    """Return an image as planes, one a TIFF page, or one a stretch of the file where there are no pages.

    Parameters
    ----------
    source : Path
        The file.
    image : TiffPageSeries
        Of an open file.
    chosen : mapping of str to int
        Where to stay on axes that are left out.

    Raises
    ------
    FileError
        If the file ends before its last plane.
    """
    shape, dtype = tuple(image.shape), np.dtype(image.dtype)
    if image.dataoffset is not None and image.keyframe.is_contiguous:
        return _at(_stretches(source, image, shape, dtype), image.axes, chosen), ()
    page = image.keyframe
    plane_ndim = _page_axes(shape, page.shape)
    leading = shape[: len(shape) - plane_ndim]
    pages = list(image.pages)
    lock = threading.Lock()

    def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
        number = int(np.ravel_multi_index(index, leading)) if index else 0
        with damage(source), quiet() as problems, lock, _opened(pages[number].parent.filehandle):
            pixels: npt.NDArray[Any] = pages[number].asarray()
        raise_if_cut(source, problems)
        with damage(source):
            return pixels.reshape(shape[len(leading) :])

    array = _at(LazyArray(shape, dtype, read, plane_ndim), image.axes, chosen)
    numbers = np.arange(len(pages)).reshape(leading)
    for letter in sorted(chosen, key=image.axes.index, reverse=True):
        numbers = numbers.take(chosen[letter], axis=image.axes.index(letter))
    present = np.array([_is_there(pages[number]) for number in numbers.ravel()]).reshape(numbers.shape)
    box = box_of(present)
    if box is None:
        raise FileError(f"{_DAMAGED.format(source)}: planes are missing.")
    _check_inside(source, [pages[number] for number in numbers[box].ravel()])
    if present.all():
        return array, ()
    return _part(array, box), (_missing(present, box, ""),)


def planes_of_set(source: Path, image: SetImage) -> tuple[LazyArray, Any, tuple[Notice, ...]]:
    """Return the planes of an image that lies in several files.

    Parameters
    ----------
    source : Path
        The file that was opened.
    image : SetImage
        Of its set.

    Returns
    -------
    array : LazyArray
        Its planes.
    page : TiffPage
        One of its pages, for what holds for all.
    notices : tuple of Notice
        What is to be known about the set.

    Raises
    ------
    FileError
        If a file of the set is missing, though others are there; or none of its planes is.
    """
    import tifffile

    missing, files = image.missing, image.files
    names = _names(missing)
    if missing and len(files) - len(missing) > 1:
        raise FileError(
            f"The file {source} belongs to a set of {len(files)} OME-TIFF files, of which {names} "
            f"{'is' if len(missing) == 1 else 'are'} not there; put all of them into one folder."
        )
    present, counts = np.zeros(image.shape, bool), {path: 0 for path in files if path not in missing}
    for path in counts:
        with damage(path), quiet(), tifffile.TiffFile(path, is_ome=False) as tiff:
            counts[path] = len(tiff.pages)
            if path == next(iter(counts)):
                page = tiff.pages.first
    for index, (path, number) in image.planes.items():
        present[index] = number < counts.get(path, 0)
    box = box_of(present)
    if box is None:
        raise FileError(
            f"The file {source} speaks of {present.size} planes, but too few of them are there"
            f"{f' (missing: {names})' if names else ''}; put all files of its set into one folder."
        )

    def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
        path, number = image.planes[index]
        with damage(path), quiet() as problems, tifffile.TiffFile(path, is_ome=False) as tiff:
            pixels: npt.NDArray[Any] = tiff.pages[number].asarray()
        raise_if_cut(path, problems)
        if pixels.shape != page.shape:
            raise FileError(f"{_DAMAGED.format(path)}: its planes have another size than those of its set.")
        return pixels

    array = LazyArray((*image.shape, *page.shape), np.dtype(page.dtype), read, len(page.shape))
    if not present.all():
        return _part(array, box), page, (_missing(present, box, names),)
    said = Notice("set-opened", {"name": source.name, "count": len(files)}) if len(files) > 1 else None
    return array, page, () if said is None else (said,)


def _names(paths: list[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:_NAMED])
    return f"{shown} and {len(paths) - _NAMED} more" if len(paths) > _NAMED else shown


def _missing(present: npt.NDArray[np.bool_], box: tuple[slice, ...], names: str) -> Notice:
    there = int(present[box].size)
    return Notice("planes-promised", {"promised": present.size, "there": there, "missing": names})


def _part(array: LazyArray, box: tuple[slice, ...]) -> LazyArray:
    part: LazyArray = array[box] if box else array
    return part


def _at(array: LazyArray, axes: str, chosen: Mapping[str, int]) -> LazyArray:
    """Stay at a place on some of the leading axes."""
    for letter in sorted(chosen, key=axes.index, reverse=True):
        axis, at = axes.index(letter), chosen[letter]
        part = array[(slice(None),) * axis + (slice(at, at + 1),)]
        array = part.with_leading(part.leading[:axis] + part.leading[axis + 1 :])
    return array


def _page_axes(shape: tuple[int, ...], page: tuple[int, ...]) -> int:
    """Return how many of the last axes of an image lie within a page."""
    size = math.prod(page)
    for count in range(2, len(shape) + 1):
        if math.prod(shape[-count:]) == size:
            return count
    raise ValueError(f"pages of shape {page} are no part of an image of shape {shape}")


def _stretches(source: Path, image: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> LazyArray:
    """Read planes that follow each other in the file without a gap, as ImageJ writes large stacks."""
    plane_ndim = min(len(shape), 3 if image.axes.endswith("S") else 2)
    leading, plane = shape[: len(shape) - plane_ndim], shape[len(shape) - plane_ndim :]
    # An image of an OME-TIFF may lie in another file than the one that was opened.
    home = Path(image.keyframe.parent.filehandle.path)
    stored = dtype.newbyteorder(image.keyframe.parent.byteorder)
    pixels = math.prod(plane)
    start = int(image.dataoffset)
    if start + math.prod(shape) * dtype.itemsize > home.stat().st_size:
        raise FileError(f"{_DAMAGED.format(source)}: it ends before its last plane.")

    def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
        number = int(np.ravel_multi_index(index, leading)) if index else 0
        with damage(source):
            offset = start + number * pixels * dtype.itemsize
            found = np.fromfile(home, stored, pixels, offset=offset)
            return found.reshape(plane).astype(dtype.newbyteorder("="), copy=False)

    return LazyArray(shape, dtype.newbyteorder("="), read, plane_ndim)


def _is_there(page: Any) -> bool:
    """Tell whether a page has pixels; tifffile leaves out pages that it cannot reach, or their pixels."""
    return page is not None and any(page.databytecounts)


def _check_inside(source: Path, pages: list[Any]) -> None:
    """Refuse a file that ends before the data of its last page, or says to be far larger than it lists.

    A damaged height makes millions of strips that no file lists, each of which would be filled.
    """
    for page in pages:
        end, strips = page.parent.filehandle.size, math.prod(page.keyframe.chunked)
        if strips > MANY_STRIPS and strips > 2 * len(page.dataoffsets) and not page.is_contiguous:
            problem = f"a plane should have {strips} strips, and lists {len(page.dataoffsets)}"
            raise FileError(f"{_DAMAGED.format(source)}: {problem}.")
        if any(
            offset + count > end
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ):
            raise FileError(f"{_DAMAGED.format(source)}: it ends before its last plane.")


@contextlib.contextmanager
def _opened(handle: Any) -> Iterator[None]:
    """Open a file for a moment: a run of many hours is not to keep thousands of them open."""
    handle.open()
    try:
        yield
    finally:
        handle.close()
