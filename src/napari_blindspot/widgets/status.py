"""What a run tells its user, in plain words; and how far it is, as one number.

Pure functions and records without Qt.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_blindspot.events import Event, Paused, Predicting, Step

__all__ = ["Estimate", "duration"]

PASS_COST = 1 / 3
"""A pass of the final average against an iteration: it has no backward pass, which costs twice as much."""


@dataclass(slots=True)
class Estimate:
    """How far a run is, over all its planes.

    Attributes
    ----------
    planes : int
        How many there are.
    iterations, passes : int
        Of each plane.
    """

    planes: int
    iterations: int
    passes: int
    finished: int = 0
    fraction: float = 0.0
    remaining: float | None = None
    activity: str = "Starting"
    paused: bool = False

    def follow(self, event: Event) -> None:
        """Take in an event about progress."""
        whole = self.iterations + self.passes * PASS_COST
        if isinstance(event, Step):
            self._set(event.iteration / whole, event.elapsed, event.remaining)
            self.activity = f"Iteration {event.iteration} of {event.iterations}"
        elif isinstance(event, Predicting):
            done = self.iterations + event.done * PASS_COST
            self._set(done / whole, event.elapsed, event.remaining)
            self.activity = f"Averaging {event.done} of {event.passes}"
        self.paused = isinstance(event, Paused)

    def plane_finished(self) -> None:
        """Take in that a plane has its result."""
        self.finished += 1
        self.fraction = self.finished / self.planes
        self.activity = "Reading the next plane"

    @property
    def activity_text(self) -> str:
        """One line: which plane, and what is done with it."""
        if self.planes == 1:
            return self.activity
        return f"Plane {min(self.finished + 1, self.planes)} of {self.planes} · {self.activity}"

    def _set(self, share: float, elapsed: float, remaining: float) -> None:
        """Turn the state of one plane into that of the run."""
        self.fraction = min((self.finished + min(share, 1.0)) / self.planes, 1.0)
        left = self.planes - self.finished - 1
        self.remaining = remaining + left * (elapsed + remaining)


def duration(seconds: float) -> str:
    """Say a length of time as a person would: no more digits than one can believe."""
    if seconds < 1.5:
        return "1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"
