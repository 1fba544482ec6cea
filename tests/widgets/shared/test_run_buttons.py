"""The buttons of a run, with a session that does nothing but wait."""

from __future__ import annotations

import threading

import pytest
from small import WAIT

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.widgets.shared.run_buttons import RunButtons, RunWords
from napari_blindspot.widgets.shared.session import Outcome, Session

WORDS = RunWords(
    start=("Go", "Begin."),
    pause=("Pause", "Wait."),
    stop=("Stop", "End.", "Stopping."),
    cancel=("Cancel", "Lose it.", "Cancelling."),
)


class Nothing:
    """News of nothing."""

    def __init__(self):
        self.count = 0

    def add(self, event):
        self.count += 1

    def successor(self):
        return Nothing()


class Waiting(Session):
    """Says something until it is ended, or until it fails."""

    def __init__(self, *, fails: bool = False):
        self.taken = 0

        def events():
            while not self.control.ending:
                if fails:
                    raise BlindspotError("It is broken.")
                threading.Event().wait(0.02)
                yield object()

        super().__init__("Waiting", events, Nothing(), Control())

    def _take(self, news):
        self.taken += news.count

    def _conclude(self, news, error):
        kind = "failed" if error else "cancelled" if self.control.cancelled else "stopped"
        return Outcome(kind, "", error)


@pytest.fixture
def buttons(qtbot):
    made = RunButtons(WORDS, start_apart=False)
    qtbot.addWidget(made.native)
    yield made
    session = made.let_go()
    if session is not None:
        session.cancel()
        qtbot.waitUntil(lambda: not session.running, timeout=WAIT)


def usable(buttons) -> set[str]:
    names = ("start", "pause", "stop", "cancel")
    return {name for name in names if getattr(buttons, name).enabled}


def test_only_the_start_can_be_pressed_before_a_run_and_only_when_there_is_something_to_do(buttons):
    assert usable(buttons) == set()
    buttons.ready = True
    assert usable(buttons) == {"start"}


def test_a_click_on_start_is_told_and_starts_nothing_by_itself(buttons, qtbot):
    clicks = []
    buttons.started.connect(lambda: clicks.append(1))
    buttons.ready = True
    buttons.start.native.click()
    assert clicks == [1]
    assert buttons.session is None


def test_a_run_can_be_paused_resumed_stopped_and_cancelled(buttons, qtbot):
    said, ended = [], []
    buttons.said.connect(said.append)
    buttons.ended.connect(lambda session, outcome: ended.append(outcome.kind))
    buttons.ready = True
    session = Waiting()
    buttons.adopt(session)
    assert usable(buttons) == {"pause", "stop", "cancel"}
    buttons.pause.native.click()
    assert session.control.paused
    assert buttons.pause.text == "Resume"
    buttons.pause.native.click()
    assert not session.control.paused
    assert buttons.pause.text == "Pause"
    buttons.stop.native.click()
    assert usable(buttons) == {"cancel"}
    assert said == ["Stopping."]
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT)
    assert ended == ["stopped"]
    assert usable(buttons) == {"start"}


def test_the_news_of_a_run_are_passed_on_after_the_session_has_taken_them(buttons, qtbot):
    session = Waiting()
    seen = []
    buttons.news.connect(lambda news: seen.append(session.taken))
    buttons.adopt(session)
    qtbot.waitUntil(lambda: any(seen), timeout=WAIT)


def test_an_error_ends_the_run_with_an_outcome_that_holds_it(buttons, qtbot, monkeypatch):
    monkeypatch.setattr("sys.__excepthook__", lambda *_: None)
    ended = []
    buttons.ended.connect(lambda session, outcome: ended.append(outcome))
    buttons.adopt(Waiting(fails=True))
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT)
    assert (ended[0].kind, str(ended[0].error)) == ("failed", "It is broken.")
    assert buttons.session is None


def test_a_session_that_was_let_go_ends_without_the_buttons(buttons, qtbot):
    ended = []
    buttons.ended.connect(lambda session, outcome: ended.append(outcome))
    session = Waiting()
    buttons.adopt(session)
    assert buttons.let_go() is session
    session.cancel()
    qtbot.waitUntil(lambda: not session.running, timeout=WAIT)
    assert ended == []
