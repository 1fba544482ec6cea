"""OME-Zarr: how it is recognised, and which modules read and write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.files.formats.registry import Format, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from napari_blindspot.files.formats.registry import Planes
    from napari_blindspot.files.image_file import ImageFile, Series
    from napari_blindspot.files.write_options import WriteOptions

__all__ = ["FORMATS", "is_zarr"]

_NAME = "OME-Zarr"
_ENDING = ".zarr"
_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
"""Files of which each group and array of Zarr 2 and 3 has at least one."""

_DTYPES = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)


def is_zarr(source: Path) -> bool:
    """Tell whether a path is a folder of Zarr, by the files in it or by its name.

    A folder that is called one but has lost its metadata counts too, so that it is reported as damaged and
    the files in it are not taken for images.
    """
    if not source.is_dir():
        return False
    return source.suffix.lower() == _ENDING or any((source / name).is_file() for name in _METADATA)


def _sniff(source: Path, _: bytes) -> bool:
    return is_zarr(source)


def _open(source: Path, series: int | None, axes: str | None) -> ImageFile:
    from napari_blindspot.files.formats.zarr_reader import open_zarr

    return open_zarr(source, series, axes)


def _series(source: Path) -> list[Series]:
    from napari_blindspot.files.formats.zarr_reader import zarr_series

    return zarr_series(source)


def _read_record(source: Path) -> dict[str, str]:
    from napari_blindspot.files.formats.zarr_reader import zarr_record

    return zarr_record(source)


def _write(
    path: Path,
    like: ImageFile,
    planes: Planes,
    dtype: np.dtype[Any],
    options: WriteOptions,
    record: Mapping[str, str],
) -> None:
    from napari_blindspot.files.formats.zarr_writer import write_zarr

    write_zarr(path, like, planes, dtype, options, record)


FORMATS = (
    Format(
        name=_NAME,
        endings=(_ENDING,),
        sniff=_sniff,
        open=_open,
        series=_series,
        is_folder=True,
        extra="zarr",
        read_record=_read_record,
        writer=Writer(_NAME, (".ome.zarr", _ENDING), _DTYPES, _write),
    ),
)
