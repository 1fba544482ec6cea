"""The run of a stack whose result goes to disk: an OME-Zarr beside its file, shown while it grows.

The run is that of a file, `napari_blindspot.jobs`: each finished plane is on the disk at once, so that the
next run of the same stack goes on after it, whatever ended this one. Main thread only, but for the events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.events import Event, Started
from napari_blindspot.core.progress import Progress
from napari_blindspot.core.words import duration, sentence
from napari_blindspot.files.door import open_image
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.jobs.existing import earlier, reserved
from napari_blindspot.jobs.file_run import FileRun
from napari_blindspot.widgets.denoise.news import LayerNews
from napari_blindspot.widgets.denoise.result_layers import look_and_place
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, layer_pixels
from napari_blindspot.widgets.shared.layer_source import remember_source
from napari_blindspot.widgets.shared.mailbox import Standing
from napari_blindspot.widgets.shared.session import Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.core.model import Model
    from napari_blindspot.jobs.file_job import FileJob
    from napari_blindspot.jobs.record import FileRecord

__all__ = ["DiskSession"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened(Event):
    """The planes that are there can be shown.

    Attributes
    ----------
    run : FileRun
        Keeps them.
    """

    run: FileRun


class DiskSession(Session[LayerNews]):
    """A run of one file.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layer goes.
    source : Image
        The noisy layer, which shows the job's file.
    job : FileJob
        What is done; its output is an OME-Zarr.

    Attributes
    ----------
    standing : Standing
        How far the run is.
    device : str
        Name of the device; empty before it is known.
    learned : Model or None
        Nothing: the models of such a run stay with its planes.
    """

    def __init__(self, viewer: ViewerModel, source: Image, job: FileJob) -> None:
        self._viewer = viewer
        self._source = source
        self._job = job
        self._name = source.name
        self._run: FileRun | None = None
        self._shown_run: FileRun | None = None
        self._record: FileRecord | None = None
        self._kept = 0
        self._layer: Image | None = None
        self.standing = Standing()
        self.device = ""
        self.learned: Model | None = None
        progress = Progress()
        self._progress = progress
        super().__init__(f"Denoising “{source.name}”", self._events, LayerNews(progress), Control())

    def _events(self) -> Iterator[Event]:
        """Do the job (worker thread)."""
        job = self._job
        with reserved(job, make_folder=True):
            image = job.open()
            there = earlier(job, image)
            if there is not None:
                self._record = there.record
                return
            self._run = run = FileRun.open(job, image)
            pixels = float(image.shape[-2] * image.shape[-1])
            self._progress.expect(len(run.indices), pixels, finished=len(run.done))
            self._kept = len(run.done)
            yield _Opened(run=run)
            yield from run.fit(self.control)
            if len(run.done) == len(run.indices):
                self._record = run.write()

    def _take(self, news: LayerNews) -> None:
        if self._run is not None and self._layer is None and self._shown_run is None:
            self._shown_run = self._run
            self._layer = self._new_layer(self._growing(self._run))
        if isinstance(news.started, Started):
            self.device = news.started.device
        if news.finished and self._layer is not None and self._layer in self._viewer.layers:
            self._layer.refresh(extent=False, highlight=False)
        self.standing = news.standing

    def _growing(self, run: FileRun) -> Any:
        """Return the planes that are there by now, NaN for the others."""
        shape, dtype = run.image.shape, np.dtype(np.float32)

        def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
            try:
                return np.asarray(run.store.image(index), dtype)
            except BlindspotError:
                return np.full(shape[-2:], np.nan, dtype)

        return self._as_layer(LazyArray(shape, dtype, read))

    def _as_layer(self, pixels: Any) -> Any:
        """Return an image with the axes of the layer: files leave out, or add, those of length 1."""
        leading = tuple(int(n) for n in layer_pixels(self._source).shape[:-2])
        return pixels.with_leading(leading) if isinstance(pixels, LazyArray) else pixels

    def _new_layer(self, pixels: Any) -> Image:
        active = self._viewer.layers.selection.active
        look = look_and_place(self._source, (0,) * self._source.ndim)
        marked = {METADATA_KEY: {"preview": True}}
        layer = self._viewer.add_image(pixels, name=f"{self._name} denoised", metadata=marked, **look)
        remember_source([layer], self._source)
        self._viewer.layers.selection.active = active
        return layer

    def _conclude(self, news: LayerNews, error: Exception | None) -> Outcome:
        """Show what was written, or say what is kept."""
        self._take(news)
        done = 0 if self._run is None else len(self._run.records)
        if self._record is not None and error is None:
            place = self._record.place_of(self._job.output)
            self._show_written(self._as_layer(open_image(place).array))
            seconds = duration(self._record.seconds)
            kept = f" {self._kept} planes were there already." if self._kept else ""
            said = [sentence(notice) for notice in self._record.written if notice.is_warning]
            words = [f"Done in {seconds}; the result is {place}.{kept}", *said, *self._record.warnings]
            return Outcome("finished", " ".join(words))
        planes = len(self._run.indices) if self._run is not None else 0
        kept = (
            f"{done} of {planes} planes are finished and kept; Denoise goes on after them." if done else ""
        )
        if error is not None:
            return Outcome("failed", kept, error)
        if self._layer is not None and self._layer in self._viewer.layers and not done:
            self._viewer.layers.remove(self._layer)
        return Outcome(
            "cancelled" if self.control.cancelled else "stopped",
            kept or "Ended before a plane was finished.",
        )

    def _show_written(self, pixels: Any) -> None:
        layer = self._layer
        if layer is None or layer not in self._viewer.layers:
            layer = self._layer = self._new_layer(pixels)
        layer.data = pixels
        layer.metadata = {METADATA_KEY: {"source": self._name, "image": "denoised"}}
        self._viewer.layers.selection.active = layer
