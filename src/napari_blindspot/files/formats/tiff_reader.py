"""Reading TIFF plane by plane: the images of a file, the names of their axes, and the many kinds of damage.

Voxel size and channels come from `napari_blindspot.files.formats.tiff_metadata`.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import first_line
from napari_blindspot.files.formats.finish_reading import image_of, unreadable
from napari_blindspot.files.formats.metadata import RUN_RECORD
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.formats.tiff_metadata import read_annotation, read_metadata
from napari_blindspot.files.image_file import ImageFile, Series
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import numpy.typing as npt

__all__ = ["open_tiff", "tiff_record", "tiff_series"]

_DAMAGED = "The TIFF file {} is damaged or cut off"

_TRUNCATED = ("invalid page offset", "corrupted", "failed to reshape", "zeroed", "missing data")
"""Words in what tifffile logs when it goes on with the pages that it can reach."""


def open_tiff(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one image of a TIFF; its planes are read when they are asked for.

    Raises
    ------
    FileError
        If the file is damaged, cut off or without an image, or holds several and none is chosen.
    ImageError
        If its axes are not those of an image.
    """
    with _reading(source) as tiff:
        chosen = choose_series(source, _list(tiff), series)
        image = tiff.series[chosen]
        named, metadata = image.axes, read_metadata(tiff, chosen)
        array = _planes_of(source, image)
    return image_of(array, named, axes, metadata)


def tiff_series(source: Path) -> list[Series]:
    """Return the images of a TIFF.

    Raises
    ------
    FileError
        If the file is damaged or cut off.
    """
    with _reading(source) as tiff:
        return _list(tiff)


def tiff_record(source: Path) -> dict[str, str]:
    """Return what the run that wrote an OME-TIFF has noted in it; empty if there is no such note.

    Raises
    ------
    FileError
        If the file is damaged.
    """
    import tifffile

    with _damage(source), _complaints([]), tifffile.TiffFile(source) as tiff:
        return read_annotation(tiff.ome_metadata or "", RUN_RECORD)


def _list(tiff: Any) -> list[Series]:
    return [
        Series(number, image.name, tuple(image.shape), image.axes, str(image.dtype))
        for number, image in enumerate(tiff.series)
    ]


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[Any]:
    """Open a TIFF, and say in one sentence what is wrong with it."""
    import tifffile

    problems: list[str] = []
    with _damage(source), _complaints(problems), tifffile.TiffFile(source) as tiff:
        if not tiff.series:
            raise FileError(f"The TIFF file {source} holds no image.")
        yield tiff
    _raise_if_cut(source, problems)


def _raise_if_cut(source: Path, problems: list[str]) -> None:
    for problem in problems:
        if any(word in problem for word in _TRUNCATED):
            raise FileError(f"{_DAMAGED.format(source)}: {first_line(problem)}.")


def _damage(source: Path) -> AbstractContextManager[None]:
    return unreadable(source, _DAMAGED.format(source))


def _planes_of(source: Path, image: Any) -> LazyArray:
    """Return an image as planes, one a TIFF page, or one a stretch of the file where there are no pages."""
    shape, dtype = tuple(image.shape), np.dtype(image.dtype)
    if image.dataoffset is not None and image.keyframe.is_contiguous:
        return _stretches(source, image, shape, dtype)
    page = image.keyframe
    plane_ndim = _page_axes(shape, page.shape)
    leading = shape[: len(shape) - plane_ndim]
    pages = list(image.pages)
    _check_inside(source, pages)
    lock = threading.Lock()

    def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
        number = int(np.ravel_multi_index(index, leading)) if index else 0
        problems: list[str] = []
        with _damage(source), _complaints(problems), lock, _opened(pages[number].parent.filehandle):
            pixels: npt.NDArray[Any] = pages[number].asarray()
        _raise_if_cut(source, problems)
        return pixels.reshape(shape[len(leading) :])

    return LazyArray(shape, dtype, read, plane_ndim)


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
        with _damage(source):
            offset = start + number * pixels * dtype.itemsize
            found = np.fromfile(home, stored, pixels, offset=offset)
            return found.reshape(plane).astype(dtype.newbyteorder("="), copy=False)

    return LazyArray(shape, dtype.newbyteorder("="), read, plane_ndim)


def _check_inside(source: Path, pages: list[Any]) -> None:
    """Refuse a file that ends before the data of its last page."""
    for page in pages:
        if page is None:
            raise FileError(f"{_DAMAGED.format(source)}: a plane is missing.")
        end = page.parent.filehandle.size
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


@contextlib.contextmanager
def _complaints(problems: list[str]) -> Iterator[None]:
    """Collect what tifffile logs, instead of letting it reach the screen."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            problems.append(record.getMessage())

    logger = logging.getLogger("tifffile")
    handler, propagate = Collector(logging.WARNING), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
