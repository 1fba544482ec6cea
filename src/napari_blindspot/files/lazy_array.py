"""An array whose planes are read from a file when they are indexed, so a file may be larger than memory.

How a plane is read belongs to the readers in `napari_blindspot.files.formats`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.files.chunk_cache import planes_of_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

__all__ = ["LazyArray"]


class LazyArray:
    """An array (…, Y, X) that holds no pixels but knows how to read a plane.

    It can be indexed like a numpy array with numbers, slices and an ellipsis: as long as whole planes are
    asked for, the answer is another `LazyArray` or, for one plane, an ndarray. `numpy.asarray` reads all.

    Parameters
    ----------
    shape : tuple of int
        Of the whole array.
    dtype : dtype
        Of the pixels.
    read : callable
        Gives the plane of an index, a tuple of as many numbers as there are axes before the plane.
    plane_ndim : int
        How many of the last axes are a plane: 2, or 3 for colours (Y, X, S).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        read: Callable[[tuple[int, ...]], npt.NDArray[Any]],
        plane_ndim: int = 2,
    ) -> None:
        self.shape = tuple(int(length) for length in shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.plane_ndim = plane_ndim
        self._read = read

    @property
    def reader(self) -> Callable[[tuple[int, ...]], npt.NDArray[Any]]:
        """What reads a plane; it lives as long as this array and all that were made of it."""
        return self._read

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the whole array would take in memory."""
        return self.size * self.dtype.itemsize

    @property
    def leading(self) -> tuple[int, ...]:
        """Lengths of the axes before the plane."""
        return self.shape[: self.ndim - self.plane_ndim]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("An array without axes has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        return f"LazyArray(shape={self.shape}, dtype={self.dtype})"

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("The pixels are on disk, so that an array of them is always a copy.")
        whole = np.empty(self.shape, self.dtype if dtype is None else dtype)
        for index in np.ndindex(*self.leading):
            whole[index] = self._read(index)
        return whole

    def __getitem__(self, key: Any) -> Any:
        keys = self._complete(key)
        count = len(self.leading)
        leading, within = keys[:count], keys[count:]
        chosen: list[int | range] = []
        for item, length in zip(leading, self.leading, strict=True):
            chosen.append(range(length)[item] if isinstance(item, slice) else _number(item, length))
        whole_planes = all(item == slice(None) for item in within)
        if all(isinstance(item, int) for item in chosen):
            plane = self._read(tuple(chosen))  # type: ignore[arg-type]
            return plane if whole_planes else plane[within]
        part = self._choose(chosen)
        if whole_planes:
            return part
        free = len(part.leading)
        return np.asarray(part)[(slice(None),) * free + within]

    def transpose(self, order: tuple[int, ...]) -> LazyArray:
        """Return the array with its leading axes in another order; the plane's axes stay the last.

        Parameters
        ----------
        order : tuple of int
            The leading axes, each by its number in this array.
        """
        if sorted(order) != list(range(len(self.leading))):
            raise ValueError(f"{order} is no order of {len(self.leading)} axes.")

        def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
            source = dict(zip(order, index, strict=True))
            return self._read(tuple(source[axis] for axis in range(len(source))))

        shape = tuple(self.shape[axis] for axis in order) + self.shape[len(order) :]
        return LazyArray(shape, self.dtype, read, self.plane_ndim)

    def map(
        self,
        function: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
        plane_shape: tuple[int, ...],
        dtype: npt.DTypeLike | None = None,
    ) -> LazyArray:
        """Return the array of what `function` makes of each plane, of a shape and a dtype."""
        shape = self.leading + plane_shape
        kind = self.dtype if dtype is None else dtype
        return LazyArray(shape, kind, lambda index: function(self._read(index)), len(plane_shape))

    def with_leading(self, leading: tuple[int, ...]) -> LazyArray:
        """Return the same planes, in the same order, with other axes before the plane.

        Parameters
        ----------
        leading : tuple of int
            Their lengths; as many planes as before.
        """
        before = self.leading
        if math.prod(leading) != math.prod(before):
            raise ValueError(f"{math.prod(before)} planes do not fit into the axes {leading}.")

        def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
            number = np.ravel_multi_index(index, leading) if index else 0
            return self._read(tuple(int(at) for at in np.unravel_index(number, before)) if before else ())

        return LazyArray(leading + self.shape[len(before) :], self.dtype, read, self.plane_ndim)

    def unstacked(self, axis: int) -> LazyArray:
        """Return the array with an axis of the plane as the last one before the plane.

        Parameters
        ----------
        axis : int
            Counted from the first axis of the plane. What was read for one place on it is held for the
            others, as `napari_blindspot.files.chunk_cache` holds chunks.
        """
        plane = self.shape[len(self.leading) :]
        rest = plane[:axis] + plane[axis + 1 :]
        shape = (*self.leading, plane[axis], *rest)

        def read(part: tuple[Any, ...]) -> npt.NDArray[Any]:
            index = tuple(at.start if isinstance(at, slice) else at for at in part[:-1])
            pixels: npt.NDArray[Any] = np.moveaxis(self._read(index), axis, 0)[part[-1]]
            return (
                pixels.reshape((1,) * len(index) + pixels.shape) if isinstance(part[-1], slice) else pixels
            )

        whole = (1,) * len(self.leading) + shape[len(self.leading) :]
        held = planes_of_chunks(shape, whole, self.dtype.itemsize, read, plane_ndim=len(rest))
        return LazyArray(shape, self.dtype, held, len(rest))

    def _choose(self, chosen: list[int | range]) -> LazyArray:
        def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
            numbers = iter(index)
            return self._read(
                tuple(item if isinstance(item, int) else item[next(numbers)] for item in chosen)
            )

        lengths = tuple(len(item) for item in chosen if isinstance(item, range))
        return LazyArray(lengths + self.shape[len(chosen) :], self.dtype, read, self.plane_ndim)

    def _complete(self, key: Any) -> tuple[Any, ...]:
        """Return a key with one entry an axis."""
        keys = key if isinstance(key, tuple) else (key,)
        # By identity, because == of an array in a key is no truth value.
        dots = [position for position, item in enumerate(keys) if item is Ellipsis]
        if len(dots) > 1 or len(keys) - len(dots) > self.ndim:
            raise IndexError(f"{key!r} does not fit an array of shape {self.shape}.")
        missing = (slice(None),) * (self.ndim - (len(keys) - len(dots)))
        position = dots[0] if dots else len(keys)
        return (*keys[:position], *missing, *keys[position + len(dots) :])


def _number(item: Any, length: int) -> int:
    number = int(np.asarray(item).__index__())
    if not -length <= number < length:
        raise IndexError(f"There is no number {number} on an axis of length {length}.")
    return number % length
