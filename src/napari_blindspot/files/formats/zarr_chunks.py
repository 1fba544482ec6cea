"""Which chunks of a Zarr array are in its folder: those that are not there stand for the fill value.

Chunks are decoded in `napari_blindspot.files.formats.zarr_reader`.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.files.formats.optional import import_zarr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["MOST_CHUNKS", "check_whole", "missing_chunks"]

MOST_CHUNKS = 20_000
"""Of larger arrays chunks are not counted, because to list them takes longer than a user waits."""


def missing_chunks(source: Path, array: Any) -> list[Notice]:
    """Say how many chunks of an array are not in its folder.

    Parameters
    ----------
    source : Path
        The folder that was opened.
    array : zarr.Array
        An array in it.

    Raises
    ------
    FileError
        If none is there.
    """
    folder = source / array.path
    # Where one size of an image was opened, its group is the folder above.
    count, inside = _stored(folder if folder.is_dir() else source, array)
    if count > MOST_CHUNKS:
        there = count if any(inside) else 0
    else:
        there = sum(inside)
    if count and not there:
        raise FileError(
            f"The image in the Zarr folder {source} has no pixels: none of its {count} "
            f"chunk{'s' * (count > 1)} is there, only what describes them."
        )
    if there >= count:
        return []
    value = "0" if array.fill_value is None else str(array.fill_value)
    return [Notice("chunks-missing", {"count": count - there, "chunks": count, "value": value})]


def check_whole(folder: Path, arrays: Sequence[Any], output: Path) -> None:
    """Make sure that arrays that were just written are whole, with what describes them.

    Zarr makes a folder anew that has gone while it was written to, and goes on in it without a word.

    Parameters
    ----------
    folder : Path
        The root of the Zarr.
    arrays : sequence of zarr.Array
        The arrays, all of whose chunks were stored.
    output : Path
        What they are to be.

    Raises
    ------
    FileError
        If a chunk or a description is not there.
    """
    zarr = import_zarr()
    try:
        there = zarr.open_group(str(folder), mode="r")
        described = all(there[array.path].metadata == array.metadata for array in arrays)
    except (KeyError, OSError, ValueError):
        described = False
    counts = (_stored(folder / array.path, array) for array in arrays)
    if not described or any(sum(inside) < count for count, inside in counts):
        raise FileError(
            f"Cannot write {output}: what was written was removed meanwhile, perhaps with its folder; "
            "denoise again into a folder that nothing else changes."
        )


def _stored(folder: Path, array: Any) -> tuple[int, Iterator[bool]]:
    """Count the files that an array needs; give for each file like these whether it is one of them."""
    # Chunks within a shard are stored in one file; zarr itself takes milliseconds to look for each.
    stored = getattr(array, "shards", None) or array.chunks
    grid = tuple(-(-length // size) for length, size in zip(array.shape, stored, strict=True))
    found = _places(folder, len(grid))
    inside = (all(at < length for at, length in zip(place, grid, strict=True)) for place in found)
    return math.prod(grid), inside


def _places(folder: Path, ndim: int) -> Iterator[tuple[int, ...]]:
    """Give the place of each chunk in the grid, which its name tells: c/0/1, 0/1 or 0.1."""
    for here, _, names in os.walk(folder):
        before = here[len(str(folder)) :].replace(os.sep, "/")
        for name in names:
            numbers = f"{before}/{name}".replace(".", "/").strip("/").removeprefix("c/").split("/")
            if len(numbers) == ndim and all(number.isdecimal() for number in numbers):
                yield tuple(map(int, numbers))
