"""Opening a TIFF by tifffile, without what it takes for granted of the files of some programs.

Which images are in an open file is told by `napari_blindspot.files.formats.tiff_images`.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.formats.tiff_log import quiet
from napari_blindspot.files.formats.tiff_planes import damage, raise_if_cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["opened_tiff"]

_OFFSETS_FIT = 2**31
"""Bytes of a classic TIFF up to which every program writes the places of its pages right."""

_IMAGEJ_WRONG = "ImageJ series metadata invalid"
"""What tifffile logs where the planes that ImageJ's notes speak of are not there."""

_PROMISES = ("lsm", "scanimage")
"""Kinds of files whose notes may promise other planes than there are, when a recording was ended early or
another program has changed the file. Without the notes tifffile takes the pages as they are."""


@contextlib.contextmanager
def opened_tiff(source: Path) -> Iterator[Any]:
    """Open a TIFF, and say in one sentence what is wrong with it.

    Yields
    ------
    TiffFile
        With at least one series.

    Raises
    ------
    FileError
        If it is damaged, cut off, or without an image.
    """
    with damage(source), quiet() as problems, _opened(source) as tiff:
        if not tiff.series:
            raise FileError(f"The TIFF file {source} holds no image.")
        if any(_IMAGEJ_WRONG in text for text in problems):
            if len(tiff.pages) == 1:
                count = tiff.imagej_metadata.get("images", 1)
                raise ValueError(f"its notes speak of {count} planes, and it ends before the last of them")
            # All pages are there: another program has made them more or fewer than ImageJ's notes say.
            problems[:] = [text for text in problems if _IMAGEJ_WRONG not in text]
        # Before anything else is made of what tifffile could not reach.
        raise_if_cut(source, problems)
        yield tiff
    raise_if_cut(source, problems)


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[Any]:
    import tifffile

    with tifffile.TiffFile(source) as tiff:
        program = _misread(tiff)
        if not program:
            yield tiff
            return
    ignored: dict[str, Any] = {f"is_{program}": False}
    with tifffile.TiffFile(source, **ignored) as tiff:
        yield tiff


def _misread(tiff: Any) -> str:
    """Return the program whose notes lead tifffile astray in an open file; empty if none does."""
    if tiff.is_scanimage and not tiff.is_bigtiff and tiff.filehandle.size < _OFFSETS_FIT:
        # tifffile reckons where the pages are from the first five, and leaves out the last one.
        return "scanimage"
    series = tiff.series
    if not series or series[0].kind not in _PROMISES or series[0].dataoffset is not None:
        return ""
    there = len(series[0].pages) * math.prod(series[0].keyframe.shape)
    return "" if there == math.prod(series[0].shape) else str(series[0].kind)
