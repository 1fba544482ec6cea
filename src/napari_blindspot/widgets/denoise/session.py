"""The run of one layer: its news brought to the layers that show them, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_blindspot.core.control import Control
from napari_blindspot.core.progress import Progress
from napari_blindspot.core.words import duration, sentences_of
from napari_blindspot.widgets.denoise.judged import with_verdicts
from napari_blindspot.widgets.denoise.news import LayerNews
from napari_blindspot.widgets.denoise.result_layers import ResultLayers, result_dtype
from napari_blindspot.widgets.denoise.run_record import run_record
from napari_blindspot.widgets.shared.mailbox import Standing
from napari_blindspot.widgets.shared.session import Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.core.result import Result
    from napari_blindspot.jobs.record import PlaneRecord
    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.denoise.result_layers import ShownResult
    from napari_blindspot.widgets.denoise.scope import LayerJob

__all__ = ["LayerSession"]

DRAW_TIME = 60
"""Milliseconds that a new layer needs to be drawn for the first time."""


class LayerSession(Session[LayerNews]):
    """A run of one job.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers go.
    source : Image
        The noisy layer; from here on it may be renamed, changed or deleted.
    job : LayerJob
        What to read, and where the result belongs.
    settings : Settings
        Every knob of the run.
    preview_interval : float or None
        Least seconds between two previews; None for none.
    fall_back_to_cpu : bool
        Whether to start anew on the CPU when the device has too little memory.
    model : Model, optional
        What is applied instead of fitting; `settings` are then its own.

    Attributes
    ----------
    standing : Standing
        How far the run is.
    device : str
        Name of the device; empty before it is known.
    learned : Model or None
        The model of the plane that was fitted last, or the one that was applied.

    Raises
    ------
    OutOfMemoryError
        If the results do not fit into memory.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        source: Image,
        job: LayerJob,
        settings: Settings,
        *,
        preview_interval: float | None,
        fall_back_to_cpu: bool,
        model: Model | None = None,
    ) -> None:
        self._job = job
        # A colour image keeps its type, which says how bright white is.
        self._settings = settings.model_copy(update={"output_dtype": "input"}) if job.in_color else settings
        self._model = model
        self._preview_interval, self._falls_back = preview_interval, fall_back_to_cpu
        news = LayerNews(Progress(len(job.planes)), len(job.planes))
        super().__init__(f"Denoising “{job.name}”", lambda: with_verdicts(self._fits()), news, Control())
        self.standing = Standing()
        self.device = ""
        self.learned = model
        self._layers = self._make_layers(viewer, source)
        self._results: dict[tuple[int, ...], Result] = {}
        # What an earlier run has finished.
        self._earlier: dict[tuple[int, ...], PlaneRecord] = {}
        self._verdicts: list[Notice] = []
        self._said_at_start: tuple[Notice, ...] = ()

    @property
    def opening(self) -> list[str]:
        """What is to be said as long as the run goes on, one sentence each."""
        return []

    def _make_layers(self, viewer: ViewerModel, source: Image) -> ShownResult:
        """Return what shows the result.

        Raises
        ------
        OutOfMemoryError
            If it does not fit into memory.
        """
        return ResultLayers(viewer, source, self._job, result_dtype(self._job, self._settings))

    def _fits(self) -> Iterator[Event]:
        """Return the events of the fits (worker thread)."""
        # The engine is loaded in the worker thread.
        from napari_blindspot.stack import fit_stack

        return fit_stack(
            self._job.window,
            self._settings,
            axes=self._job.axes,
            indices=self._job.planes,
            control=self.control,
            preview_interval=self._preview_interval,
            fall_back_to_cpu=self._falls_back,
            models=() if self._model is None else (self._model,),
        )

    def _take(self, news: LayerNews) -> None:
        for event in news.finished:
            self._layers.result(event.plane, event.result.images)
            # The images are in the layers now; a stack's need not be kept twice.
            self._results[event.plane] = replace(event.result, images={}, noisy=None)
            self.device = event.result.device
            if event.model is not None:
                named = replace(event.model.fitted_to, name=self._job.name)
                self.learned = replace(event.model, fitted_to=named)
        self._verdicts += [judged.verdict for judged in news.judged]
        if news.preview is not None and not self.control.cancelled:
            self._layers.preview(news.preview.plane, news.preview.images)
        if news.started is not None:
            self.device = news.started.device
            self._said_at_start = news.started.notices
        self.standing = news.standing

    def _shown(self, news: LayerNews) -> None:
        if news.preview is not None:
            QTimer.singleShot(DRAW_TIME, self._mailbox.shown.set)

    def _conclude(self, news: LayerNews, error: Exception | None) -> Outcome:
        """Turn the layers into results or remove them, and say how it went."""
        if self.control.cancelled and error is None:
            self._layers.remove()
            return Outcome("cancelled", f"Cancelled; the layers are as they were before.{self._kept()}")
        self._take(news)
        done, asked = len(self._earlier | self._results), len(self._job.planes)
        if not done:
            self._layers.remove()
            return Outcome("failed", "" if error else "The run ended without a result.", error)
        record = run_record(
            self._job.name,
            self._results,
            self._job.planes,
            axes=self._job.axes,
            region=self._job.region,
            problem="" if error is None else str(error),
            earlier=self._earlier,
            settings=self._settings,
        )
        self._layers.keep(record)
        if error is not None:
            kept = f"{done} of {asked} planes were denoised before and are kept."
            return Outcome("failed", kept, error)
        seconds = duration(record["seconds"])
        if record["stopped"]:
            what = f"{done} of {asked} planes" if asked > 1 else f"{record['iterations']} iterations"
            return Outcome(
                "stopped", f"Stopped after {what} ({seconds}); the result is kept.{self._kept()}"
            )
        verdict = sentences_of([[notice] for notice in self._verdicts])
        return Outcome("finished", " ".join([self._done(seconds), *verdict, *self._findings()]))

    def _kept(self) -> str:
        """Say where finished planes are if that is not in the layers alone, after a space."""
        return ""

    def _done(self, seconds: str) -> str:
        """Say that all planes have a result."""
        return f"Done in {seconds}."

    def _findings(self) -> list[str]:
        """Say what was found: of a stack what the user ought to know, of a plane also what was chosen."""
        planes = [list(result.notices) for result in self._results.values()]
        if len(self._job.planes) == 1 and planes:
            found = {notice.kind for notice in planes[0]}
            planes = [[*(n for n in self._said_at_start if n.kind not in found), *planes[0]]]
        else:
            planes = [[notice for notice in notices if notice.is_warning] for notices in planes]
        return sentences_of(planes)
