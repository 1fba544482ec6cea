"""Image files in and out: pixels with their axes, voxel size and channel names, and a run's record.

Reads TIFF (plain, ImageJ, OME) and PNG; writes OME-TIFF. What the metadata of the many kinds of TIFF mean
is in `napari_blindspot.tiff_metadata`; which planes are denoised is not decided here.
"""

from __future__ import annotations

import contextlib
import logging
import struct
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.atomic import atomic_path
from napari_blindspot.errors import FileError, ImageError
from napari_blindspot.image import looks_like_rgb
from napari_blindspot.tiff_metadata import LENGTH_AXES, Spacing, read_annotation, read_metadata

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

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
_TRUNCATED = ("invalid page offset", "corrupted", "failed to reshape", "zeroed", "missing")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """The pixels of a file, and what else is worth keeping.

    Attributes
    ----------
    array : ndarray
        The pixels, in the dtype of the file.
    axes : str
        One letter an axis, of T, Z, C, Y, X, and S for the samples of a colour image; Y and X come last,
        but for S.
    spacing : mapping of str to Spacing
        Distance between neighbours along T, Z, Y and X where the file tells it.
    channel_names : tuple of str
        One name a channel, or empty.
    notes : tuple of str
        What the user ought to know about how the file was read, one sentence each.
    """

    array: npt.NDArray[Any]
    axes: str
    spacing: Mapping[str, Spacing] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_rgb(self) -> bool:
        """Whether the pixels are colours, of three or four samples each."""
        return "S" in self.axes

    @property
    def channels(self) -> int:
        """Number of colour samples or channels; 1 if there is no axis for them."""
        axis = "S" if self.is_rgb else "C"
        return self.array.shape[self.axes.index(axis)] if axis in self.axes else 1

    def channel(self, number: int) -> ImageFile:
        """Return one colour sample or channel, without its axis.

        Raises
        ------
        ImageError
            If there is no such channel.
        """
        if not 0 <= number < self.channels:
            valid = "0" if self.channels == 1 else f"0 to {self.channels - 1}"
            raise ImageError(f"There is no channel {number}; the channels of this image are {valid}.")
        letter = "S" if self.is_rgb else "C"
        if letter not in self.axes:
            return self
        names = self.channel_names[number : number + 1] if letter == "C" else ()
        return replace(
            self,
            array=np.take(self.array, number, axis=self.axes.index(letter)),
            axes=self.axes.replace(letter, ""),
            channel_names=names,
        )


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
    try:
        with source.open("rb") as stream:
            start = stream.read(32)
    except OSError as error:
        raise FileError(f"Cannot read {source}: {error.strerror or error}.") from error
    if not start:
        raise FileError(f"The file {source} is empty; a TIFF or PNG image is needed.")
    if start.startswith(_PNG):
        return _read_png(source, start)
    if start.startswith(_TIFF):
        return _read_tiff(source)
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


def _read_tiff(source: Path) -> ImageFile:
    import tifffile

    problems: list[str] = []
    try:
        with _tifffile_complaints(problems), tifffile.TiffFile(source) as tiff:
            if not tiff.series:
                raise FileError(f"The TIFF file {source} holds no image.")
            series = tiff.series[0]
            array, axes = series.asarray(), series.axes
            spacing, channel_names = read_metadata(tiff)
            notes = _series_notes(len(tiff.series), series.name)
    except FileError:
        raise
    except MemoryError as error:
        raise FileError(f"The image in {source} does not fit into memory.") from error
    # What tifffile and its decoders raise on damaged files is open-ended: zlib.error, struct.error, ….
    except Exception as error:
        raise FileError(f"The TIFF file {source} is damaged or cut off: {_first_line(error)}.") from error
    # tifffile goes on with the pages it can reach when a file was cut off, and only logs it.
    for problem in problems:
        if any(word in problem for word in _TRUNCATED):
            raise FileError(f"The TIFF file {source} is damaged or cut off: {_first_line(problem)}.")
    array, axes, more = _name_axes(array, axes)
    if axes.count("C") == 0 or len(channel_names) != array.shape[axes.index("C")]:
        channel_names = channel_names if len(channel_names) == 1 and "C" not in axes else ()
    return ImageFile(array, axes, spacing, channel_names, (*notes, *more))


def _series_notes(count: int, name: str) -> tuple[str, ...]:
    if count == 1:
        return ()
    called = f", {name!r}," if name else ""
    return (f"The file holds {count} images; the first{called} is used.",)


def _name_axes(array: npt.NDArray[Any], axes: str) -> tuple[npt.NDArray[Any], str, tuple[str, ...]]:
    """Give every axis a letter of OME's and move Y and X to the end (S after them)."""
    if "Y" not in axes or "X" not in axes:
        raise ImageError(
            f"The image has the axes {axes or 'none'}, of shape {array.shape}, but Y and X are needed."
        )
    if "S" not in axes and "C" not in axes and looks_like_rgb(array.shape) and not set(axes) & set("TZ"):
        # An array (Y, X, 3) that was written without saying that it is a colour image.
        return array, _letters(axes[:-3]) + "YXS", ()
    known = [letter if letter in "TZCYXS" and axes.count(letter) == 1 else "?" for letter in axes]
    free = [letter for letter in "ZTC" if letter not in known]
    if known.count("?") > len(free):
        raise ImageError(
            f"The image has the axes {axes}, of shape {array.shape}, but besides Y and X only time, Z and "
            "channel are known."
        )
    notes = []
    for position, letter in enumerate(known):
        if letter == "?":
            known[position] = free.pop(0)
            notes.append(
                f"The file does not name the axis of length {array.shape[position]}; "
                f"it is taken for {known[position]}."
            )
    named = "".join(known)
    order = [letter for letter in named if letter not in "YXS"] + list("YXS" if "S" in named else "YX")
    array = array.transpose([named.index(letter) for letter in order])
    return array, "".join(order), tuple(notes)


def _letters(axes: str) -> str:
    """Name as many leading axes as there are letters."""
    return "TZ"[-len(axes) :] if axes else ""


@contextlib.contextmanager
def _tifffile_complaints(problems: list[str]) -> Iterator[None]:
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


def _first_line(problem: object) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__


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
    """Return the settings of the run that wrote an OME-TIFF.

    Raises
    ------
    FileError
        If the file is not a TIFF or was not written by napari-blindspot.
    SettingsError
        If its settings are those of another version and do not validate.
    """
    import tifffile

    from napari_blindspot.settings import Settings

    try:
        with _tifffile_complaints([]), tifffile.TiffFile(path) as tiff:
            text = tiff.ome_metadata
    except (OSError, ValueError) as error:
        raise FileError(f"Cannot read {path} as a TIFF: {_first_line(error)}.") from error
    values = read_annotation(text or "", NAMESPACE)
    if "settings" not in values:
        raise FileError(f"The file {path} holds no settings of napari-blindspot.")
    return Settings.parse(values["settings"])
