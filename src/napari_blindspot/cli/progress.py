"""What the command ``denoise`` says while its planes are fitted; it reads the engine's events alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.cli.display import Status, Teller, time_left
from napari_blindspot.core.events import Predicting, Started, Step
from napari_blindspot.core.progress import Progress
from napari_blindspot.core.words import fresh_sentences
from napari_blindspot.method.losses import LOSSES

if TYPE_CHECKING:
    from napari_blindspot.core.events import Event

__all__ = ["FitTeller"]


class FitTeller(Teller["Event"]):
    """Says where the planes of one file are computed, what was chosen for them, and how far they are.

    Parameters
    ----------
    planes : int
        How many are to be fitted.
    """

    def __init__(self, planes: int) -> None:
        self.progress = Progress(planes)
        self.said: list[str] = []
        self._topics: set[object] = set()

    def sentences(self, event: Event) -> list[str]:
        """Take in an event; of a `Started` say what was not said of an earlier plane."""
        self.progress.follow(event)
        if not isinstance(event, Started):
            return []
        height, width = event.shape
        where = f"{height}×{width} pixels on {event.device}"
        fresh = [] if where in self.said else [where]
        fresh += fresh_sentences(event.notices, self._topics)
        self.said += fresh
        return fresh

    def status(self, event: Event) -> Status:
        """Return which plane is at work, with its losses, and the time left for all of them."""
        where, left = self.progress.plane(), time_left(self.progress.remaining)
        if not isinstance(event, Step | Predicting):
            return Status(self.progress.fraction, where, "", left)
        text = "  ".join([self.progress.activity, *_losses(event)])
        line = "  ".join(part for part in (where, text, left) if part)
        return Status(self.progress.fraction, where, text, left, line, type(event).__name__)


def _losses(event: Step | Predicting) -> list[str]:
    if not isinstance(event, Step):
        return []
    return [f"{LOSSES[name].symbol} {value:.4f}" for name, value in event.losses.items()]
