"""One run in a viewer: the worker thread, its events brought to the layers, and its end.

A session outlives the widget that started it. It knows no buttons; a widget listens to `changed` and
`ended`. Everything here happens on the main thread, except what `napari_blindspot.widgets.work` does.
"""

from __future__ import annotations

import functools
import gc
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.qt.threading import create_worker
from napari.utils import progress
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_blindspot.control import Control
from napari_blindspot.events import Started
from napari_blindspot.widgets.outputs import Outputs
from napari_blindspot.widgets.record import run_record
from napari_blindspot.widgets.status import Estimate, duration
from napari_blindspot.widgets.work import Post, Task, work

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.result import Result
    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.layers import Job

__all__ = ["Outcome", "Session"]

_live: set[Session] = set()
"""Sessions whose worker has not ended: Qt's signals alone would not keep them."""

DRAW_TIME = 60
"""Milliseconds that a new layer needs to be drawn for the first time."""

TICKS = 1000
"""Steps of the progress bar in napari's activity dock."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    kind : {"finished", "stopped", "cancelled", "failed", "abandoned"}
        ``abandoned`` when napari itself ended the worker, because a viewer was closed.
    message : str
        One or two sentences for the user.
    layer : Image or None
        The denoised layer, if it is there.
    """

    kind: Literal["finished", "stopped", "cancelled", "failed", "abandoned"]
    message: str
    layer: Image | None = None


class Session:
    """A run of one job.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers go.
    source : Image
        The noisy layer; from here on it may be renamed, changed or deleted.
    job : Job
        What to read, and where the result belongs.
    settings : Settings
        Every knob of the run.
    preview_interval : float or None
        Least seconds between two previews; None for none.
    fall_back_to_cpu : bool
        Whether to start anew on the CPU when the device has too little memory.

    Raises
    ------
    OutOfMemoryError
        If the results do not fit into memory.
    """

    changed = Signal(Post)
    ended = Signal(Outcome)

    def __init__(
        self,
        viewer: ViewerModel,
        source: Image,
        job: Job,
        settings: Settings,
        *,
        preview_interval: float | None,
        fall_back_to_cpu: bool,
    ) -> None:
        self.job = job
        self.control = Control()
        self.estimate = Estimate(len(job.planes))
        self.device = ""
        self.note = ""
        self._task = Task(
            array=job.window,
            planes=job.planes,
            axes=job.axes,
            settings=settings,
            preview_interval=preview_interval,
            fall_back_to_cpu=fall_back_to_cpu,
            control=self.control,
        )
        dtype = job.window.dtype if settings.output_dtype == "input" else np.dtype(np.float32)
        self._outputs = Outputs(viewer, source, job, dtype)
        self._results: dict[tuple[int, ...], Result] = {}
        self._error: Exception | None = None
        self._abandoned = False
        self._worker: Any = None
        self._bar: Any = None

    @property
    def running(self) -> bool:
        """Whether the worker has not ended yet."""
        return self in _live

    def start(self) -> None:
        """Begin; returns at once."""
        title = f"Denoising “{self.job.name}”"
        self._worker = create_worker(_titled(title, self._task), _start_thread=False, _ignore_errors=True)
        for signal, slot in self._connections():
            signal.connect(slot)
        # The terminal is not where a user of napari looks.
        self._bar = progress(total=TICKS, desc=title, file=io.StringIO())
        if not _live:
            # With napari and torch loaded, a full search for garbage holds all threads for a quarter of a
            # second. What is there now is left out of it until the last run has ended.
            gc.freeze()
        _live.add(self)
        self._worker.start()

    def _connections(self) -> list[tuple[Any, Any]]:
        worker = self._worker
        return [
            (worker.yielded, self._on_yielded),
            (worker.errored, self._on_errored),
            (worker.aborted, self._on_aborted),
            (worker.finished, self._on_finished),
        ]

    def _on_yielded(self, _: object = None) -> None:
        """Bring what has happened to the screen."""
        if self._worker.abort_requested:
            # The viewer is being closed: there may be no layers and no widget any more.
            return
        post = self._task.mailbox.empty()
        self._take(post)
        self.changed.emit(post)
        if post.preview is not None:
            QTimer.singleShot(DRAW_TIME, self._task.mailbox.shown.set)
        # Last, because napari's bar handles waiting events when it moves, this method's own among them.
        self._move_bar()

    def _take(self, post: Post) -> None:
        for event in post.finished:
            result = event.result
            self._outputs.result(event.plane, result.denoised, result.inr)
            nothing = np.empty((0, 0), np.float32)
            # The images are in the layers now; a stack's need not be kept twice.
            self._results[event.plane] = replace(result, denoised=nothing, inr=nothing)
            self.estimate.plane_finished()
            self.device = result.device
        if post.preview is not None and not self.control.cancelled:
            self._outputs.preview(post.preview.plane, post.preview.denoised, post.preview.inr)
        if post.latest is not None:
            self.estimate.follow(post.latest)
            if isinstance(post.latest, Started):
                self.device = post.latest.device
        if post.note:
            self.note = post.note

    def _on_errored(self, error: Exception) -> None:
        self._error = error

    def _on_aborted(self) -> None:
        self._abandoned = True
        self.control.cancel()

    def _on_finished(self) -> None:
        """Turn the layers into results or remove them, and say how it went."""
        for signal, slot in self._connections():
            signal.disconnect(slot)
        _live.discard(self)
        if not _live:
            gc.unfreeze()
        outcome = Outcome("abandoned", "") if self._abandoned else self._conclude()
        self._bar.close()
        self.ended.emit(outcome)

    def _conclude(self) -> Outcome:
        post = self._task.mailbox.empty()
        if self.control.cancelled and self._error is None:
            self._outputs.remove()
            return Outcome("cancelled", "Cancelled; the layers are as they were before.")
        self._take(post)
        if not self._results:
            self._outputs.remove()
            return Outcome("failed", str(self._error or "The run ended without a result."))
        done, asked = len(self._results), len(self.job.planes)
        early = done < asked or any(result.stopped for result in self._results.values())
        problem = "" if self._error is None else str(self._error)
        record = run_record(self.job.name, self._results, self.job.planes, stopped=early, problem=problem)
        self._outputs.keep(record)
        layer = self._outputs.denoised
        if problem:
            kept = f"{done} of {asked} planes were denoised before and are kept."
            return Outcome("failed", f"{problem} {kept}", layer)
        seconds = duration(record["seconds"])
        if early:
            what = f"{done} of {asked} planes" if asked > 1 else f"{record['iterations']} iterations"
            return Outcome("stopped", f"Stopped after {what} ({seconds}); the result is kept.", layer)
        warnings = [warning for warning in record["warnings"] if warning not in self.note]
        words = " ".join(filter(None, [f"Done in {seconds}.", self.note, *warnings]))
        return Outcome("finished", words, layer)

    def _move_bar(self) -> None:
        ticks = round(self.estimate.fraction * TICKS)
        if self.running and ticks > self._bar.n:
            self._bar.update(ticks - self._bar.n)


def _titled(title: str, task: Task) -> Any:
    """Return `work` with its task, and with a name that napari can show when it asks before closing."""

    class Titled(functools.partial):  # type: ignore[type-arg]
        def __str__(self) -> str:
            return title

    return Titled(work, task)
