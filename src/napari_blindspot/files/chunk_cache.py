"""Planes out of chunks that hold several of them, each chunk decoded once.

Arrays of planes are in `napari_blindspot.files.lazy_array`; what a chunk is in a file belongs to its
format.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Index = tuple[int, ...]

__all__ = ["CHUNK_MEMORY", "planes_of_chunks"]

CHUNK_MEMORY = 2**28
"""Bytes of decoded chunks that are held."""


def planes_of_chunks(
    shape: tuple[int, ...],
    chunk: tuple[int, ...],
    itemsize: int,
    read: Callable[[tuple[Any, ...]], npt.NDArray[Any]],
    memory: int = CHUNK_MEMORY,
    plane_ndim: int = 2,
) -> Callable[[Index], npt.NDArray[Any]]:
    """Return what reads a plane, (Y, X), and holds what it had to decode for it.

    The chunks that a plane lies in hold its neighbours, too. They are decoded together and held until they
    would take more than `memory`; the ones that were used longest ago go first. Where the chunks of a
    single plane are larger than that and than one chunk, nothing is held.

    Parameters
    ----------
    shape : tuple of int
        Of the array, (…, Y, X).
    chunk : tuple of int
        Of a chunk.
    itemsize : int
        Bytes of a pixel.
    read : callable
        Reads the part of the array for a tuple of numbers and slices, one for each axis before the plane.
    memory : int
        Bytes.
    plane_ndim : int
        How many of the last axes are a plane.
    """
    leading = len(shape) - plane_ndim
    blocks = tuple(min(a, b) for a, b in zip(chunk[:leading], shape[:leading], strict=True))
    needed = math.prod(blocks) * math.prod(shape[leading:]) * itemsize
    if math.prod(blocks) == 1 or needed > max(memory, math.prod(chunk) * itemsize):
        return read
    held: OrderedDict[Index, npt.NDArray[Any]] = OrderedDict()
    one_at_a_time = threading.Lock()

    def plane(index: Index) -> npt.NDArray[Any]:
        block = tuple(at // length for at, length in zip(index, blocks, strict=True))
        with one_at_a_time:
            if block not in held:
                while held and (len(held) + 1) * needed > memory:
                    held.popitem(last=False)
                begins = [at * length for at, length in zip(block, blocks, strict=True)]
                part = tuple(slice(a, a + length) for a, length in zip(begins, blocks, strict=True))
                held[block] = np.asarray(read(part))
            held.move_to_end(block)
            within = tuple(at % length for at, length in zip(index, blocks, strict=True))
            # A copy, because who changes a plane must not change what is held.
            return np.array(held[block][within])

    return plane
