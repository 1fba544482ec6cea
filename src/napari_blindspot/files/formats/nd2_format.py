"""Nikon's ND2: how it is recognised; `napari_blindspot.files.formats.nd2_reader` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.files.formats.registry import Format, begins_with

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile, Series

__all__ = ["FORMATS"]

# The second is that of NIS-Elements before version 3, which wrote JPEG 2000.
_MARKS = (b"\xda\xce\xbe\x0a", b"\x00\x00\x00\x0cjP  \r\n")


def _open(source: Path, series: int | None, axes: str | None) -> ImageFile:
    from napari_blindspot.files.formats.nd2_reader import open_nd2

    return open_nd2(source, series, axes)


def _series(source: Path) -> list[Series]:
    from napari_blindspot.files.formats.nd2_reader import nd2_series

    return nd2_series(source)


FORMATS = (Format("ND2", (".nd2",), begins_with(*_MARKS), _open, _series, extra="formats"),)
