"""Leica's LIF: how it is recognised; `napari_blindspot.files.formats.lif_reader` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.files.formats.registry import Format, begins_with

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile, Series

__all__ = ["FORMATS"]


def _open(source: Path, series: int | None, axes: str | None) -> ImageFile:
    from napari_blindspot.files.formats.lif_reader import open_lif

    return open_lif(source, series, axes)


def _series(source: Path) -> list[Series]:
    from napari_blindspot.files.formats.lif_reader import lif_series

    return lif_series(source)


FORMATS = (Format("LIF", (".lif",), begins_with(b"\x70\x00\x00\x00"), _open, _series, extra="formats"),)
