"""The Batch denoise widget: which files, where to, how, and what is shown of the run.

It turns clicks into a plan and a session and shows what the session says. The table, the layout, threads
and files belong to the modules beside it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_blindspot.batch import Batch, plan_batch
from napari_blindspot.batch.items import files_of
from napari_blindspot.batch.job_file import BatchJob, load_job, save_job
from napari_blindspot.core.errors import BlindspotError, FileError, ImageError
from napari_blindspot.files.formats.registry import dialog_filter
from napari_blindspot.files.model_file import ENDING
from napari_blindspot.widgets.batch.choices import last_options, options_of_project, remember_options
from napari_blindspot.widgets.batch.file_list import FileList
from napari_blindspot.widgets.batch.inputs import expand, input_of_layer, usual_output
from napari_blindspot.widgets.batch.pair import show_pair
from napari_blindspot.widgets.batch.panel import BatchPanel
from napari_blindspot.widgets.batch.session import BatchSession
from napari_blindspot.widgets.shared.closing import when_undocked
from napari_blindspot.widgets.shared.preferences import read_preferences
from napari_blindspot.widgets.shared.preload import warm_up_soon
from napari_blindspot.widgets.shared.terms import in_terms
from napari_blindspot.widgets.shared.theme import is_dark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_blindspot.batch import Item
    from napari_blindspot.widgets.batch.news import BatchNews
    from napari_blindspot.widgets.shared.session import Outcome

__all__ = ["BatchWidget"]

_JOBS = (".yaml", ".yml")

_FIELDS = {
    "axes": "column Axes",
    "split": "field Split",
    "voxel_size": "field Voxel size",
    "channel": "channel in a job file",
    "series": "series in a job file",
    "compression": "compression in a job file",
    "ngff": "field Format",
    "output": "field Output",
    "pattern": "field Pattern",
    "existing": "field If there",
    "overwrite": "field If there",
    "stack_start": "field Stacks",
    "fit_on": "field Fit",
    "model": "field Model",
}
"""What the user could change, in the words of this dock, where it is not a field of the form."""


class BatchWidget(BatchPanel):
    """Denoise many files, resumable at any moment.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers can be added, and where results are opened.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        preferences = read_preferences()
        super().__init__(preferences.preset, preferences.device)
        self._viewer = napari_viewer
        self.files = FileList(self.model, self.batch_options)
        self._pair: list[Layer] = []
        when_undocked(self, self.closed)
        self._connect()
        options = last_options()
        if options is not None:
            self.take_options(options)
            self.output.value = ""
        self._restyle()
        self._enable()
        warm_up_soon()

    @property
    def session(self) -> BatchSession | None:
        """The run that is going on, if there is one."""
        return self.buttons.session

    @property
    def items(self) -> list[Item]:
        """The files as the table shows them."""
        return self.files.items

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files and folders, or all that a job file says; a model is applied to all files."""
        if self.session is None:
            models = [path for path in paths if path.suffix.lower() == ENDING]
            with self._saying():
                for path in paths:
                    if path in models:
                        continue
                    if path.suffix.lower() in _JOBS:
                        job = load_job(path)
                        self.take_options(job.options)
                        self.files.add(files_of(plan_batch(job.inputs, job.options, look=None)))
                        continue
                    if not self.output.value.strip():
                        self._take_project(usual_output(path))
                    self.files.add(expand([path], self.batch_options()))
            for path in models[:1]:
                self.models.use(path)

    def add_layers(self) -> None:
        """Add the selected image layers, or all of them if none is selected."""
        layers = [layer for layer in self._viewer.layers.selection if isinstance(layer, Image)]
        layers = layers or [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        with self._saying():
            if not layers:
                raise ImageError("There is no image layer to add.")
            for layer in layers:
                path = layer.source.path
                if not self.output.value.strip():
                    if path is None:
                        raise FileError(
                            f"“{layer.name}” is in no file yet and would be saved with the results: choose "
                            "an output folder first."
                        )
                    self._take_project(usual_output(Path(path)))
                self.files.add([input_of_layer(layer, self.batch_options().output)])

    def remove_rows(self, rows: Sequence[int]) -> None:
        """Take files out of the list."""
        if self.session is None and rows:
            with self._saying():
                self.files.remove(rows)

    def set_axes(self, row: int, axes: str) -> None:
        """Believe the user about the axes of a file; an empty text believes the file."""
        if self.session is None:
            with self._saying():
                self.files.set_axes(row, axes)

    def run(self) -> None:
        """Start; does nothing while a run is going on."""
        if self.session is not None or not self.files.inputs:
            return
        with self._saying():
            if not self.output.value.strip():
                raise FileError("Choose a folder for the results.")
            self.files.replan(anew=True)
            batch = self.files.batch
            if batch is None:
                return
            remember_options(batch.options)
            self.files.quit()
            self.files.frozen = True
            self.status.begin("Looking at the files")
            self.buttons.adopt(BatchSession(Batch(batch.options, list(batch.items))))

    def save_as_job(self, path: Path) -> None:
        """Write files and options as a job file, to be run without napari."""
        with self._saying(f"Saved. Run it with: napari-blindspot batch --job {path.name}"):
            options = self.batch_options()
            absolute = options.model_copy(update={"output": options.output.absolute()})
            save_job(BatchJob.of(self.files.inputs, absolute), path)

    def open_row(self, row: int) -> None:
        """Show input and result of a finished file side by side."""
        item = self.items[row]
        if item.state not in ("done", "skipped"):
            self.status.say(
                item.reason or f"{item.source.name} is {item.state}: there is no result to open yet."
            )
            return
        for layer in self._pair:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._pair = []
        with self._saying(f"{item.source.name} on the left, its result on the right."):
            self._pair = show_pair(self._viewer, item)

    def explain_row(self, row: int) -> None:
        """Say why a file failed, was skipped or stopped, and what else is to be known about it."""
        item = self.items[row]
        if self.session is None or item.state == "failed":
            reason = in_terms(BlindspotError(item.reason, setting=item.setting), _FIELDS)
            words = " ".join(text for text in (reason, *item.warnings) if text)
            self.status.say(words, error=item.state == "failed")

    def closed(self) -> None:
        """End what is going on because the widget leaves the screen; finished planes are kept."""
        self.files.quit()
        self.files.frozen = False
        session = self.buttons.let_go()
        if session is not None:
            session.cancel()

    def _connect(self) -> None:
        table = self.table.native
        self.add_files.changed.connect(lambda _: self._ask_for_files())
        self.add_folder.changed.connect(lambda _: self._ask_for_folder())
        self.add_open.changed.connect(lambda _: self.add_layers())
        self.remove_chosen.changed.connect(lambda _: self.remove_rows(table.selected_rows()))
        table.dropped.connect(self.add_paths)
        table.removed.connect(self.remove_rows)
        table.opened.connect(self.open_row)
        table.chosen.connect(self.explain_row)
        self.model.axes_given.connect(self.set_axes)
        self.browse.changed.connect(lambda _: self._ask_for_output())
        self.output.entered.connect(lambda _: self._replan())
        self.format.changed.connect(lambda _: self._replan())
        self.split.entered.connect(lambda _: self._replan())
        self.voxel_size.entered.connect(lambda _: self._replan())
        self.buttons.started.connect(self.run)
        self.buttons.said.connect(self.status.say)
        self.buttons.switched.connect(self._enable)
        self.buttons.news.connect(self._on_news)
        self.buttons.ended.connect(self._on_ended)
        self.save.changed.connect(lambda _: self._ask_for_job())
        self.show_report.changed.connect(lambda _: self._open_report())
        self.files.changed.connect(self._enable)
        self.models.used.connect(self._model_changed)
        self.models.failed.connect(lambda error: self.status.say(str(error), error=True))
        self._viewer.events.theme.connect(self._restyle)

    def _take_project(self, output: Path) -> None:
        """Write to a folder, as it was done last if it was."""
        options = options_of_project(output)
        if options is not None:
            self.take_options(options)
        self.output.value = str(output)

    @contextlib.contextmanager
    def _saying(self, done: str = "") -> Iterator[None]:
        """Say what goes wrong in a block, or that it went well."""
        try:
            yield
        except BlindspotError as error:
            self.status.say(in_terms(error, _FIELDS), error=True)
        else:
            self.status.say(done)

    def _replan(self) -> None:
        if self.session is None:
            with self._saying():
                self.files.replan()

    def _on_news(self, news: BatchNews) -> None:
        batch = self.files.batch
        if batch is None:
            return
        for number, item in news.items.items():
            self.files.show(number, item, news.shares.get(number))
        for number, share in news.shares.items():
            self.model.share(number, share)
        self.status.follow(news.standing, batch.in_words)
        self.show_report.enabled = self._report() is not None

    def _on_ended(self, _: BatchSession, outcome: Outcome) -> None:
        self.files.frozen = False
        self.status.end("", full=True if outcome.kind == "finished" else None)
        self.status.conclude(outcome, _FIELDS)
        self._enable()

    def _enable(self) -> None:
        """Let exactly those parts be used that mean something now."""
        idle = self.session is None
        self.edit(idle)
        self.save.enabled = bool(self.files.inputs)
        self.show_report.enabled = self._report() is not None
        if self.buttons.ready != bool(self.files.inputs):
            self.buttons.ready = bool(self.files.inputs)

    def _report(self) -> Path | None:
        text = self.output.value.strip()
        page = Path(text) / "batch_report.html"
        return page if text and page.is_file() else None

    def _ask_for_files(self) -> None:
        shown = (
            f"{dialog_filter()};;Job files ({' '.join(f'*{ending}' for ending in _JOBS)});;All files (*)"
        )
        paths, _ = QFileDialog.getOpenFileNames(self.native, "Add images or a job file", "", shown)
        self.add_paths([Path(path) for path in paths])

    def _ask_for_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self.native, "Add a folder with its subfolders")
        if path:
            self.add_paths([Path(path)])

    def _ask_for_output(self) -> None:
        path = QFileDialog.getExistingDirectory(self.native, "Folder for the results", self.output.value)
        if path:
            self.output.value = path
            self._replan()

    def _ask_for_job(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self.native, "Save as a job file", "job.yaml", "Job files (*.yaml)"
        )
        if path:
            self.save_as_job(Path(path))

    def _open_report(self) -> None:
        page = self._report()
        if page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page.absolute())))

    def _model_changed(self) -> None:
        """Say what a model was fitted to."""
        model = self.models.model
        self.status.say("" if model is None else model.in_words)

    def _restyle(self, _: object = None) -> None:
        dark = is_dark(self._viewer)
        self.model.set_dark(dark)
        self.status.message.set_dark(dark)
