"""Opening and writing image files of all formats, and the record of the run that wrote one.

Formats are looked up in `napari_blindspot.files.formats.registry`; what is particular to one is in its own
modules. Which planes are denoised, and when a result is complete, is decided in `napari_blindspot.jobs`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import cast_like, check_pixels
from napari_blindspot.files.axes import split_axis
from napari_blindspot.files.formats.registry import format_of, known_format, writer_of
from napari_blindspot.files.image_file import ImageFile, Series
from napari_blindspot.files.read_options import ReadOptions, parse_voxel_size
from napari_blindspot.files.spacing import Spacing
from napari_blindspot.files.write_options import WriteOptions

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from napari_blindspot.files.formats.registry import Planes
    from napari_blindspot.settings import Settings

__all__ = [
    "ImageFile",
    "ReadOptions",
    "Series",
    "Spacing",
    "WriteOptions",
    "list_members",
    "list_series",
    "open_image",
    "output_dtype",
    "read_image",
    "read_record",
    "read_settings",
    "write_image",
    "write_ome_tiff",
]


def open_image(
    path: str | os.PathLike[str],
    *,
    series: int | None = None,
    axes: str | None = None,
    split: str | None = None,
    voxel_size: str | Sequence[float] | None = None,
) -> ImageFile:
    """Open an image file; its planes are read when they are asked for.

    Parameters
    ----------
    path : path-like
        A file, or the folder of an OME-Zarr. What it holds decides its format, not its name.
    series : int, optional
        Which image of a file with several, counted from 0; see `list_series`.
    axes : str, optional
        What the axes are, one letter of T, Z, C, Y, X, S each, in the order of the file; by default what
        the file says, or what its shape tells.
    split : str, optional
        How many images of another axis stand in turn on the last axis before the planes, and its letter:
        with ``"2:C"`` 12 planes become 6 of each of two channels.
    voxel_size : str or sequence of float, optional
        Distances between neighbours along Z, Y and X, or Y and X, in µm, instead of what the file says.

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
        If its axes are not those of an image, or do not fit `axes` or `split`.
    SettingsError
        If the voxel size is none.
    """
    said = ReadOptions(series, axes, split, parse_voxel_size(voxel_size))
    source = Path(path)
    image = known_format(source).open(source, said.series, said.axes)
    if said.split is not None:
        array, letters = split_axis(image.array, image.axes, said.split)
        notices = tuple(notice for notice in image.notices if notice.kind != "channels-in-turn")
        image = replace(image, array=array, axes=letters, notices=notices)
    return image if said.voxel_size is None else image.with_voxel_size(said.voxel_size)


def read_image(path: str | os.PathLike[str], *, axes: str | None = None) -> ImageFile:
    """Read all pixels of a file's first image; of a file with several, a notice says so.

    The parameters and errors are those of `open_image`.
    """
    source = Path(path)
    found = known_format(source)
    there = found.series(source)
    image = found.open(source, 0, axes).in_memory()
    if len(there) == 1:
        return image
    notice = Notice("first-image-used", {"count": len(there), "name": there[0].name})
    return replace(image, notices=(notice, *image.notices))


def list_series(path: str | os.PathLike[str]) -> list[Series]:
    """Return the images that a file holds, without reading their pixels; most files hold one.

    Raises
    ------
    FileError
        If the file cannot be read.
    """
    source = Path(path)
    return known_format(source).series(source)


def list_members(path: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Return the files whose planes opening one file gives, where a set of files holds an image.

    Returns
    -------
    tuple of Path
        The first stands for the set; empty if the file is whole by itself.

    Raises
    ------
    FileError
        If the file cannot be read.
    """
    source = Path(path)
    found = known_format(source)
    return () if found.members is None else found.members(source)


def write_image(
    path: str | os.PathLike[str],
    like: ImageFile,
    planes: Planes,
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
        The output; one that is there is replaced. Its name decides its format: OME-Zarr if it ends in
        .zarr, OME-TIFF if it ends in .tif or .tiff.
    like : ImageFile
        Has the shape, axes, voxel size, place and channels of the output; its pixels are not looked at.
    planes : callable
        Gives the (Y, X) plane of an index into the leading axes of `like`. It is asked for each plane in
        order, once; with a pyramid, once for each level.
    dtype : dtype
        Of the output; planes are converted to it, integers by rounding and clipping.
    options : WriteOptions, optional
        How the pixels are stored.
    settings : Settings, optional
        Those of the run; `read_settings` gives them back.
    record : mapping of str to str, optional
        What else is to be known about the run; `read_record` gives it back.

    Raises
    ------
    FileError
        If the name is not that of an output, or the output cannot be written, for example because the
        disk is full.
    ImageError
        If the format cannot hold the dtype.
    """
    values = dict(record or {})
    if settings is not None:
        values["settings"] = settings.model_dump_json()
    target, pixels = Path(path), np.dtype(dtype)
    writer = writer_of(target)
    if pixels.name not in writer.dtypes:
        raise ImageError(
            f"{writer.name} cannot hold {pixels}; choose one of: {', '.join(writer.dtypes)}.",
            setting="output_dtype",
        )

    def converted(index: tuple[int, ...]) -> npt.NDArray[Any]:
        plane = np.asarray(planes(index))
        return plane if plane.dtype == pixels or pixels.kind == "f" else cast_like(plane, pixels)

    writer.write(target, like, converted, pixels, options or WriteOptions(), values)


def output_dtype(pixels: npt.DTypeLike, setting: str, path: str | os.PathLike[str]) -> np.dtype[Any]:
    """Return the dtype in which an output is written, and make sure that its format can hold it.

    Parameters
    ----------
    pixels : dtype
        Of the input.
    setting : str
        The setting ``output_dtype``: ``"input"`` for that of the input, else the name of a dtype.
    path : path-like
        The output, whose name decides its format.

    Returns
    -------
    dtype
        In the byte order of this machine.

    Raises
    ------
    FileError
        If the name is not that of an output.
    ImageError
        If the format cannot hold the dtype, or it is none of intensities.
    """
    wanted = np.dtype(pixels if setting == "input" else setting).newbyteorder("=")
    check_pixels(wanted)
    writer = writer_of(path)
    if wanted.name not in writer.dtypes:
        raise ImageError(
            f"{writer.name} cannot hold {wanted.name}; choose float32 for the output.",
            setting="output_dtype",
        )
    return wanted


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
        Pixels of a dtype that an OME-TIFF can hold, and their metadata.
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
    found = format_of(source)
    if found is None or found.read_record is None:
        return Settings.parse(_read_json(source))
    values = found.read_record(source)
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
    found = format_of(source)
    return {} if found is None or found.read_record is None else found.read_record(source)


def _read_json(source: Path) -> dict[str, Any]:
    try:
        values = json.loads(source.read_bytes())
    except OSError as error:
        raise FileError(f"Cannot read {source}: {error.strerror or error}.") from error
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise FileError(
            f"The file {source} holds no settings: neither an OME-TIFF of an earlier run nor a JSON object."
        )
    return values
