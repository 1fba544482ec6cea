"""What a run tells its user, in plain words; and how far it is, as one number.

Pure functions and records without Qt.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_blindspot.core.events import Event, Paused, Predicting, Step

__all__ = ["Estimate", "duration"]


@dataclass(slots=True)
class Estimate:
    """How far a run is, over all its planes.

    Attributes
    ----------
    planes : int
        How many there are.
    finished : int
        How many have their result.
    fraction : float
        How much of the whole time has passed, 0 to 1; never falls.
    remaining : float or None
        Seconds that are left; None when nobody can know yet.
    activity : str
        What is done with the plane at work.
    paused : bool
        Whether nothing is done at present.
    """

    planes: int
    finished: int = 0
    fraction: float = 0.0
    remaining: float | None = None
    activity: str = "Starting"
    paused: bool = False

    def follow(self, event: Event) -> None:
        """Take in an event about progress."""
        if isinstance(event, Step):
            self._set(event.elapsed, event.remaining)
            self.activity = f"Iteration {event.iteration} of {event.iterations}"
        elif isinstance(event, Predicting):
            self._set(event.elapsed, event.remaining)
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

    def _set(self, elapsed: float, remaining: float) -> None:
        """Turn the state of one plane into that of the run."""
        whole = elapsed + remaining
        share = elapsed / whole if whole > 0 else 0.0
        # A first guess of what is left may be too short; a bar that runs backwards helps nobody.
        self.fraction = max(self.fraction, (self.finished + share) / self.planes)
        self.remaining = remaining + (self.planes - self.finished - 1) * whole


def duration(seconds: float) -> str:
    """Say a length of time as a person would: no more digits than one can believe."""
    if seconds < 1.5:
        return "1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"
