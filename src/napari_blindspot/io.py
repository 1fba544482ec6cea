"""Image files in and out: pixels with their axes, voxel size and channel names, and a run's record.

Reads TIFF (plain, ImageJ, OME) and PNG; writes OME-TIFF. What the metadata of the many kinds of TIFF mean
is in `napari_blindspot.tiff_metadata`; which planes are denoised is not decided here.
"""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.atomic import atomic_path
from napari_blindspot.errors import FileError, ImageError
from napari_blindspot.image_file import ImageFile
from napari_blindspot.tiff_metadata import LENGTH_AXES, Spacing, read_annotation
from napari_blindspot.tiff_reader import complaints, first_line, read_tiff

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from napari_blindspot.settings import Settings

__all__ = ["OME_DTYPES", "ImageFile", "Spacing", "read_image", "read_settings", "write_ome_tiff"]

OME_DTYPES = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")
"""Pixel types that an OME-TIFF can hold."""

NAMESPACE = "napari-blindspot/run"
"""Namespace of the annotation that holds the record of a run."""

CLASSIC_LIMIT = 2**32 - 2**25
"""Largest array in bytes that a classic TIFF is written for; beyond it, BigTIFF."""

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_image(path: str | os.PathLike[str]) -> ImageFile:
    """Read the first image of a TIFF, OME-TIFF, ImageJ TIFF or PNG file.

    Parameters
    ----------
    path : path-like
        The file; what it holds is decided by its first bytes, not by its name.

    Returns
    -------
    ImageFile
        The pixels in the file's dtype.

    Raises
    ------
    FileError
        If the file is not there, is neither TIFF nor PNG, or is damaged.
    ImageError
        If its axes are not those of an image.
    """
    source = Path(path)
    start = _first_bytes(source)
    if not start:
        raise FileError(f"The file {source} is empty; a TIFF or PNG image is needed.")
    if start.startswith(_PNG):
        return _read_png(source, start)
    if start.startswith(_TIFF):
        return read_tiff(source)
    raise FileError(f"The file {source} is neither a TIFF nor a PNG image: it begins with {start[:12]!r}.")


def _read_png(source: Path, start: bytes) -> ImageFile:
    from PIL import Image

    if len(start) >= 26:
        depth, colour = struct.unpack("BB", start[24:26])
        if depth == 16 and colour != 0:
            raise FileError(
                f"The file {source} is a colour PNG of 16 bits, which cannot be read in full depth; "
                "save the channel that you want as TIFF."
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                is_palette = picture.mode in ("P", "PA")
                array = np.asarray(picture.convert("RGB") if is_palette else picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FileError(f"The PNG file {source} is damaged or cut off: {error}.") from error
    if array.ndim == 3 and array.shape[-1] == 2:
        note = "The transparency of the PNG was left out."
        return ImageFile(np.ascontiguousarray(array[..., 0]), "YX", notes=(note,))
    return ImageFile(array, "YXS" if array.ndim == 3 else "YX")


def write_ome_tiff(
    path: str | os.PathLike[str],
    image: ImageFile,
    *,
    settings: Settings | None = None,
    record: Mapping[str, str] | None = None,
) -> None:
    """Write an OME-TIFF with voxel size, channel names and the record of the run; complete or not at all.

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
    import tifffile

    from napari_blindspot import __version__

    array = image.array
    if array.dtype.name not in OME_DTYPES:
        raise ImageError(f"An OME-TIFF cannot hold {array.dtype}; choose one of: {', '.join(OME_DTYPES)}.")
    metadata: dict[str, Any] = {
        "axes": image.axes,
        "Name": Path(path).name,
        "Creator": f"napari-blindspot {__version__}",
    }
    for axis, spacing in image.spacing.items():
        name = f"PhysicalSize{axis}" if axis in LENGTH_AXES else "TimeIncrement"
        metadata |= {name: spacing.step, f"{name}Unit": spacing.unit}
    if image.channel_names:
        metadata["Channel"] = {"Name": list(image.channel_names)}
    values = dict(record or {})
    if settings is not None:
        values["settings"] = settings.model_dump_json()
    if values:
        metadata["MapAnnotation"] = {"Namespace": NAMESPACE, "Value": values}
    with atomic_path(path, array.nbytes) as temporary:
        tifffile.imwrite(
            temporary,
            array,
            bigtiff=array.nbytes > CLASSIC_LIMIT,
            ome=True,
            photometric="rgb" if image.is_rgb else "minisblack",
            metadata=metadata,
            **_resolution(image.spacing),
        )


def _resolution(spacing: Mapping[str, Spacing]) -> dict[str, Any]:
    """Return the pixel size as TIFF's own tags, for programs that do not read OME-XML."""
    if not ("X" in spacing and "Y" in spacing):
        return {}
    per_centimetre = tuple(1e4 / spacing[axis].micrometres for axis in "XY")
    return {"resolution": per_centimetre, "resolutionunit": "CENTIMETER"}


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """Return the settings of an earlier run.

    Parameters
    ----------
    path : path-like
        The OME-TIFF that the run wrote, or a JSON file.

    Raises
    ------
    FileError
        If the file cannot be read, or is a TIFF that napari-blindspot did not write.
    SettingsError
        If its settings do not validate, for example because they are those of another version.
    """
    import tifffile

    from napari_blindspot.settings import Settings

    source = Path(path)
    if not _first_bytes(source).startswith(_TIFF):
        return Settings.parse(_read_json(source))
    try:
        with complaints([]), tifffile.TiffFile(source) as tiff:
            text = tiff.ome_metadata
    except (OSError, ValueError) as error:
        raise FileError(f"The TIFF file {source} is damaged or cut off: {first_line(error)}.") from error
    values = read_annotation(text or "", NAMESPACE)
    if "settings" not in values:
        raise FileError(f"The file {source} holds no settings of napari-blindspot.")
    return Settings.parse(values["settings"])


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
