"""How a running fit looks on the command line: a bar with the time left, or plain lines in a log.

Both read the engine's events and nothing else. All of it goes to standard error.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

from napari_blindspot.cli.display import LINE_INTERVAL, Bar, Display, Lines
from napari_blindspot.cli.exits import say
from napari_blindspot.core.events import Finished, Predicting, Started, Step
from napari_blindspot.core.words import duration

if TYPE_CHECKING:
    from napari_blindspot.core.events import Event

__all__ = ["make_display"]


def make_display(planes: int) -> Display[Event]:
    """Return a bar for a terminal, and lines for everything else."""
    return _Bar(planes) if sys.stderr.isatty() else _Lines(planes)


class _Progress:
    """What both displays know: which plane it is, what it is at, and how long all of them take."""

    def __init__(self, planes: int) -> None:
        self.planes = planes
        self.finished = 0
        self.fraction = 0.0
        self.remaining = math.nan
        self.text = "starting"
        self._seconds = 0.0
        self._notes = {""}

    def is_new(self, note: str) -> bool:
        """Tell whether a note has not been shown yet; planes often have the same."""
        seen = note in self._notes
        self._notes.add(note)
        return not seen

    def update(self, event: Event) -> None:
        if isinstance(event, Step):
            losses = (("dn", event.denoising), ("inr", event.inr), ("mc", event.consistency))
            shown = "  ".join(f"L_{name} {value:.4f}" for name, value in losses if not math.isnan(value))
            self.text = f"iteration {event.iteration}/{event.iterations}  {shown}"
            self._time(event.elapsed, event.remaining)
        elif isinstance(event, Predicting):
            self.text = f"averaging pass {event.done}/{event.passes}"
            self._time(event.elapsed, event.remaining)
        elif isinstance(event, Finished):
            self.finished += 1
            self._seconds += event.result.seconds

    def _time(self, elapsed: float, remaining: float) -> None:
        this_plane = elapsed + remaining
        others = self._seconds / self.finished if self.finished else this_plane
        self.remaining = remaining + others * (self.planes - self.finished - 1)
        self.fraction = (self.finished + elapsed / this_plane) / self.planes if this_plane else 0.0

    @property
    def plane(self) -> str:
        if self.planes == 1:
            return ""
        return f"plane {min(self.finished + 1, self.planes)} of {self.planes}"


class _Lines(Lines["Event"]):
    """One line now and then."""

    def __init__(self, planes: int) -> None:
        self._progress = _Progress(planes)
        self._last: tuple[type[Event], float] = (Started, -math.inf)

    def show(self, event: Event) -> None:
        progress = self._progress
        if isinstance(event, Started):
            where = f"{progress.plane}, " if progress.plane else ""
            height, width = event.shape
            say(f"{where}{height}×{width} pixels on {event.device}")
            if progress.is_new(event.note):
                say(event.note)
        progress.update(event)
        if not isinstance(event, Step | Predicting):
            return
        kind, when = self._last
        if not isinstance(event, kind) or time.monotonic() - when >= LINE_INTERVAL:
            self._last = (type(event), time.monotonic())
            where = f"{progress.plane}  " if progress.plane else ""
            say(f"{where}{progress.text}  {duration(progress.remaining)} left")


class _Bar(Bar["Event"]):
    """A bar with the estimate of the time left, over all planes."""

    def __init__(self, planes: int) -> None:
        super().__init__("starting")
        self._progress = _Progress(planes)

    def show(self, event: Event) -> None:
        progress = self._progress
        if isinstance(event, Started):
            if progress.finished == 0:
                self.tell(f"{event.shape[0]}×{event.shape[1]} pixels on {event.device}")
            if progress.is_new(event.note):
                self.tell(event.note)
        progress.update(event)
        left = "" if math.isnan(progress.remaining) else f"{duration(progress.remaining)} left"
        self.advance(progress.fraction, where=progress.plane, text=progress.text, left=left)
