"""The buttons of a run: start it, and pause, stop or cancel the session that it became.

There is one run at a time. Which fields may be changed meanwhile, and what the news of a run mean, belongs
to the widget that owns the buttons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from magicgui.widgets import Container
from psygnal import Signal

from napari_blindspot.widgets.shared.fields import button, row
from napari_blindspot.widgets.shared.session import Outcome, Session

__all__ = ["RunButtons", "RunWords"]

S = TypeVar("S", bound=Session[Any])


@dataclass(frozen=True, slots=True)
class RunWords:
    """What the buttons say: for each its text, its tooltip, and the sentence that follows a click.

    Attributes
    ----------
    start, pause, stop, cancel : tuple of str
        Text and tooltip; those of `stop` and `cancel` have the sentence as a third.
    """

    start: tuple[str, str]
    pause: tuple[str, str]
    stop: tuple[str, str, str]
    cancel: tuple[str, str, str]


class RunButtons(Container[Any], Generic[S]):
    """The buttons, of which exactly those can be used that mean something now.

    Parameters
    ----------
    words : RunWords
        What they say.
    start_apart : bool
        Whether the one that starts has a line of its own.

    Attributes
    ----------
    started : Signal
        Someone wants to start a run; the owner makes a session and lets it be adopted.
    news : Signal
        The news of the session.
    ended : Signal
        The session and its outcome; not if napari itself ended it, for there may be no widget any more.
    said : Signal
        A sentence about what was asked for.
    switched : Signal
        The buttons are others than before.
    """

    started = Signal()
    news = Signal(object)
    ended = Signal(object, Outcome)
    said = Signal(str)
    switched = Signal()

    def __init__(self, words: RunWords, *, start_apart: bool) -> None:
        self._words = words
        self._session: S | None = None
        self._ready = False
        self.start = button(*words.start, enabled=False)
        self.pause = button(*words.pause, enabled=False)
        self.stop = button(*words.stop[:2], enabled=False)
        self.cancel = button(*words.cancel[:2], enabled=False)
        others = (self.pause, self.stop, self.cancel)
        parts = [self.start, row(*others)] if start_apart else [row(self.start, *others)]
        super().__init__(widgets=parts, labels=False)
        self.margins = (0, 0, 0, 0)
        self.start.changed.connect(lambda _: self.started.emit())
        self.pause.changed.connect(self._pause_or_resume)
        self.stop.changed.connect(self._stop)
        self.cancel.changed.connect(self._cancel)

    @property
    def session(self) -> S | None:
        """The run that is going on, if there is one."""
        return self._session

    @property
    def ready(self) -> bool:
        """Whether a run could be started if none is going on."""
        return self._ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ready = ready
        self._switch()

    def adopt(self, session: S) -> None:
        """Start a session and follow it to its end."""
        self._session = session
        session.changed.connect(self._on_changed)
        session.ended.connect(self._on_ended)
        session.start()
        self._switch()

    def let_go(self) -> S | None:
        """Leave a session alone, which goes on; return it."""
        session, self._session = self._session, None
        if session is not None:
            session.changed.disconnect(self._on_changed)
            session.ended.disconnect(self._on_ended)
            self._switch()
        return session

    def _on_changed(self, news: object) -> None:
        self.news.emit(news)

    def _on_ended(self, outcome: Outcome) -> None:
        session, self._session = self._session, None
        if session is not None and outcome.kind != "abandoned":
            self._switch()
            self.ended.emit(session, outcome)

    def _pause_or_resume(self, _: object = None) -> None:
        if self._session is not None:
            control = self._session.control
            if control.paused:
                control.resume()
            else:
                control.pause()
            self._switch()

    def _stop(self, _: object = None) -> None:
        if self._session is not None:
            self._session.stop()
            self.said.emit(self._words.stop[2])
            self._switch()

    def _cancel(self, _: object = None) -> None:
        if self._session is not None:
            self._session.cancel()
            self.said.emit(self._words.cancel[2])
            self._switch()

    def _switch(self) -> None:
        control = None if self._session is None else self._session.control
        stoppable = control is not None and not control.ending
        self.start.enabled = control is None and self._ready
        self.pause.enabled = self.stop.enabled = stoppable
        self.cancel.enabled = control is not None and not control.cancelled
        self.pause.text = "Resume" if control is not None and control.paused else self._words.pause[0]
        self.switched.emit()
