"""What the planes of a channel start from, and in which order that lets them be fitted.

The fits themselves belong to `napari_blindspot.stack`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.noise.blank_areas import without_blank_areas

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.core.events import Finished
    from napari_blindspot.core.model import Model
    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["GivenModel", "StackStart", "start_of"]

CANDIDATES = 9
"""How many planes are looked at for the one that a shared fit learns from."""

BLOCK = 16
"""Side in pixels of the blocks whose means tell how much structure a plane has."""


class StackStart:
    """What the planes of a channel start from."""

    def __init__(self, model: Model | None) -> None:
        self.model = model

    @property
    def applies(self) -> bool:
        """Whether the model is applied as it is."""
        return False

    def order(self, chain: list[Index], plane: Callable[[Index], Any]) -> list[Index]:
        """Return the planes in the order in which they are fitted."""
        return chain

    def learned(self, event: Finished) -> Finished:
        """Take what a plane has learned, and return its end with the model that the next one starts from.

        Here it is none.
        """
        return replace(event, model=None)


class _Anew(StackStart):
    """Every plane by itself."""

    def __init__(self, model: Model | None) -> None:
        super().__init__(None)


class _Warm(StackStart):
    """Each from the network of the plane before it."""

    def learned(self, event: Finished) -> Finished:
        """Carry the model on, unless it comes from a plane that tells nothing or was stopped."""
        learned = event.model
        if learned is None or not learned.noise.measured or event.result.stopped:
            return replace(event, model=None)
        self.model = learned
        return event


class _Shared(_Warm):
    """All from the network of one, applied as it is."""

    @property
    def applies(self) -> bool:
        """Whether there is a model to apply."""
        return self.model is not None

    def order(self, chain: list[Index], plane: Callable[[Index], Any]) -> list[Index]:
        """Begin with the plane that has most structure, if no other was fitted before."""
        if self.model is not None or len(chain) < 2:
            return chain
        richest = _richest(chain, plane)
        return [richest, *(index for index in chain if index != richest)]


class GivenModel(StackStart):
    """All from networks that are given, applied as they are."""

    @property
    def applies(self) -> bool:
        """Whether there is a model to apply."""
        return True


_STARTS: dict[str, type[StackStart]] = {"warm": _Warm, "shared": _Shared, "anew": _Anew}


def start_of(settings: Settings, model: Model | None) -> StackStart:
    """Return the start that settings ask for, with a model to go on from if there is one."""
    return _STARTS[settings.stack_start](model)


def _richest(chain: list[Index], plane: Callable[[Index], Any]) -> Index:
    """Return the plane with most structure among a few spread evenly: the first is often empty."""
    picks = np.unique(np.linspace(0, len(chain) - 1, CANDIDATES).round().astype(int))
    return max((chain[i] for i in picks), key=lambda index: _structure(plane(index)))


def _structure(plane: Any) -> float:
    """Return how much the local means of a plane vary; noise adds next to nothing."""
    side = min(BLOCK, *plane.shape)
    rows, columns = (length // side for length in plane.shape)
    blocks = without_blank_areas(plane)[: rows * side, : columns * side].astype(np.float64)
    means = blocks.reshape(rows, side, columns, side).mean((1, 3))
    means = means[np.isfinite(means)]
    return float(means.std()) if means.size else 0.0
