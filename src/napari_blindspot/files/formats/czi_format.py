"""Zeiss's CZI: how it is recognised; `napari_blindspot.files.formats.czi_reader` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.files.formats.registry import Format, begins_with

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile, Series

__all__ = ["FORMATS"]


def _open(source: Path, series: int | None, axes: str | None) -> ImageFile:
    from napari_blindspot.files.formats.czi_reader import open_czi

    return open_czi(source, series, axes)


def _series(source: Path) -> list[Series]:
    from napari_blindspot.files.formats.czi_reader import czi_series

    return czi_series(source)


FORMATS = (Format("CZI", (".czi",), begins_with(b"ZISRAWFILE"), _open, _series, extra="formats"),)
