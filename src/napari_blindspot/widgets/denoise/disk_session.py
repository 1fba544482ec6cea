"""The run of one layer whose result goes to disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.core.words import sentences_of
from napari_blindspot.widgets.denoise.disk_layer import DiskLayer
from napari_blindspot.widgets.denoise.disk_run import events_on_disk
from napari_blindspot.widgets.denoise.session import LayerSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.denoise.layer_file import LayerFile
    from napari_blindspot.widgets.denoise.news import LayerNews

__all__ = ["DiskSession"]


class DiskSession(LayerSession):
    """A run that keeps each plane on disk and can be gone on with.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layer goes.
    source : Image
        The noisy layer.
    file : LayerFile
        What to read, and where the result goes.
    settings : Settings
        Every knob of the run.
    **options
        As for `LayerSession`.
    """

    def __init__(
        self, viewer: ViewerModel, source: Image, file: LayerFile, settings: Settings, **options: Any
    ) -> None:
        self._file = file
        self._layer = DiskLayer(viewer, source, file)
        self._output: Path | None = None
        self._written = False
        self._notices: tuple[Notice, ...] = ()
        super().__init__(viewer, source, file.planes, settings, **options)

    @property
    def opening(self) -> list[str]:
        """Where the result goes, and what is there already."""
        if self._output is None:
            return []
        found, asked = len(self._earlier), len(self._job.planes)
        going_on = f", going on after {found} of {asked} planes" if found else ""
        return [f"Writing {self._output.name}{going_on}.", *self._about_output()]

    def _make_layers(self, viewer: ViewerModel, source: Image) -> DiskLayer:
        return self._layer

    def _fits(self) -> Iterator[Event]:
        return events_on_disk(
            self._file,
            self.control,
            preview_interval=self._preview_interval,
            fall_back_to_cpu=self._falls_back,
        )

    def _take(self, news: LayerNews) -> None:
        if news.opened is not None:
            self._output, self._notices = news.opened.output, news.opened.notices
            self._earlier = dict(news.opened.records)
            self._layer.opened(news.opened.output)
        super()._take(news)
        if news.written is not None:
            self._output, self._written = news.written.output, True
            self._layer.written(news.written.output, news.written.image)

    def _kept(self) -> str:
        if self._output is None or not (self._earlier or self._results):
            return ""
        whole = {plane for plane, result in self._results.items() if not result.stopped}
        done, asked = len(self._earlier.keys() | whole), len(self._job.planes)
        return f" {done} of {asked} planes are on disk: the same run goes on after them."

    def _done(self, seconds: str) -> str:
        output = self._output
        if output is None:
            return super()._done(seconds)
        done = "It was done by an earlier run." if not self._results else super()._done(seconds)
        return f"{done} The result is {output.name} in {output.parent}."

    def _findings(self) -> list[str]:
        return [*self._about_output(), *super()._findings()]

    def _about_output(self) -> list[str]:
        return sentences_of([[notice] for notice in self._notices])
