"""One run in a viewer: the worker thread, its events brought to the layers, and its end.

A session outlives the widget that started it. It knows no buttons; a widget listens to `changed` and
`ended`. Everything here happens on the main thread, except what `widgets.denoise.work` does.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.utils import progress
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_blindspot.core.control import Control
from napari_blindspot.core.events import Started
from napari_blindspot.widgets.denoise.outputs import Outputs
from napari_blindspot.widgets.denoise.run_record import run_record
from napari_blindspot.widgets.denoise.work import Post, Task, work
from napari_blindspot.widgets.shared.background import Background
from napari_blindspot.widgets.shared.status import Estimate, duration

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.core.result import Result
    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.denoise.layers import Job

__all__ = ["Outcome", "Session"]

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
        self._title = f"Denoising “{job.name}”"
        self._background = Background(
            self._title, work, self._task, yielded=self._on_yielded, ended=self._on_ended
        )
        self._bar: Any = None

    @property
    def running(self) -> bool:
        """Whether the worker has not ended yet."""
        return self._background.running

    def start(self) -> None:
        """Begin; returns at once."""
        # The terminal is not where a user of napari looks.
        self._bar = progress(total=TICKS, desc=self._title, file=io.StringIO())
        self._background.start()

    def _on_yielded(self, _: object = None) -> None:
        """Bring what has happened to the screen."""
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

    def _on_ended(self) -> None:
        """Turn the layers into results or remove them, and say how it went."""
        outcome = Outcome("abandoned", "") if self._background.abandoned else self._conclude()
        self._bar.close()
        self.ended.emit(outcome)

    def _conclude(self) -> Outcome:
        post = self._task.mailbox.empty()
        error = self._background.error
        if self.control.cancelled and error is None:
            self._outputs.remove()
            return Outcome("cancelled", "Cancelled; the layers are as they were before.")
        self._take(post)
        if not self._results:
            self._outputs.remove()
            return Outcome("failed", str(error or "The run ended without a result."))
        done, asked = len(self._results), len(self.job.planes)
        early = done < asked or any(result.stopped for result in self._results.values())
        problem = "" if error is None else str(error)
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
        # What a plane has said at its start is the last plane's.
        note = self.note if asked == 1 else ""
        warnings = [warning for warning in record["warnings"] if warning not in note]
        words = " ".join(filter(None, [f"Done in {seconds}.", note, *warnings]))
        return Outcome("finished", words, layer)

    def _move_bar(self) -> None:
        ticks = round(self.estimate.fraction * TICKS)
        if self.running and ticks > self._bar.n:
            self._bar.update(ticks - self._bar.n)
