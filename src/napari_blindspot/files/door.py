"""Image files in and out: the door to the formats, each of which has modules in `napari_blindspot.formats`.

What is in front of this door decides which planes are denoised and when a result is complete.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.formats.bioio import bioio_format, bioio_series, open_bioio
from napari_blindspot.files.formats.tiff_writer import NAMESPACE, OME_DTYPES
from napari_blindspot.files.formats.zarr_reader import is_zarr, open_zarr, zarr_annotation, zarr_series
from napari_blindspot.files.image_file import ImageFile, Series
from napari_blindspot.files.spacing import Spacing
from napari_blindspot.files.write_options import WriteOptions

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from napari_blindspot.settings import Settings

__all__ = [
    "OME_DTYPES",
    "ImageFile",
    "Series",
    "Spacing",
    "WriteOptions",
    "is_zarr",
    "list_series",
    "open_image",
    "read_image",
    "read_record",
    "read_settings",
    "write_image",
    "write_ome_tiff",
]

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_image(
    path: str | os.PathLike[str], *, series: int | None = None, axes: str | None = None
) -> ImageFile:
    """Open an image file; its planes are read when they are asked for.

    Parameters
    ----------
    path : path-like
        A TIFF, OME-TIFF, ImageJ TIFF, PNG, CZI, LIF or ND2 file, or an OME-Zarr; which of them is decided
        by what it holds, not by its name.
    series : int, optional
        Which image of a file with several, counted from 0; see `list_series`.
    axes : str, optional
        What the axes are, one letter of T, Z, C, Y, X, S each, in the order of the file; by default what
        the file says, or what its shape tells.

    Returns
    -------
    ImageFile
        The pixels in the file's dtype, with Y and X (and S) as the last axes. Its array may be a
        `napari_blindspot.files.lazy_array.LazyArray`, which holds no pixels.

    Raises
    ------
    FileError
        If the file is not there, of no known format or damaged, or holds several images and none is
        chosen.
    ImageError
        If its axes are not those of an image, or do not fit `axes`.
    """
    source = Path(path)
    if is_zarr(source):
        return open_zarr(source, series, axes)
    start = _first_bytes(source)
    if start.startswith(_PNG):
        from napari_blindspot.files.formats.png import open_png

        return _with_axes(open_png(source, start), axes)
    if start.startswith(_TIFF):
        from napari_blindspot.files.formats.tiff_reader import open_tiff

        return open_tiff(source, series, axes)
    name = bioio_format(start)
    if name is not None:
        return open_bioio(source, name, series, axes)
    if not start:
        raise FileError(f"The file {source} is empty; a TIFF or PNG image is needed.")
    raise FileError(f"The file {source} is neither a TIFF nor a PNG image: it begins with {start[:12]!r}.")


def read_image(path: str | os.PathLike[str], *, axes: str | None = None) -> ImageFile:
    """Read all pixels of a file's first image; of a file with several, that is said in the notes.

    The parameters and errors are those of `open_image`.
    """
    there = list_series(path)
    image = open_image(path, series=0, axes=axes).in_memory()
    if len(there) == 1:
        return image
    called = f", {there[0].name!r}," if there[0].name else ""
    note = f"The file holds {len(there)} images; the first{called} is used."
    return replace(image, notes=(note, *image.notes))


def list_series(path: str | os.PathLike[str]) -> list[Series]:
    """Return the images that a file holds, without reading their pixels; most files hold one.

    Raises
    ------
    FileError
        If the file cannot be read.
    """
    source = Path(path)
    if is_zarr(source):
        return zarr_series(source)
    if _first_bytes(source).startswith(_TIFF):
        from napari_blindspot.files.formats.tiff_reader import tiff_series

        return tiff_series(source)
    name = bioio_format(_first_bytes(source))
    if name is not None:
        return bioio_series(source, name)
    image = open_image(source)
    return [Series(0, "", image.shape, image.axes, str(image.dtype))]


def write_image(
    path: str | os.PathLike[str],
    like: ImageFile,
    planes: Callable[[tuple[int, ...]], npt.NDArray[Any]],
    dtype: npt.DTypeLike,
    *,
    options: WriteOptions | None = None,
    settings: Settings | None = None,
    record: Mapping[str, str] | None = None,
) -> None:
    """Write an image plane by plane; complete or not at all.

    Parameters
    ----------
    path : path-like
        The OME-Zarr to write if its name ends in .zarr, else the OME-TIFF; one that is there is replaced.
    like : ImageFile
        Has the shape, axes, voxel size, place and channels of the output; its pixels are not looked at.
    planes : callable
        Gives the (Y, X) plane of an index into the leading axes of `like`. It is asked for each plane in
        order, once; with a pyramid, once for each level.
    dtype : dtype
        Of the output; planes are converted to it.
    options : WriteOptions, optional
        How the pixels are stored.
    settings : Settings, optional
        Those of the run; `read_settings` gives them back.
    record : mapping of str to str, optional
        What else is to be known about the run; `read_record` gives it back.

    Raises
    ------
    FileError
        If the output cannot be written, for example because the disk is full.
    ImageError
        If the format cannot hold the dtype.
    """
    values = dict(record or {})
    if settings is not None:
        values["settings"] = settings.model_dump_json()
    target, chosen = Path(path), options or WriteOptions()
    if target.suffix.lower() == ".zarr":
        from napari_blindspot.files.formats.zarr_writer import write_zarr

        write_zarr(target, like, planes, np.dtype(dtype), chosen, values, NAMESPACE)
    else:
        from napari_blindspot.files.formats.tiff_writer import write_tiff

        write_tiff(target, like, planes, np.dtype(dtype), chosen, values)


def write_ome_tiff(
    path: str | os.PathLike[str],
    image: ImageFile,
    *,
    settings: Settings | None = None,
    record: Mapping[str, str] | None = None,
) -> None:
    """Write an image that is in memory as OME-TIFF, uncompressed; complete or not at all.

    Parameters
    ----------
    path : path-like
        The file to write; one that is there is replaced.
    image : ImageFile
        Pixels of a dtype in `OME_DTYPES` and their metadata.
    settings : Settings, optional
        Those of the run; `read_settings` gives them back.
    record : mapping of str to str, optional
        What else is to be known about the run.

    Raises
    ------
    FileError
        If the file cannot be written, for example because the disk is full.
    ImageError
        If an OME-TIFF cannot hold the dtype.
    """
    options = WriteOptions(compression="none")
    planes = image.array.__getitem__
    write_image(path, image, planes, image.dtype, options=options, settings=settings, record=record)


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """Return the settings of an earlier run.

    Parameters
    ----------
    path : path-like
        The OME-TIFF or OME-Zarr that the run wrote, or a JSON file.

    Raises
    ------
    FileError
        If the file cannot be read, or is a TIFF that napari-blindspot did not write.
    SettingsError
        If its settings do not validate, for example because they are those of another version.
    """
    from napari_blindspot.settings import Settings

    source = Path(path)
    if not is_zarr(source) and not _first_bytes(source).startswith(_TIFF):
        return Settings.parse(_read_json(source))
    values = read_record(source)
    if "settings" not in values:
        raise FileError(f"The file {source} holds no settings of napari-blindspot.")
    return Settings.parse(values["settings"])


def read_record(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return what the run that wrote a file has noted in it, its settings as JSON under "settings".

    Returns
    -------
    dict of str to str
        Empty if the file is not from napari-blindspot.

    Raises
    ------
    FileError
        If the file cannot be read.
    """
    source = Path(path)
    if is_zarr(source):
        return zarr_annotation(source, NAMESPACE)
    if not _first_bytes(source).startswith(_TIFF):
        return {}
    from napari_blindspot.files.formats.tiff_reader import tiff_annotation

    return tiff_annotation(source, NAMESPACE)


def _with_axes(image: ImageFile, axes: str | None) -> ImageFile:
    """Return an image without further metadata under the axes that a user named."""
    if axes is None:
        return image
    from napari_blindspot.files.axes import check_axes, planes_last

    array, letters = planes_last(image.array, check_axes(axes, image.shape))
    return replace(image, array=array, axes=letters)


def _read_json(source: Path) -> dict[str, Any]:
    try:
        values = json.loads(source.read_bytes())
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise FileError(
            f"The file {source} holds no settings: neither an OME-TIFF of an earlier run nor a JSON object."
        )
    return values


def _first_bytes(source: Path) -> bytes:
    try:
        with source.open("rb") as stream:
            return stream.read(32)
    except OSError as error:
        raise FileError(f"Cannot read {source}: {error.strerror or error}.") from error
