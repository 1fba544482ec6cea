"""How far a batch is, what it is at and how long it will take, from its events alone."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.items import OPEN
from napari_blindspot.core.events import Paused, Predicting, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch, Item

__all__ = ["Progress", "activity"]


class Progress:
    """Fraction and time left, over all files; the unit of work is the pixel.

    Parameters
    ----------
    batch : Batch
        Whose items are read.
    clock : callable
        Seconds that pass.

    Attributes
    ----------
    paused : bool
        Whether nothing is done at present.
    """

    def __init__(self, batch: Batch, clock: Callable[[], float] = time.monotonic) -> None:
        self._batch = batch
        self._clock = clock
        self._last = clock()
        self._active = 0.0
        self._worked = 0.0
        self._finished: dict[int, int] = {}
        self._share: dict[int, float] = {}
        self._plane_seconds = math.nan
        self.paused = False

    def follow(self, event: BatchEvent) -> None:
        """Take in an event."""
        now = self._clock()
        engine = event.event if isinstance(event, PlaneWork) else None
        # A pause does not count; an engine says several times a second that it rests.
        if not isinstance(engine, Paused) and (engine is not None or self._finished):
            self._active += now - self._last
        self._last = now
        self.paused = isinstance(engine, Paused)
        if isinstance(engine, Step | Predicting):
            whole = engine.elapsed + engine.remaining
            self._share[event.number] = engine.elapsed / whole if whole > 0 else 0.0
            self._plane_seconds = whole
        elif isinstance(event, ItemChanged):
            self._take(event.number, event.item)

    def _take(self, number: int, item: Item) -> None:
        if item.state != "running":
            self._finished.pop(number, None)
            self._share.pop(number, None)
            return
        # What an earlier run has finished tells nothing about the speed of this one.
        before = self._finished.get(number, item.finished)
        self._worked += (item.finished - before) * _plane_pixels(item)
        if item.finished != before:
            self._share.pop(number, None)
        self._finished[number] = item.finished

    def item_fraction(self, number: int) -> float:
        """How much of an item is done, 0 to 1."""
        item = self._batch.items[number]
        if item.state in ("done", "skipped"):
            return 1.0
        if not item.planes:
            return 0.0
        return min(1.0, (item.finished + self._share.get(number, 0.0)) / item.planes)

    @property
    def fraction(self) -> float:
        """How much of all is done, 0 to 1; files that failed count as done."""
        whole = left = 0.0
        for number, item in enumerate(self._batch.items):
            size = _plane_pixels(item) * item.planes or 1.0
            whole += size
            left += size * (1.0 - self.item_fraction(number)) if item.state in OPEN else 0.0
        return 1.0 - left / whole if whole else 1.0

    @property
    def remaining(self) -> float:
        """Seconds that are left; NaN as long as nobody can know."""
        left = sum(
            _plane_pixels(item) * item.planes * (1.0 - self.item_fraction(number))
            for number, item in enumerate(self._batch.items)
            if item.state in OPEN
        )
        begun = sum(share * _plane_pixels(self._batch.items[n]) for n, share in self._share.items())
        if self._worked:
            return left * self._active / (self._worked + begun)
        if not self._share or math.isnan(self._plane_seconds):
            return math.nan
        at_work = self._batch.items[next(iter(self._share))]
        return left * self._plane_seconds / _plane_pixels(at_work)


def activity(work: PlaneWork, item: Item) -> str:
    """Say what is done with which plane of an item; empty if the event does not tell."""
    plane = f"plane {min(item.finished + 1, item.planes)} of {item.planes}, " if item.planes > 1 else ""
    event = work.event
    if isinstance(event, Step):
        return f"{plane}iteration {event.iteration}/{event.iterations}"
    if isinstance(event, Predicting):
        return f"{plane}averaging pass {event.done}/{event.passes}"
    return ""


def _plane_pixels(item: Item) -> float:
    return float(item.shape[-2] * item.shape[-1]) if item.shape else 0.0
