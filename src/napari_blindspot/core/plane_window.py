"""The planes of a stack that are needed at the moment, so that each is read from its file once.

Which planes those are is decided in `napari_blindspot.stack`; how a file is read belongs to
`napari_blindspot.files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Index = tuple[int, ...]

__all__ = ["PlaneWindow"]


class PlaneWindow:
    """Reads planes of an array and holds those that are needed again soon.

    Parameters
    ----------
    array : array-like
        (…, Y, X); anything that numpy can index and convert.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self._held: dict[Index, npt.NDArray[Any]] = {}
        self._awaited: set[Index] = set()

    def plane(self, index: Index) -> npt.NDArray[Any]:
        """Return the plane of an index into the leading axes, (Y, X); read only if it is not held."""
        if index not in self._held:
            self._held[index] = np.asarray(self._array[index])
        return self._held[index]

    def plane_ahead(self, index: Index) -> npt.NDArray[Any]:
        """Return a plane whose turn comes later, and hold it until then."""
        self._awaited.add(index)
        return self.plane(index)

    def move(self, index: Index, beside: Iterable[Index] = ()) -> None:
        """Go to a plane: hold it, those beside it and those that are awaited, and let go of all others."""
        self._awaited.discard(index)
        needed = {index, *beside, *self._awaited}
        self._held = {where: plane for where, plane in self._held.items() if where in needed}
