"""Reading TIFF: pixels, the names of the axes, and the many ways in which a file can be damaged.

Voxel size and channel names come from `napari_blindspot.tiff_metadata`.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from napari_blindspot.errors import FileError, ImageError
from napari_blindspot.image import looks_like_rgb
from napari_blindspot.image_file import ImageFile
from napari_blindspot.tiff_metadata import read_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["complaints", "first_line", "read_tiff"]

_TRUNCATED = ("invalid page offset", "corrupted", "failed to reshape", "zeroed", "missing data")
"""Words in what tifffile logs when it goes on with the pages that it can reach."""


def read_tiff(source: Path) -> ImageFile:
    """Read the first image of a TIFF.

    Raises
    ------
    FileError
        If the file is damaged, cut off or without an image.
    ImageError
        If its axes are not those of an image.
    """
    import tifffile

    problems: list[str] = []
    try:
        with complaints(problems), tifffile.TiffFile(source) as tiff:
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
        raise FileError(f"The TIFF file {source} is damaged or cut off: {first_line(error)}.") from error
    for problem in problems:
        if any(word in problem for word in _TRUNCATED):
            raise FileError(f"The TIFF file {source} is damaged or cut off: {first_line(problem)}.")
    array, axes, more = _name_axes(array, axes)
    if len(channel_names) != (array.shape[axes.index("C")] if "C" in axes else 1):
        channel_names = ()
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
def complaints(problems: list[str]) -> Iterator[None]:
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


def first_line(problem: object) -> str:
    """Return the first line of a message, without its full stop."""
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__
