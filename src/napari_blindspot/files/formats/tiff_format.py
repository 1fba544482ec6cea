"""TIFF of all kinds, and OME-TIFF as an output: how they are recognised, which modules read and write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.files.formats.registry import Format, Writer, begins_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from napari_blindspot.files.formats.registry import Planes
    from napari_blindspot.files.image_file import ImageFile, Series
    from napari_blindspot.files.write_options import WriteOptions

__all__ = ["FORMATS", "OME_DTYPES"]

OME_DTYPES = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")
"""Pixel types that an OME-TIFF can hold."""


def _is_tiff(source: Path, start: bytes) -> bool:
    """Tell whether a file is a TIFF, or the description of a set of them."""
    # Classic and BigTIFF, with the low or the high byte first.
    is_tiff = begins_with(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")(source, start)
    return is_tiff or (source.name.lower().endswith(".companion.ome") and b"<" in start)


def _open(source: Path, series: int | None, axes: str | None) -> ImageFile:
    from napari_blindspot.files.formats.tiff_reader import open_tiff

    return open_tiff(source, series, axes)


def _series(source: Path) -> list[Series]:
    from napari_blindspot.files.formats.tiff_reader import tiff_series

    return tiff_series(source)


def _members(source: Path) -> tuple[Path, ...]:
    from napari_blindspot.files.formats.ome_set import set_members

    return set_members(source)


def _read_record(source: Path) -> dict[str, str]:
    from napari_blindspot.files.formats.tiff_reader import tiff_record

    return tiff_record(source)


def _write(
    path: Path,
    like: ImageFile,
    planes: Planes,
    dtype: np.dtype[Any],
    options: WriteOptions,
    record: Mapping[str, str],
) -> None:
    from napari_blindspot.files.formats.tiff_writer import write_tiff

    write_tiff(path, like, planes, dtype, options, record)


FORMATS = (
    Format(
        name="TIFF",
        endings=(".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk"),
        sniff=_is_tiff,
        open=_open,
        series=_series,
        read_record=_read_record,
        members=_members,
        writer=Writer("OME-TIFF", (".ome.tif", ".ome.tiff", ".tif", ".tiff"), OME_DTYPES, _write),
    ),
)
