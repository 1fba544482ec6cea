"""How a running batch looks on the command line: a bar over all files, or plain lines in a log."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.progress import Progress, activity
from napari_blindspot.cli.display import LINE_INTERVAL, Bar, Display, Lines
from napari_blindspot.cli.exits import say
from napari_blindspot.core.events import Started
from napari_blindspot.core.words import duration

if TYPE_CHECKING:
    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch, Item

__all__ = ["make_display"]


def make_display(batch: Batch) -> Display[BatchEvent]:
    """Return a bar for a terminal, and lines for everything else."""
    return _Bar(batch) if sys.stderr.isatty() else _Lines(batch)


class _Teller:
    """What both displays say: one sentence for every file that begins or ends."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.progress = Progress(batch)
        self._state = {number: item.state for number, item in enumerate(batch.items)}
        self._notes: set[tuple[int, str]] = set()

    def sentences(self, event: BatchEvent) -> list[str]:
        """Follow an event and return what is to be said about it."""
        self.progress.follow(event)
        if isinstance(event, PlaneWork):
            note = event.event.note if isinstance(event.event, Started) else ""
            key = (event.number, note)
            if not note or key in self._notes:
                return []
            self._notes.add(key)
            return [note]
        if not isinstance(event, ItemChanged) or self._state[event.number] == event.item.state:
            return []
        self._state[event.number] = event.item.state
        return [self._sentence(event.number, event.item)]

    def _sentence(self, number: int, item: Item) -> str:
        where = f"{number + 1}/{len(self.batch.items)} {item.source.name}"
        if item.state == "running":
            shape = "×".join(str(side) for side in item.shape)
            kept = f", {item.finished} of {item.planes} planes kept" if item.finished else ""
            return f"{where}: {item.axes} {shape}{kept}"
        if item.state == "done" and not item.reason:
            noise = f"; {item.noise}" if item.noise else ""
            return f"{where}: done in {duration(item.seconds)}{noise}"
        return f"{where}: {item.state}. {item.reason}"

    def left(self) -> str:
        remaining = self.progress.remaining
        return "" if math.isnan(remaining) else f"{duration(remaining)} left"


class _Lines(Lines["BatchEvent"]):
    """One line now and then."""

    def __init__(self, batch: Batch) -> None:
        self._teller = _Teller(batch)
        self._last = -math.inf

    def show(self, event: BatchEvent) -> None:
        for sentence in self._teller.sentences(event):
            say(sentence)
        if isinstance(event, PlaneWork) and time.monotonic() - self._last >= LINE_INTERVAL:
            item = self._teller.batch.items[event.number]
            text = activity(event, item)
            if text:
                self._last = time.monotonic()
                percent = f"{self._teller.progress.fraction:.0%} of all"
                say(
                    "  ".join(
                        part for part in (item.source.name, text, percent, self._teller.left()) if part
                    )
                )


class _Bar(Bar["BatchEvent"]):
    """A bar over all files, with the time left."""

    def __init__(self, batch: Batch) -> None:
        super().__init__("looking at the files")
        self._teller = _Teller(batch)

    def show(self, event: BatchEvent) -> None:
        for sentence in self._teller.sentences(event):
            self.tell(sentence)
        items = self._teller.batch.items
        over = sum(item.state not in OPEN for item in items)
        fields = {"where": f"{over} of {len(items)} files", "left": self._teller.left()}
        if isinstance(event, PlaneWork):
            item = items[event.number]
            text = activity(event, item)
            if text:
                fields["text"] = f"{item.source.name}: {text}"
        self.advance(self._teller.progress.fraction, **fields)
