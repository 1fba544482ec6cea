"""How far the planes of one file or of many are, what is done, and how long it will take.

The one estimator of the command line, of batches and of both widgets. It reads the events of fits and
nothing else; how the numbers are shown belongs to the faces.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.events import Finished, Paused, Predicting, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.core.events import Event

__all__ = ["Progress"]


@dataclass(slots=True)
class _Planes:
    """The planes of one file.

    Attributes
    ----------
    planes, finished : int
        How many there are, and how many have a result.
    pixels : float
        Of one plane.
    share, rest, whole : float
        Of the plane at work: the part that is done (0 to 1), the seconds that are left, and those that it
        takes from its start to its end. NaN while no plane of the file is at work.
    """

    planes: int
    pixels: float
    finished: int
    share: float = math.nan
    rest: float = math.nan
    whole: float = math.nan

    @property
    def at_work(self) -> bool:
        return not math.isnan(self.share)

    @property
    def done(self) -> float:
        """Planes that are done, with the part of the one at work."""
        return min(float(self.planes), self.finished + (self.share if self.at_work else 0.0))

    def idle(self) -> None:
        self.share = self.rest = self.whole = math.nan


class Progress:
    """Fraction, activity and time left, over all planes; the unit of work is the pixel.

    Parameters
    ----------
    planes : int
        How many planes a run of one file has; 0 where files are announced by `expect`.
    pixels : float
        Of each of them.
    clock : callable
        Seconds that pass.

    Attributes
    ----------
    activity : str
        What is done with the plane at work, such as "iteration 3/60"; empty while nobody has said.
    paused : bool
        Whether nothing is done at present.
    """

    def __init__(
        self, planes: int = 0, pixels: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._files: dict[int, _Planes] = {}
        self._last: float | None = None
        self._active = 0.0
        self._worked = 0.0
        self._seconds_per_pixel = math.nan
        self._fraction = 0.0
        self.activity = ""
        self.paused = False
        if planes:
            self.expect(planes, pixels)

    def expect(self, planes: int, pixels: float = 1.0, *, finished: int = 0, file: int = 0) -> None:
        """Take a file into account, or another number of its planes.

        Parameters
        ----------
        planes : int
            How many there are to be; of a file that is given up, only those that are finished.
        pixels : float
            Of one plane.
        finished : int
            How many of them an earlier run has finished: they count as done, but tell nothing about the
            speed of this one. See `finish` for planes of this run.
        file : int
            A number of the file, for runs of many.
        """
        self._files[file] = _Planes(planes, pixels, finished)
        self._advance()

    def begin(self) -> None:
        """Start the clock; events do so by themselves."""
        self._tick()

    def follow(self, event: Event, file: int = 0) -> None:
        """Take in an event of a fit."""
        self.paused = isinstance(event, Paused)
        self._tick(resting=self.paused)
        planes = self._files.get(file)
        if planes is None:
            return
        if isinstance(event, Step | Predicting):
            planes.whole, planes.rest = event.elapsed + event.remaining, event.remaining
            planes.share = event.elapsed / planes.whole if planes.whole > 0 else 0.0
            self.activity = _activity(event)
            self._advance()
        elif isinstance(event, Finished):
            self.finish(planes.finished + 1, file)

    def finish(self, finished: int, file: int = 0) -> None:
        """Take in that so many planes of a file have a result."""
        self._tick()
        planes = self._files[file]
        if finished != planes.finished:
            self._worked += (finished - planes.finished) * planes.pixels
            if self._worked > 0:
                self._seconds_per_pixel = self._active / self._worked
            planes.finished = finished
            planes.idle()
            self._advance()

    @property
    def fraction(self) -> float:
        """How much of all is done, 0 to 1; never falls, because a bar that runs backwards helps nobody."""
        return self._fraction

    @property
    def remaining(self) -> float:
        """Seconds that are left; NaN as long as nobody can know."""
        at_work = [planes for planes in self._files.values() if planes.at_work]
        untouched = sum(
            (planes.planes - planes.finished - planes.at_work) * planes.pixels
            for planes in self._files.values()
        )
        rest = sum(planes.rest for planes in at_work)
        if untouched <= 0:
            return rest if self._files else math.nan
        speed = self._seconds_per_pixel
        if math.isnan(speed) and at_work:
            # The first plane is taken for the measure of all.
            speed = sum(p.whole for p in at_work) / sum(p.pixels for p in at_work)
        return rest + untouched * speed

    @property
    def finished(self) -> int:
        """How many planes have a result."""
        return sum(planes.finished for planes in self._files.values())

    def file_fraction(self, file: int) -> float:
        """How much of one file is done, 0 to 1."""
        planes = self._files.get(file)
        return planes.done / planes.planes if planes is not None and planes.planes else 0.0

    def plane(self, file: int = 0) -> str:
        """Say which plane is at work, such as "plane 2 of 5"; empty for a file of one plane."""
        planes = self._files.get(file)
        if planes is None or planes.planes <= 1:
            return ""
        return f"plane {min(planes.finished + 1, planes.planes)} of {planes.planes}"

    def _tick(self, *, resting: bool = False) -> None:
        """Count the time since the last event, unless it was a pause, which is no work."""
        now = self._clock()
        if self._last is not None and not resting:
            self._active += now - self._last
        self._last = now

    def _advance(self) -> None:
        whole = sum(planes.planes * planes.pixels for planes in self._files.values())
        done = sum(planes.done * planes.pixels for planes in self._files.values())
        self._fraction = max(self._fraction, done / whole if whole else 0.0)


def _activity(event: Step | Predicting) -> str:
    if isinstance(event, Step):
        return f"iteration {event.iteration}/{event.iterations}"
    return f"averaging pass {event.done}/{event.passes}"
