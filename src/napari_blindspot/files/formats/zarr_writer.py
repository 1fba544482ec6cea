"""Writing OME-Zarr plane by plane, so that memory does not grow with the length of a stack.

What is written about the image is in `napari_blindspot.files.formats.ngff`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.files.formats.metadata import RUN_RECORD
from napari_blindspot.files.formats.ngff import ORDER, ome_attributes, window_channels
from napari_blindspot.files.formats.optional import import_zarr
from napari_blindspot.files.formats.zarr_chunks import check_whole
from napari_blindspot.files.pyramid import halve, level_shapes
from napari_blindspot.files.safe_write import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.files.formats.registry import Planes
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.files.write_options import WriteOptions

__all__ = ["write_zarr"]

_SHOWN = (0.1, 99.9)
"""Percentiles of a channel that are shown as black and white."""


def write_zarr(
    path: Path,
    like: ImageFile,
    planes: Planes,
    dtype: np.dtype[Any],
    options: WriteOptions,
    record: Mapping[str, str],
) -> None:
    """Write an OME-Zarr; the parameters are those of `napari_blindspot.files.door.write_image`.

    The axes are put into the order T, C, Z, Y, X, which the specification asks for.

    Raises
    ------
    FileError
        If zarr is not installed, or the folder cannot be written, for example because the disk is full.
    ImageError
        If the image is one of colour samples.
    """
    zarr = import_zarr()
    like = _samples_as_channels(like)
    axes = "".join(letter for letter in ORDER if letter in like.axes)
    place = [like.axes.index(letter) for letter in axes[:-2]]
    sizes = level_shapes((like.shape[-2], like.shape[-1]), pyramid=options.pyramid)
    limits = _Limits(like)
    with atomic_folder(path, math.prod(like.shape) * dtype.itemsize) as temporary:
        group = zarr.open_group(str(temporary), mode="w", zarr_format=3 if options.ngff == "0.5" else 2)
        leading = tuple(like.shape[axis] for axis in place)
        arrays = [
            _create(group, str(level), (*leading, *size), axes, dtype, options)
            for level, size in enumerate(sizes)
        ]
        for index in np.ndindex(*like.shape[:-2]):
            plane = np.asarray(planes(index), dtype=dtype)
            limits.look_at(index, plane)
            target = tuple(index[axis] for axis in place)
            for level, array in enumerate(arrays):
                array[target] = halve(plane, level) if level else plane
        ome = ome_attributes(like, axes, len(sizes), path.name, options.ngff)
        if like.channel_names or any(like.channel_colors):
            ome["omero"] = {"channels": window_channels(like, limits.windows, limits.whole)}
        group.attrs.update({"ome": ome} if options.ngff == "0.5" else ome)
        if record:
            group.attrs[RUN_RECORD] = dict(record)
        check_whole(temporary, arrays, path)


def _samples_as_channels(like: ImageFile) -> ImageFile:
    """Call the samples of a colour image channels, which is what an OME-Zarr has.

    Raises
    ------
    ImageError
        If it has channels beside the samples, or the samples are not planes.
    """
    if not like.is_rgb:
        return like
    if "C" in like.axes or not like.axes.endswith("SYX"):
        raise ImageError(
            "An OME-Zarr holds channels, not colour samples; choose one of them.", setting="channel"
        )
    names, colors = ("red", "green", "blue"), ("#ff0000", "#00ff00", "#0000ff")
    return replace(like, axes=like.axes.replace("S", "C"), channel_names=names, channel_colors=colors)


def _create(
    group: Any, name: str, shape: tuple[int, ...], axes: str, dtype: np.dtype[Any], options: WriteOptions
) -> Any:
    chunk = tuple(min(options.tile, length) for length in shape[-2:])
    is_new = options.ngff == "0.5"
    return group.create_array(
        name,
        shape=shape,
        chunks=(*(1 for _ in shape[:-2]), *chunk),
        dtype=dtype,
        compressors=_compressors(options),
        chunk_key_encoding={"name": "default" if is_new else "v2", "separator": "/"},
        dimension_names=[letter.lower() for letter in axes] if is_new else None,
        fill_value=0,
        # So that a chunk that is not there was lost.
        config={"write_empty_chunks": True},
    )


def _compressors(options: WriteOptions) -> Any:
    if options.compression == "none":
        return None
    if options.ngff == "0.5":
        from zarr.codecs import GzipCodec, ZstdCodec

        return GzipCodec(level=5) if options.compression == "zlib" else ZstdCodec(level=3)
    from numcodecs import GZip, Zstd

    return GZip(level=5) if options.compression == "zlib" else Zstd(level=3)


class _Limits:
    """What to show as black and white of each channel, gathered while planes pass by."""

    def __init__(self, like: ImageFile) -> None:
        self._axis = like.axes.index("C") if "C" in like.axes else None
        self._low = [math.inf] * like.channels
        self._high = [-math.inf] * like.channels

    def look_at(self, index: tuple[int, ...], plane: npt.NDArray[Any]) -> None:
        values = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
        if values.size:
            channel = 0 if self._axis is None else index[self._axis]
            low, high = np.percentile(values, _SHOWN)
            self._low[channel] = min(self._low[channel], float(low))
            self._high[channel] = max(self._high[channel], float(high))

    @property
    def windows(self) -> list[tuple[float, float]]:
        pairs = zip(self._low, self._high, strict=True)
        return [(low, high) if low < high else (min(low, 0.0), 1.0) for low, high in pairs]

    @property
    def whole(self) -> tuple[float, float]:
        return min(low for low, _ in self.windows), max(high for _, high in self.windows)
