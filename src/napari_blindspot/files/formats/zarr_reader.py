"""Reading OME-Zarr (and plain Zarr arrays) plane by plane, on zarr 2 and 3.

Which images a folder holds is told by `napari_blindspot.files.formats.zarr_images`; what the metadata mean
by `napari_blindspot.files.formats.ngff`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.chunk_cache import planes_of_chunks
from napari_blindspot.files.formats.finish_reading import image_of, opening, unreadable
from napari_blindspot.files.formats.metadata import RUN_RECORD
from napari_blindspot.files.formats.ngff import metadata_of
from napari_blindspot.files.formats.optional import import_zarr
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.formats.zarr_chunks import missing_chunks
from napari_blindspot.files.formats.zarr_images import list_zarr_images, zarr_images
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.files.image_file import ImageFile, Series

__all__ = ["open_zarr", "zarr_record", "zarr_series"]


def open_zarr(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one image of an OME-Zarr, in its full resolution; its planes are read when they are asked for.

    Raises
    ------
    FileError
        If zarr is not installed, the folder is damaged or holds no image, one of labels, one whose pixels
        are not there, or several and none is chosen.
    ImageError
        If its axes are not those of an image.
    """
    with opening(source, _damage(source)):
        images = zarr_images(source)
        # Of a plate with thousands of images only the one that is chosen is looked at.
        is_chosen = series is not None and 0 <= series < len(images)
        number = series if is_chosen else choose_series(source, list_zarr_images(images), series)
        image = images[number or 0]
        array = image.array
        _refuse_pickles(source, array)
        named = image.axes(array)
        metadata, notices = metadata_of(image.multiscales, image.omero, named)
        notices = (*notices, *missing_chunks(source, array))
        pixels = _planes_of(source, array)
    return image_of(pixels, named, axes, metadata, notices)


def zarr_series(source: Path) -> list[Series]:
    """Return the images of an OME-Zarr: one, or those of a collection, a scene, or a plate's wells.

    Raises
    ------
    FileError
        If zarr is not installed, or the folder is damaged or holds no image.
    """
    with opening(source, _damage(source)):
        return list_zarr_images(zarr_images(source))


def zarr_record(source: Path) -> dict[str, str]:
    """Return what the run that wrote an OME-Zarr has noted in it; empty if there is no such note.

    Raises
    ------
    FileError
        If zarr is not installed, or the folder is damaged.
    """
    with opening(source, _damage(source)):
        found = import_zarr().open(str(source), mode="r").attrs.get(RUN_RECORD)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _refuse_pickles(source: Path, array: Any) -> None:
    """Refuse an array whose chunks are Python's pickles, because reading one may run any program.

    Raises
    ------
    FileError
        If it is one.
    """
    described = array.metadata
    codecs = (*(getattr(described, "filters", None) or ()), getattr(described, "compressor", None))
    if any(getattr(codec, "codec_id", "") == "pickle" for codec in codecs):
        raise FileError(f"The Zarr folder {source} holds pickles of Python, which are not read.")


def _native(array: Any) -> np.dtype[Any]:
    """Return the type of an array's pixels in the byte order of this machine."""
    dtype: np.dtype[Any] = np.dtype(array.dtype).newbyteorder("=")
    return dtype


def _planes_of(source: Path, array: Any) -> LazyArray:
    dtype = _native(array)

    def read(part: tuple[Any, ...]) -> npt.NDArray[Any]:
        with unreadable(source, _damage(source)):
            return np.asarray(array[part], dtype)

    shape = tuple(array.shape)
    if len(shape) < 2:
        return LazyArray(shape, dtype, read, len(shape))
    return LazyArray(shape, dtype, planes_of_chunks(shape, tuple(array.chunks), dtype.itemsize, read))


def _damage(source: Path) -> str:
    return f"The Zarr folder {source} is damaged or incomplete"
