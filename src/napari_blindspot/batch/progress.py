"""How far a batch is, from its events: which planes the one estimator of progress is to expect."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.items import OPEN
from napari_blindspot.core.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch, Item

__all__ = ["BatchProgress"]


class BatchProgress:
    """Follows a batch; all numbers are those of `Progress`, whose files are the numbers of the items.

    Parameters
    ----------
    batch : Batch
        Whose items are read.
    clock : callable
        Seconds that pass.

    Attributes
    ----------
    total : Progress
        Over all files; those that failed or were left alone count as nothing to do.
    """

    def __init__(self, batch: Batch, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = Progress(clock=clock)
        self._running: set[int] = set()
        for number, item in enumerate(batch.items):
            if item.state in OPEN:
                self._expect(number, item)

    def follow(self, event: BatchEvent) -> None:
        """Take in an event."""
        if isinstance(event, PlaneWork):
            self.total.follow(event.event, event.number)
        elif isinstance(event, ItemChanged):
            self._take(event.number, event.item)

    def activity(self, number: int) -> str:
        """Say what is done with which plane of a file; empty while nobody has said."""
        if not self.total.activity:
            return ""
        return ", ".join(part for part in (self.total.plane(number), self.total.activity) if part)

    def _take(self, number: int, item: Item) -> None:
        if number in self._running:
            self.total.finish(item.finished, number)
        if item.state == "running" and number in self._running:
            return
        self._expect(number, item)
        if item.state == "running":
            self._running.add(number)
            self.total.begin()
        else:
            self._running.discard(number)

    def _expect(self, number: int, item: Item) -> None:
        """Count the planes that have a result, and those that are to get one."""
        finished = item.plane_count if item.state in ("done", "skipped") else item.finished
        planes = item.plane_count if item.state in OPEN else finished
        pixels = float(item.shape[-2] * item.shape[-1]) if item.shape else 0.0
        self.total.expect(planes, pixels, finished=finished, file=number)
