"""Reading OME-Zarr (and plain Zarr arrays) plane by plane, on zarr 2 and 3.

What the metadata mean is in `napari_blindspot.files.formats.ngff`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.formats.finish_reading import image_of, unreadable
from napari_blindspot.files.formats.metadata import RUN_RECORD, Metadata
from napari_blindspot.files.formats.ngff import axes_of, metadata_of
from napari_blindspot.files.formats.optional import import_zarr
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.image_file import ImageFile, Series
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["open_zarr", "zarr_record", "zarr_series"]


def open_zarr(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one image of an OME-Zarr, in its full resolution; its planes are read when they are asked for.

    Raises
    ------
    FileError
        If zarr is not installed, the folder is damaged or holds no image, or several and none is chosen.
    ImageError
        If its axes are not those of an image.
    """
    with _damage(source):
        images = _images(source)
        there = _list(images)
        _, array, multiscales, omero = images[choose_series(source, there, series)]
        named = _named(array, multiscales)
        metadata, notices = metadata_of(multiscales, omero, named) if multiscales else (Metadata(), ())
        pixels = _planes_of(source, array)
    return image_of(pixels, named, axes, metadata, notices)


def zarr_series(source: Path) -> list[Series]:
    """Return the images of an OME-Zarr: one, or those of a collection or of a plate's wells.

    Raises
    ------
    FileError
        If zarr is not installed, or the folder is damaged or holds no image.
    """
    with _damage(source):
        return _list(_images(source))


def zarr_record(source: Path) -> dict[str, str]:
    """Return what the run that wrote an OME-Zarr has noted in it; empty if there is no such note.

    Raises
    ------
    FileError
        If zarr is not installed, or the folder is damaged.
    """
    with _damage(source):
        found = import_zarr().open(str(source), mode="r").attrs.get(RUN_RECORD)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


_Image = tuple[str, Any, dict[str, Any], dict[str, Any]]
"""Name, array of the full resolution, multiscales and omero of an image."""


def _images(source: Path) -> list[_Image]:
    root = import_zarr().open(str(source), mode="r")
    if not hasattr(root, "members"):
        return [("", root, {}, {})]
    images = list(_in_group(root, ""))
    if not images:
        raise FileError(
            f"The Zarr folder {source} holds no image of OME-Zarr; give the folder of one of its arrays."
        )
    return images


def _in_group(group: Any, name: str) -> Iterator[_Image]:
    """Give the images of a group: its own, those of its series, or those of a plate's wells."""
    attributes = dict(group.attrs)
    ome = attributes.get("ome") or attributes
    if ome.get("multiscales"):
        for multiscales in ome["multiscales"]:
            array = group[multiscales["datasets"][0]["path"]]
            yield name or str(multiscales.get("name", "")), array, multiscales, ome.get("omero") or {}
        return
    if "plate" in ome:
        paths = [well["path"] for well in ome["plate"].get("wells", ())]
    elif "well" in ome:
        paths = [image["path"] for image in ome["well"].get("images", ())]
    elif "bioformats2raw.layout" in ome:
        listed = group["OME"].attrs if "OME" in group else {}
        listed = listed.get("ome") or listed
        paths = listed.get("series") or sorted(
            (key for key in group.group_keys() if key.isdecimal()), key=int
        )
    else:
        return
    for path in paths:
        yield from _in_group(group[path], f"{name}/{path}".lstrip("/"))


def _list(images: list[_Image]) -> list[Series]:
    return [
        Series(number, name, tuple(array.shape), _named(array, multiscales) or "?", str(array.dtype))
        for number, (name, array, multiscales, _) in enumerate(images)
    ]


def _named(array: Any, multiscales: dict[str, Any]) -> str:
    """Return what the file calls the axes; empty if it does not name them."""
    if multiscales:
        return axes_of(multiscales, array.ndim)
    names = getattr(array.metadata, "dimension_names", None) or ()
    letters = [name.upper() if name and len(name) == 1 else "?" for name in names]
    return "".join(letters) if "Y" in letters and "X" in letters else ""


def _planes_of(source: Path, array: Any) -> LazyArray:
    def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
        with _damage(source):
            return np.asarray(array[index])

    return LazyArray(tuple(array.shape), np.dtype(array.dtype), read, min(2, array.ndim))


def _damage(source: Path) -> AbstractContextManager[None]:
    return unreadable(source, f"The Zarr folder {source} is damaged or incomplete")
