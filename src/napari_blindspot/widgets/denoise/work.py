"""What runs in the worker thread: the engine's generator, read fast and passed on at the pace of a screen.

No layer and no Qt object is touched here. The main thread may be late without harm: a `Mailbox` keeps only
the latest preview, and its post is never lost.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError, OutOfMemoryError
from napari_blindspot.core.events import Finished, Preview, Started, Step
from napari_blindspot.widgets.shared.preload import warm_up

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_blindspot.core.events import Event
    from napari_blindspot.settings import Settings

__all__ = ["Mailbox", "Post", "Task", "work"]

SHOW_INTERVAL = 0.08
"""Seconds between two posts: faster than this nobody reads."""

NEW_LAYERS = 2
"""Previews for which napari makes a layer."""

PATIENCE = 1.0
"""Most seconds that a fit stands still for them."""


@dataclass(slots=True)
class Post:
    """What has happened since the mailbox was emptied.

    Attributes
    ----------
    latest : Event or None
        The last event about progress.
    steps : list of Step
        All losses, for the curve.
    preview : Preview or None
        The latest of the plane at work.
    finished : list of Finished
        One for each plane that has a result.
    note : str
        A sentence for the user, or nothing.
    """

    latest: Event | None = None
    steps: list[Step] = field(default_factory=list)
    preview: Preview | None = None
    finished: list[Finished] = field(default_factory=list)
    note: str = ""


class Mailbox:
    """Hands events from the worker to the main thread, merged while nobody looks.

    Attributes
    ----------
    shown : threading.Event
        Set by the main thread when a preview has been drawn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._post = Post()
        self.shown = threading.Event()

    def put(self, event: Event) -> None:
        """Add an event (worker thread)."""
        with self._lock:
            post = self._post
            if isinstance(event, Finished):
                post.finished.append(event)
                # A preview must not cover the result of its own plane.
                post.preview = None
            elif isinstance(event, Preview):
                post.preview = event
            else:
                post.latest = event
                if isinstance(event, Started) and event.note:
                    post.note = event.note
                if isinstance(event, Step):
                    post.steps.append(event)

    def empty(self) -> Post:
        """Take everything (main thread)."""
        with self._lock:
            post, self._post = self._post, Post()
            return post


@dataclass(frozen=True, slots=True)
class Task:
    """Everything that the worker needs.

    Attributes
    ----------
    array : array-like
        (…, Y, X), read plane by plane.
    planes : tuple of tuple of int
        Which planes.
    settings : Settings
        The same for every plane.
    axes : str or None
        One letter an axis, where it is known.
    preview_interval : float or None
        Least seconds between two previews; None for none.
    fall_back_to_cpu : bool
        Whether to start anew on the CPU where the device has too little memory.
    control : Control
        How the main thread speaks to the fit.
    mailbox : Mailbox
        How the fit speaks to the main thread.
    """

    array: Any
    planes: tuple[tuple[int, ...], ...]
    settings: Settings
    axes: str | None = None
    preview_interval: float | None = None
    fall_back_to_cpu: bool = True
    control: Control = field(default_factory=Control)
    mailbox: Mailbox = field(default_factory=Mailbox)


def work(task: Task) -> Generator[None, None, None]:
    """Run a task; yield nothing, several times a second, so that the main thread looks into the mailbox.

    Raises
    ------
    BlindspotError
        For whatever went wrong. Never a RuntimeError: napari's worker would take it for an abort, tell
        nobody, and seem to run for ever.
    """
    told = 0.0
    previews = 0
    loading = warm_up()
    while loading.is_alive():
        loading.join(SHOW_INTERVAL)
        yield
    try:
        for event in _events(task):
            task.mailbox.put(event)
            now = time.perf_counter()
            if isinstance(event, Preview) and previews < NEW_LAYERS:
                # Making a layer is the most that napari has to do; beside a fit it would take twice as
                # long, with the window frozen.
                previews += 1
                task.mailbox.shown.clear()
                yield
                task.mailbox.shown.wait(PATIENCE)
            elif now - told >= SHOW_INTERVAL or isinstance(event, Finished):
                told = now
                # A yield is also where napari asks a worker to leave, so it must not wait for the reader.
                yield
    except BlindspotError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(
            "The computer ran out of memory: choose a smaller region, or fewer planes."
        ) from error
    except Exception as error:
        raise BlindspotError(f"The run failed unexpectedly: {type(error).__name__}: {error}") from error


def _events(task: Task) -> Iterator[Event]:
    """Yield the events of all planes; after out-of-memory, if wanted, those of the rest on the CPU."""
    from napari_blindspot import fallback, stack

    fit = fallback.fit_stack_or_fall_back if task.fall_back_to_cpu else stack.fit_stack
    return fit(
        task.array,
        task.settings,
        axes=task.axes,
        planes=task.planes,
        control=task.control,
        preview_interval=task.preview_interval,
    )
