"""One run in napari: its worker thread, its news brought to the main thread, and how it ended.

A session outlives the widget that started it, and knows no buttons. What the news mean is decided by its
subclasses, one for layers and one for files. Everything here happens on the main thread, except what
`napari_blindspot.widgets.shared.mailbox.relay` does.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_blindspot.widgets.shared.background import Background
from napari_blindspot.widgets.shared.mailbox import NOTHING, Mailbox, News, relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_blindspot.core.control import Control

__all__ = ["Outcome", "Session"]

N = TypeVar("N", bound=News[Any])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    kind : {"finished", "stopped", "cancelled", "failed", "abandoned"}
        ``stopped`` when something is left to be done, ``failed`` when something could not be done,
        ``abandoned`` when napari itself ended the worker, because a viewer was closed.
    message : str
        One or two sentences for the user, or nothing if the error says it all.
    error : Exception or None
        What ended it early.
    """

    kind: Literal["finished", "stopped", "cancelled", "failed", "abandoned"]
    message: str
    error: Exception | None = None


class Session(ABC, Generic[N]):
    """A run.

    Parameters
    ----------
    title : str
        What napari shows when it asks before closing.
    events : callable
        Begins the run and returns its events; called in the worker thread.
    news : News
        Of nothing yet; decides what is kept of the events.
    control : Control
        How the main thread speaks to the run.

    Attributes
    ----------
    changed : Signal
        What has happened since it was sent last.
    ended : Signal
        The outcome; sent once.
    control : Control
        As given.
    """

    changed = Signal(object)
    ended = Signal(Outcome)

    def __init__(self, title: str, events: Callable[[], Iterator[Any]], news: N, control: Control) -> None:
        self.control = control
        self._mailbox = Mailbox(news)
        self._background = Background(
            title, relay, events, self._mailbox, yielded=self._on_yielded, ended=self._on_ended
        )

    @property
    def running(self) -> bool:
        """Whether the worker has not ended yet."""
        return self._background.running

    def start(self) -> None:
        """Begin; returns at once."""
        self._background.start()

    def stop(self) -> None:
        """End early and keep what there is."""
        self.control.stop()

    def cancel(self) -> None:
        """End at once, and lose the plane at work."""
        self.control.cancel()

    def _on_yielded(self, what: object = None) -> None:
        if what == NOTHING:
            return
        begun = time.perf_counter()
        news = self._mailbox.empty()
        self._take(news)
        self.changed.emit(news)
        self._shown(news)

        def drawn() -> None:
            self._mailbox.drawn(time.perf_counter() - begun)

        # Comes after what Qt has been asked to draw: texts that need another place are placed before.
        QTimer.singleShot(0, lambda: QTimer.singleShot(0, drawn))

    def _on_ended(self) -> None:
        if self._background.abandoned:
            outcome = Outcome("abandoned", "")
        else:
            outcome = self._conclude(self._mailbox.empty(), self._background.error)
        self.ended.emit(outcome)

    @abstractmethod
    def _take(self, news: N) -> None:
        """Take in what has happened, before those who listen are told."""

    @abstractmethod
    def _conclude(self, news: N, error: Exception | None) -> Outcome:
        """Take in the last news and say how the run ended; `error` is what ended it early."""

    def _shown(self, news: N) -> None:
        """Do what is to be done after those who listen have been told."""
