"""How a worker thread tells the main thread what happens: merged while nobody looks, and never lost.

The worker reads a run fast and passes it on at the pace of a screen. No layer and no Qt object is touched
here. What the news of a run mean belongs to its session.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from napari_blindspot.core.errors import BlindspotError, OutOfMemoryError
from napari_blindspot.core.events import Finished, Preview
from napari_blindspot.core.images import IMAGES
from napari_blindspot.core.words import error_sentence
from napari_blindspot.widgets.shared.preload import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from napari_blindspot.core.progress import Progress

__all__ = ["Mailbox", "News", "Standing", "relay"]

SHOW_INTERVAL, LONGEST_INTERVAL = 0.08, 3.0
"""Seconds between two looks into the mailbox: nobody reads faster, and slower a run seems to stand."""

LEAVING_INTERVAL = 0.5
"""Seconds after which a worker with nothing to show yields all the same: napari asks it to leave there."""

NOTHING = "nothing"
"""What it yields then."""

DRAWN_SHARE = 0.04
"""Share of the time that napari may draw what the looks have changed, if the longest interval allows."""

NEW_LAYERS = len(IMAGES)
"""Previews for which napari makes a layer."""

PATIENCE = 1.0
"""Most seconds that a fit stands still for them."""

E_contra = TypeVar("E_contra", contravariant=True)
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is.

    Attributes
    ----------
    fraction : float
        How much of all is done, 0 to 1.
    remaining : float
        Seconds that are left; NaN if nobody can know.
    activity : str
        What is done, and with which plane.
    paused : bool
        Whether nothing is done at present.
    finished : int
        How many planes have a result.
    """

    fraction: float = 0.0
    remaining: float = math.nan
    activity: str = "Starting"
    paused: bool = False
    finished: int = 0

    @classmethod
    def of(cls, progress: Progress, activity: str) -> Standing:
        """Take down what an estimator says by now."""
        return cls(progress.fraction, progress.remaining, activity, progress.paused, progress.finished)


class News(Protocol[E_contra]):
    """What has happened since the mailbox was emptied."""

    def add(self, event: E_contra) -> None:
        """Take in an event."""

    def successor(self) -> Self:
        """Return news of nothing yet, which go on where these end."""


N = TypeVar("N", bound=News[Any])


class Mailbox(Generic[N]):
    """Hands the news of a run from the worker to the main thread.

    Parameters
    ----------
    news : News
        Of nothing yet; decides what is kept of the events.

    Attributes
    ----------
    shown : threading.Event
        Set by the main thread when a preview has been drawn.
    interval : float
        Seconds between two looks. Without a graphics card napari takes a tenth of a second and all cores to
        draw its window, whatever has changed in it.
    """

    def __init__(self, news: N) -> None:
        self._lock = threading.Lock()
        self._news = news
        self.shown = threading.Event()
        self.interval = SHOW_INTERVAL

    def drawn(self, seconds: float) -> None:
        """Look less often where it took long to show what the last look has found (main thread)."""
        self.interval = min(max(seconds / DRAWN_SHARE, SHOW_INTERVAL), LONGEST_INTERVAL)

    def put(self, event: object) -> None:
        """Add an event (worker thread)."""
        with self._lock:
            self._news.add(event)

    def empty(self) -> N:
        """Take everything (main thread)."""
        with self._lock:
            news, self._news = self._news, self._news.successor()
            return news


def relay(events: Callable[[], Iterator[E]], mailbox: Mailbox[Any]) -> Generator[str | None, None, None]:
    """Put the events of a run into a mailbox (worker thread).

    Yields None, so that the main thread looks into the mailbox, and `NOTHING` where it need not.

    Parameters
    ----------
    events : callable
        Begins the run and returns its events.
    mailbox : Mailbox
        Where they go.

    Raises
    ------
    BlindspotError
        For whatever went wrong. Never a RuntimeError: napari's worker would take it for an abort, tell
        nobody, and seem to run for ever.
    """
    told = asked = 0.0
    previews = 0
    loading = warm_up()
    while loading.is_alive():
        loading.join(SHOW_INTERVAL)
        yield None
    try:
        for event in events():
            mailbox.put(event)
            now = time.perf_counter()
            if isinstance(event, Preview) and previews < NEW_LAYERS:
                # Making a layer is the most that napari has to do; beside a fit it would take twice as
                # long, with the window frozen.
                previews += 1
                mailbox.shown.clear()
                yield None
                mailbox.shown.wait(PATIENCE)
            elif now - told >= mailbox.interval or isinstance(event, Finished):
                told = asked = now
                # A yield is also where napari asks a worker to leave, so it must not wait for the reader.
                yield None
            elif now - asked >= LEAVING_INTERVAL:
                asked = now
                yield NOTHING
    except BlindspotError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(error_sentence(error)) from error
    except Exception as error:
        raise BlindspotError(error_sentence(error)) from error
