"""Which planes of a stack lie beside a plane: along z or time, whichever shows more of the same.

Whether the network looks at them is decided plane by plane, in `napari_blindspot.noise.beside` and
`napari_blindspot.engine.neighbour_choice`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.settings import MOST_NEIGHBOURS, MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["NeighbourPlanes"]

SAMPLES = 3
"""How many planes are compared with the next along z and along time, where there are both. A convention."""


class NeighbourPlanes:
    """The planes beside each plane of a stack.

    Parameters
    ----------
    shape : tuple of int
        Of the array, (…, Y, X).
    axes : str or None
        One letter an axis; without it neighbours lie along the last leading axis.
    settings : Settings
        How many are wanted.
    plane : callable
        Returns the plane, (Y, X), of an index; asked only where a stack has both z and time.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        axes: str | None,
        settings: Settings,
        plane: Callable[[Index], npt.NDArray[Any]],
    ) -> None:
        self.reach = 0
        if isinstance(settings, MeasuredSettings):
            # Only weights that have learned before can tell, before a fit, whether neighbours help.
            usual = MOST_NEIGHBOURS if settings.unet_weights == "pretrained" else 0
            self.reach = usual if settings.neighbours == "auto" else settings.neighbours
        self.shape = shape
        self._axes = axes
        self._plane = plane
        self._along: int | None = None

    @property
    def along(self) -> int:
        """The axis that they lie along; -1 where there is none."""
        if self._along is None:
            self._along = self._choose() if self.reach else -1
        return self._along

    def of(self, index: Index) -> list[Index | None]:
        """Return the planes before and after one, in their order; None beyond the ends."""
        if self.along < 0:
            return []
        before, here, after = index[: self.along], index[self.along], index[self.along + 1 :]
        places = (here + step for step in range(-self.reach, self.reach + 1) if step)
        length = self.shape[self.along]
        return [(*before, at, *after) if 0 <= at < length else None for at in places]

    def order(self, chain: list[Index]) -> list[Index]:
        """Return planes in an order in which neighbours follow each other, so that each is read once."""
        if self.along < 0:
            return chain
        at = self.along
        return sorted(chain, key=lambda index: (*index[:at], *index[at + 1 :], index[at]))

    def _choose(self) -> int:
        leading = len(self.shape) - 2
        if self._axes is None:
            candidates = [leading - 1] if leading else []
        else:
            candidates = [self._axes.find(letter) for letter in "ZT"]
        candidates = [axis for axis in candidates if axis >= 0 and self.shape[axis] > 1]
        if len(candidates) < 2:
            return candidates[0] if candidates else -1
        return max(candidates, key=self._likeness)

    def _likeness(self, axis: int) -> float:
        """Return how much planes have in common with the next along an axis, in [-1, 1]."""
        from napari_blindspot.noise.beside import likeness

        found = []
        for share in np.linspace(0.2, 0.8, SAMPLES):
            index = tuple(int(share * (length - 1)) for length in self.shape[:-2])
            beside = (*index[:axis], index[axis] + 1, *index[axis + 1 :])
            one, next_one = (np.asarray(self._plane(place), np.float64) for place in (index, beside))
            found.append(likeness(one, next_one))
        return float(np.mean(found))
