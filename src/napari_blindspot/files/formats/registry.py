"""The one list of image formats: the door, dialogs, the search of a folder, help and docs read it.

A module of this package whose name ends in ``_format`` declares formats in its tuple ``FORMATS``, and that
makes them known everywhere. Such a module imports no library, not even numpy, so that the list can be read
while a program starts: what reads and writes is imported when a file is opened.

What is done with a file of a format belongs to `napari_blindspot.files.door`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import FileError
from napari_blindspot.files import formats
from napari_blindspot.files.formats.other_kinds import what_it_is

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.files.image_file import ImageFile, Series
    from napari_blindspot.files.write_options import WriteOptions

    Planes = Callable[[tuple[int, ...]], npt.NDArray[Any]]
    """Gives the (Y, X) plane, of a colour image (Y, X, S), of an index into the axes before it."""

    Write = Callable[[Path, ImageFile, Planes, np.dtype[Any], WriteOptions, Mapping[str, str]], None]
    """Writes planes to a path, like an image, as a dtype, with options and the record of a run."""

__all__ = [
    "Format",
    "Writer",
    "all_formats",
    "begins_with",
    "dialog_filter",
    "endings",
    "format_names",
    "format_of",
    "is_image_folder",
    "known_format",
    "writer_of",
    "writers",
]

_SNIFFED = 32
"""Bytes at the start of a file that its format is decided by."""


@dataclass(frozen=True, slots=True)
class Writer:
    """What writes images of a format.

    Attributes
    ----------
    name : str
        Of what is written.
    endings : tuple of str
        Names that ask for it, in lower case; the first is for names that are made up.
    dtypes : tuple of str
        Types of pixels that it can hold.
    write : callable
        Writes an image plane by plane, complete or not at all.
    """

    name: str
    endings: tuple[str, ...]
    dtypes: tuple[str, ...]
    write: Write


@dataclass(frozen=True, slots=True)
class Format:
    """An image format that can be read.

    Attributes
    ----------
    name : str
        As people know it.
    endings : tuple of str
        Usual ends of a name, in lower case, for dialogs and the search of folders. Only `sniff` decides
        what a file is.
    sniff : callable
        Tells from a path and the first bytes of the file (none of a folder) whether it is of this format.
    open : callable
        Opens one image of a file: from the path, the number of the image or None, and the axes that a user
        named or None. It raises what `napari_blindspot.files.door.open_image` does.
    series : callable
        Lists the images of a file, without their pixels.
    is_folder : bool
        Whether an image is a folder.
    extra : str
        The extra of napari-blindspot that installs what the format needs; empty if nothing is.
    read_record : callable or None
        Returns what the run that wrote a file has noted in it; empty if there is no such note.
    writer : Writer or None
        What writes the format, if anything does.
    members : callable or None
        Lists the files whose planes opening one file gives; the first of them stands for their set. Empty
        for a file that is whole by itself.
    """

    name: str
    endings: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    open: Callable[[Path, int | None, str | None], ImageFile]
    series: Callable[[Path], list[Series]]
    is_folder: bool = False
    extra: str = ""
    read_record: Callable[[Path], dict[str, str]] | None = None
    writer: Writer | None = None
    members: Callable[[Path], tuple[Path, ...]] | None = None


def begins_with(*marks: bytes) -> Callable[[Path, bytes], bool]:
    """Return a `Format.sniff` for files that begin with one of some bytes."""
    return lambda _, start: start.startswith(marks)


@functools.cache
def all_formats() -> tuple[Format, ...]:
    """Return all formats that can be read, in the order of their names."""
    found: list[Format] = []
    for module in pkgutil.iter_modules(formats.__path__):
        if module.name.endswith("_format"):
            found += importlib.import_module(f"{formats.__name__}.{module.name}").FORMATS
    return tuple(sorted(found, key=lambda one: one.name.lower()))


def format_names() -> str:
    """Return the names of all formats that can be read, as part of a sentence: CZI, LIF, … or TIFF."""
    return _alternatives(one.name for one in all_formats())


def endings(*, folders: bool = True) -> tuple[str, ...]:
    """Return how names of images end, in lower case; with or without images that are folders."""
    chosen = [one for one in all_formats() if folders or not one.is_folder]
    return tuple(ending for one in chosen for ending in one.endings)


def dialog_filter() -> str:
    """Return the filter of a file dialog that shows images: ``Images (*.tif *.png …)``."""
    return f"Images ({' '.join(f'*{ending}' for ending in endings(folders=False))})"


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """Return the format of a file or folder by what it holds, not by its name; None if it is of none.

    Raises
    ------
    FileError
        If the file cannot be read.
    """
    return _sniffed(Path(path))[0]


def known_format(path: str | os.PathLike[str]) -> Format:
    """Return the format of a file or folder by what it holds, not by its name.

    Raises
    ------
    FileError
        If the file cannot be read, or is of no format that is known.
    """
    source = Path(path)
    found, start = _sniffed(source)
    if found is not None:
        return found
    if source.is_dir():
        names = _alternatives(one.name for one in all_formats() if one.is_folder)
        raise FileError(f"Cannot read {source}: it is a folder, and no {names}.")
    if not start:
        raise FileError(f"The file {source} is empty; an image is needed ({format_names()}).")
    if known := what_it_is(source, start):
        raise FileError(f"The file {source} {known}.")
    raise FileError(
        f"The file {source} is no image that can be read ({format_names()}): it begins with {start[:12]!r}."
    )


def is_image_folder(path: Path) -> bool:
    """Tell whether a path is a folder that is an image itself, such as an OME-Zarr."""
    return path.is_dir() and format_of(path) is not None


def writers() -> tuple[Writer, ...]:
    """Return all that can be written, in the order of their formats."""
    return tuple(one.writer for one in all_formats() if one.writer is not None)


def writer_of(path: str | os.PathLike[str]) -> Writer:
    """Return what writes an output, which its name decides.

    Raises
    ------
    FileError
        If the name does not end as one of an output does.
    """
    name = Path(path).name.lower()
    for writer in writers():
        if name.endswith(writer.endings):
            return writer
    ends = _alternatives(ending for writer in writers() for ending in writer.endings)
    raise FileError(f"The name of the output {path} must end in {ends}.", setting="output")


def _sniffed(source: Path) -> tuple[Format | None, bytes]:
    """Return the format of a file and its first bytes, which are read once."""
    is_folder = source.is_dir()
    start = b"" if is_folder else _first_bytes(source)
    fitting = (one for one in all_formats() if one.is_folder == is_folder and one.sniff(source, start))
    return next(fitting, None), start


def _first_bytes(source: Path) -> bytes:
    try:
        with source.open("rb") as stream:
            return stream.read(_SNIFFED)
    except OSError as error:
        raise FileError(f"Cannot read {source}: {error.strerror or error}.") from error


def _alternatives(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
