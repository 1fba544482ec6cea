"""What the command ``batch`` says while it runs: a sentence for every file that begins or ends."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from napari_blindspot.batch.item_events import ItemChanged, ModelWork, PlaneWork
from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.progress import BatchProgress
from napari_blindspot.cli.display import Status, Teller, time_left
from napari_blindspot.core.events import Predicting, Started, Step
from napari_blindspot.core.words import duration, fresh_sentences

if TYPE_CHECKING:
    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch, Item

__all__ = ["BatchTeller"]


class BatchTeller(Teller["BatchEvent"]):
    """Says which file begins, what became of it, and how far all of them are.

    Parameters
    ----------
    batch : Batch
        Whose items are read.
    """

    beginning = "looking at the files"

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._progress = BatchProgress(batch)
        self._state = {number: item.state for number, item in enumerate(batch.items)}
        self._topics: defaultdict[int, set[object]] = defaultdict(set)

    def sentences(self, event: BatchEvent) -> list[str]:
        """Take in an event; say what is new of its file."""
        self._progress.follow(event)
        if isinstance(event, PlaneWork):
            notices = event.event.notices if isinstance(event.event, Started) else ()
            return fresh_sentences(notices, self._topics[event.number])
        if isinstance(event, ModelWork) and isinstance(event.event, Started):
            return [f"Fitting the model for all files to {self._batch.items[event.number].source.name}."]
        if not isinstance(event, ItemChanged) or self._state[event.number] == event.item.state:
            return []
        self._state[event.number] = event.item.state
        return [self._sentence(event.number, event.item)]

    def status(self, event: BatchEvent) -> Status:
        """Return how far all files are, and what is done with the one at work."""
        total, items = self._progress.total, self._batch.items
        over = sum(item.state not in OPEN for item in items)
        where, left = f"{over} of {len(items)} files", time_left(total.remaining)
        if not (isinstance(event, PlaneWork) and isinstance(event.event, Step | Predicting)):
            return Status(total.fraction, where, "", left)
        name, doing = items[event.number].source.name, self._progress.activity(event.number)
        line = "  ".join(part for part in (name, doing, f"{total.fraction:.0%} of all", left) if part)
        return Status(total.fraction, where, f"{name}: {doing}", left, line)

    def _sentence(self, number: int, item: Item) -> str:
        where = f"{number + 1}/{len(self._batch.items)} {item.source.name}"
        if item.state == "running":
            shape = "×".join(str(side) for side in item.shape)
            kept = f", {item.finished} of {item.plane_count} planes kept" if item.finished else ""
            return f"{where}: {item.axes} {shape}{kept}"
        if item.state == "done" and not item.reason:
            noise = f"; {item.record.noise.in_words()}" if item.record.noise is not None else ""
            return f"{where}: done in {duration(item.seconds)}{noise}"
        return f"{where}: {item.state}. {item.reason}"
