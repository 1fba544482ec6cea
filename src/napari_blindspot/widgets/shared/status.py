"""What a dock shows of a run: a bar, two lines, what belongs to it alone, and a message."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, ProgressBar

from napari_blindspot.core.words import duration
from napari_blindspot.widgets.shared.native import Message, TextLine
from napari_blindspot.widgets.shared.terms import in_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from magicgui.widgets.bases import Widget

    from napari_blindspot.widgets.shared.mailbox import Standing
    from napari_blindspot.widgets.shared.session import Outcome

__all__ = ["RunStatus"]

TICKS = 1000
"""Of the bar."""

LINES = 2
"""For which the message has room."""


class RunStatus(Container[Any]):
    """Shows how far a run is, and how it ended.

    Parameters
    ----------
    *parts : Widget
        What is shown above the message.
    """

    def __init__(self, *parts: Widget) -> None:
        self.bar = ProgressBar(max=TICKS)
        self.activity, self.state = TextLine(), TextLine()
        self.message = Message()
        # What lies under it moves for long sentences alone.
        self.message.native.setMinimumHeight(LINES * self.message.native.fontMetrics().lineSpacing())
        widgets = [self.bar, self.activity, self.state, *parts, self.message]
        super().__init__(widgets=widgets, labels=False)
        self.margins = (0, 0, 0, 0)
        # A dock in which nothing has run yet shows nothing of a run.
        self._of_a_run = widgets[:-1]
        for part in self._of_a_run:
            part.visible = False

    def begin(self, activity: str) -> None:
        """Get ready for a run."""
        for part in self._of_a_run:
            part.visible = True
        self.bar.value = 0
        self.activity.value, self.state.value = activity, ""
        self.say("")

    def follow(self, standing: Standing, beside: str) -> None:
        """Show how far a run is; `beside` stands behind the time that is left."""
        left = "" if math.isnan(standing.remaining) else f"{duration(standing.remaining)} left"
        state = "Paused" if standing.paused else left
        # A bar that moves draws the whole window at once; so all is drawn together, once.
        self.native.setUpdatesEnabled(False)
        self.bar.value = round(TICKS * standing.fraction)
        self.activity.value = standing.activity
        self.state.value = " · ".join(part for part in (state, beside) if part)
        self.native.setUpdatesEnabled(True)

    def end(self, activity: str, beside: str = "", *, full: bool | None = None) -> None:
        """Show that nothing runs any more; None leaves the bar where it is."""
        if full is not None:
            self.bar.value = TICKS if full else 0
        self.activity.value, self.state.value = activity, beside

    def conclude(self, outcome: Outcome, fields: Mapping[str, str]) -> None:
        """Say how a run ended, an error in the words that a dock has for its fields."""
        problem = "" if outcome.error is None else in_terms(outcome.error, fields)
        message = " ".join(part for part in (problem, outcome.message) if part)
        self.say(message, error=outcome.kind == "failed")

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence."""
        self.message.say(message, error=error)

    @property
    def is_error(self) -> bool:
        """Whether the message says that something went wrong."""
        return self.message.is_error
