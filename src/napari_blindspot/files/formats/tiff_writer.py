"""Writing OME-TIFF plane by plane, so that memory does not grow with the length of a stack."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.files.formats.metadata import RUN_RECORD
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.files.pyramid import halve, level_shapes
from napari_blindspot.files.safe_write import atomic_path
from napari_blindspot.files.spacing import LENGTH_AXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.files.formats.registry import Planes
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.files.write_options import WriteOptions

__all__ = ["CLASSIC_LIMIT", "write_tiff"]

CLASSIC_LIMIT = 2**32 - 2**25
"""Largest array in bytes that a classic TIFF is written for; beyond it, BigTIFF."""


def write_tiff(
    path: Path,
    like: ImageFile,
    planes: Planes,
    dtype: np.dtype[Any],
    options: WriteOptions,
    record: Mapping[str, str],
) -> None:
    """Write an OME-TIFF; the parameters are those of `napari_blindspot.files.door.write_image`.

    Raises
    ------
    FileError
        If the file cannot be written, for example because the disk is full.
    """
    import tifffile

    like, planes = samples_last(like, planes)
    shape = like.shape
    leading, plane = (shape[:-3], shape[-3:]) if like.is_rgb else (shape[:-2], shape[-2:])
    sizes = level_shapes((plane[0], plane[1]), pyramid=options.pyramid and not like.is_rgb)
    size = math.prod(shape) * dtype.itemsize
    common: dict[str, Any] = {"photometric": "rgb" if like.is_rgb else "minisblack"}
    if options.compression != "none":
        common |= {"compression": options.compression, "predictor": _predictor(dtype, options)}
    with atomic_path(path, size, beside=True) as temporary:
        # tifffile writes the resolution levels of a pyramid after all of its full planes.
        big = size * (2 if len(sizes) > 1 else 1) > CLASSIC_LIMIT
        with tifffile.TiffWriter(temporary, bigtiff=big, ome=True) as tiff:
            for level, level_size in enumerate(sizes):
                # ImageJ opens no tiles, and without smaller levels nothing is gained by them.
                side = options.tile if options.pyramid and max(level_size) > options.tile else None
                first = {
                    "metadata": _metadata(path, like, record),
                    "subifds": len(sizes) - 1,
                    **_resolution(like),
                }
                tiff.write(
                    _pieces(planes, leading, dtype, level, side),
                    shape=(*leading, *level_size, *plane[2:]),
                    dtype=dtype,
                    tile=(side, side) if side else None,
                    **({"subfiletype": 1, "metadata": None} if level else first),
                    **common,
                )


def _predictor(dtype: np.dtype[Any], options: WriteOptions) -> int | bool:
    """Return whether differences of neighbours are stored, which compress better.

    Bio-Formats refuses those of floats (3). ImageJ reads those of integers (2) as if they were the pixels
    where they are compressed with zlib; zstd it does not open at all.
    """
    return 2 if options.compression == "zstd" and dtype.kind in "iu" else False


def samples_last(like: ImageFile, planes: Planes) -> tuple[ImageFile, Planes]:
    """Put the samples of a colour image, which come as planes, side by side as TIFF's pixels have them."""
    if not like.axes.endswith("SYX"):
        return like, planes
    *leading, count, height, width = like.shape

    def pixels(index: tuple[int, ...]) -> npt.NDArray[Any]:
        return np.stack([planes((*index, sample)) for sample in range(count)], axis=-1)

    array = LazyArray((*leading, height, width, count), like.dtype, pixels, 3)
    return replace(like, array=array, axes=f"{like.axes[:-3]}YXS"), pixels


def _pieces(
    planes: Planes, leading: tuple[int, ...], dtype: np.dtype[Any], level: int, side: int | None
) -> Iterator[npt.NDArray[Any]]:
    """Give the planes of a level one after another, whole or cut into tiles."""
    for index in np.ndindex(*leading):
        plane = np.ascontiguousarray(planes(index), dtype=dtype)
        if level:
            plane = halve(plane, level)
        if side is None:
            yield plane
            continue
        for row in range(0, plane.shape[0], side):
            for column in range(0, plane.shape[1], side):
                yield np.ascontiguousarray(plane[row : row + side, column : column + side])


def _metadata(path: Path, like: ImageFile, record: Mapping[str, str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "axes": like.axes,
        "Name": path.name,
        "Creator": f"napari-blindspot {version('napari-blindspot')}",
    }
    for axis, spacing in like.spacing.items():
        name = f"PhysicalSize{axis}" if axis in LENGTH_AXES else "TimeIncrement"
        metadata |= {name: spacing.step, f"{name}Unit": spacing.unit}
    channel: dict[str, Any] = {}
    if like.channel_names:
        channel["Name"] = list(like.channel_names)
    if any(like.channel_colors):
        channel["Color"] = [_color(color) for color in like.channel_colors]
    if channel:
        metadata["Channel"] = channel
    positions = _positions(like)
    if positions:
        metadata["Plane"] = positions
    if record:
        metadata["MapAnnotation"] = {"Namespace": RUN_RECORD, "Value": dict(record)}
    return metadata


def _color(color: str) -> int:
    """Return OME's number of #rrggbb: RGBA as a signed integer of 32 bits."""
    number = (int(color.lstrip("#") or "ffffff", 16) << 8) | 0xFF
    return number - 2**32 if number >= 2**31 else number


def _positions(like: ImageFile) -> dict[str, list[Any]]:
    """Return where each plane is, in the order of the planes."""
    positions: dict[str, list[Any]] = {}
    counts = dict(zip(like.axes, like.shape, strict=True))
    letters = [letter for letter in like.axes if letter in "TZC"]
    indices = list(np.ndindex(*(counts[letter] for letter in letters)))
    for axis, start in like.origin.items():
        if axis not in LENGTH_AXES or axis not in like.spacing:
            continue
        step = like.spacing[axis].step if axis == "Z" and "Z" in letters else 0.0
        depth = letters.index("Z") if step else 0
        positions[f"Position{axis}"] = [start + step * (index[depth] if step else 0) for index in indices]
        positions[f"Position{axis}Unit"] = [like.spacing[axis].unit] * len(indices)
    return positions


def _resolution(like: ImageFile) -> dict[str, Any]:
    """Return the pixel size as TIFF's own tags, for programs that do not read OME-XML."""
    if not ("X" in like.spacing and "Y" in like.spacing):
        return {}
    per_centimetre = tuple(1e4 / like.spacing[axis].micrometres for axis in "XY")
    # The tags hold fractions of 32 bits; what does not fit stands in the OME-XML alone.
    fits = all(2.0**-31 < number < 2.0**32 for number in per_centimetre)
    return {"resolution": per_centimetre, "resolutionunit": "CENTIMETER"} if fits else {}
