"""The Batch denoise widget: which files, where to, how, and the buttons of the run.

It turns clicks into a plan and a `BatchSession` and shows what the session says. The table, the layout,
threads and files belong to the modules beside it.
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image
from napari.utils.theme import get_theme
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_blindspot.batch import Batch
from napari_blindspot.batch.items import files_of
from napari_blindspot.batch.job_file import BatchJob, load_job, save_job
from napari_blindspot.core.errors import BlindspotError, FileError, ImageError
from napari_blindspot.core.words import duration
from napari_blindspot.widgets.batch.file_list import FileList
from napari_blindspot.widgets.batch.inputs import expand, input_of_layer, usual_output
from napari_blindspot.widgets.batch.panel import BatchPanel
from napari_blindspot.widgets.batch.session import BatchOutcome, BatchSession
from napari_blindspot.widgets.shared.closing import CloseWatcher
from napari_blindspot.widgets.shared.owner import SessionOwner
from napari_blindspot.widgets.shared.preferences import read_preferences
from napari_blindspot.widgets.shared.preload import warm_up
from napari_blindspot.widgets.shared.reader import add_to_viewer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_blindspot.batch import Item
    from napari_blindspot.widgets.batch.work import BatchPost

__all__ = ["BatchWidget"]

_IMAGES = "Images (*.tif *.tiff *.png *.czi *.lif *.nd2);;Job files (*.yaml *.yml);;All files (*)"
_JOBS = (".yaml", ".yml")


class BatchWidget(SessionOwner[BatchSession], BatchPanel):
    """Denoise many files, resumable at any moment.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers can be added, and where results are opened.
    """

    _AFTER_PLANE = True
    _STOPPING = "Stopping after the plane at work."
    _CANCELLING = "Ending; planes that are finished are kept."

    def __init__(self, napari_viewer: Viewer) -> None:
        preferences = read_preferences()
        super().__init__(preferences.preset, preferences.device)
        self._viewer = napari_viewer
        self.files = FileList(self.model, self.options)
        self._pair: list[Layer] = []
        self._watcher = CloseWatcher(self, self.closed)
        self._connect()
        self._restyle()
        self._enable()
        warm_up()

    @property
    def items(self) -> list[Item]:
        """The files as the table shows them."""
        return self.files.items

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files and folders, or all that a job file says."""
        if self._session is None:
            with self._saying():
                for path in paths:
                    if path.suffix.lower() in _JOBS:
                        job = load_job(path)
                        self.take_options(job.options)
                        self.files.add(files_of(job.plan()))
                        continue
                    if not self.output.text().strip():
                        self.output.setText(str(usual_output(path)))
                    self.files.add(expand([path], self.options()))

    def add_layers(self) -> None:
        """Add the selected image layers, or all of them if none is selected."""
        layers = [layer for layer in self._viewer.layers.selection if isinstance(layer, Image)]
        layers = layers or [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        with self._saying():
            if not layers:
                raise ImageError("There is no image layer to add.")
            for layer in layers:
                path = layer.source.path
                if not self.output.text().strip():
                    if path is None:
                        raise FileError(
                            f"“{layer.name}” is in no file yet and would be saved with the results: choose "
                            "an output folder first."
                        )
                    self.output.setText(str(usual_output(Path(path))))
                self.files.add([input_of_layer(layer, self.options().output)])

    def remove_rows(self, rows: Sequence[int]) -> None:
        """Take files out of the list."""
        if self._session is None and rows:
            with self._saying():
                self.files.remove(rows)

    def set_axes(self, row: int, axes: str) -> None:
        """Believe the user about the axes of a file; an empty text believes the file."""
        if self._session is None:
            with self._saying():
                self.files.set_axes(row, axes)

    def run(self) -> None:
        """Start; does nothing while a run is going on."""
        if self._session is not None or not self.files.inputs:
            return
        with self._saying():
            if not self.output.text().strip():
                raise FileError("Choose a folder for the results.")
            self.files.plan(anew=True)
            batch = self.files.batch
            if batch is None:
                return
            self.files.quit()
            self.files.frozen = True
            session = BatchSession(Batch(batch.options, list(batch.items)))
            self._adopt(session)
            self.begin()
            session.start()
            self._enable()

    def save_as_job(self, path: Path) -> None:
        """Write files and options as a job file, to be run without napari."""
        with self._saying(f"Saved. Run it with: napari-blindspot batch --job {path.name}"):
            options = self.options()
            absolute = options.model_copy(update={"output": options.output.absolute()})
            save_job(BatchJob.of(self.files.inputs, absolute), path)

    def open_row(self, row: int) -> None:
        """Show input and result of a finished file side by side."""
        item = self.items[row]
        if item.state not in ("done", "skipped"):
            self.say(item.reason or f"{item.source.name} is {item.state}: there is no result to open yet.")
            return
        for layer in self._pair:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._pair = []
        with self._saying():
            noisy = add_to_viewer(self._viewer, item.source, series=item.series, axes=item.given_axes)
            self._pair += noisy
            denoised = add_to_viewer(self._viewer, item.output)
            self._pair += denoised
            for before, after in zip(noisy, denoised, strict=False):
                before.contrast_limits = after.contrast_limits
            # All channels of an image in one cell.
            grid = self._viewer.canvas.grid if hasattr(self._viewer, "canvas") else self._viewer.grid
            grid.stride, grid.shape, grid.enabled = len(denoised), (1, -1), True
            self._viewer.reset_view()

    def explain_row(self, row: int) -> None:
        """Say why a file failed, was skipped or stopped, and what else is to be known about it."""
        item = self.items[row]
        if self._session is None or item.state == "failed":
            words = " ".join(text for text in (item.reason, *item.warnings) if text)
            self.say(words, error=item.state == "failed")

    def closed(self) -> None:
        """End what is going on because the widget leaves the screen; finished planes are kept."""
        self.files.quit()
        session = self._let_go()
        if session is not None:
            session.control.cancel()
            self.files.frozen = False
            self._enable()

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._ask_for_files)
        self.add_folder.clicked.connect(self._ask_for_folder)
        self.add_open.clicked.connect(self.add_layers)
        self.remove.clicked.connect(lambda: self.remove_rows(self.table.selected_rows()))
        self.table.dropped.connect(self.add_paths)
        self.table.removed.connect(self.remove_rows)
        self.table.opened.connect(self.open_row)
        self.table.chosen.connect(self.explain_row)
        self.model.axes_given.connect(self.set_axes)
        self.browse.clicked.connect(self._ask_for_output)
        self.output.editingFinished.connect(lambda: self._plan())
        self.format.currentIndexChanged.connect(lambda _: self._plan())
        self.start.clicked.connect(self.run)
        self.pause.clicked.connect(self._pause_or_resume)
        self.stop.clicked.connect(self._stop)
        self.cancel.clicked.connect(self._cancel)
        self.save.clicked.connect(self._ask_for_job)
        self.show_report.clicked.connect(self._open_report)
        self.files.changed.connect(self._enable)
        self._viewer.events.theme.connect(self._restyle)

    @contextlib.contextmanager
    def _saying(self, done: str = "") -> Iterator[None]:
        """Say what goes wrong in a block, or that it went well."""
        try:
            yield
        except BlindspotError as error:
            self.say(str(error), error=True)
        else:
            self.say(done)

    def _plan(self) -> None:
        if self._session is None:
            with self._saying():
                self.files.plan()

    def _on_changed(self, post: BatchPost) -> None:
        batch = self.files.batch
        if batch is None:
            return
        for number, item in post.items.items():
            self.files.show(number, item, post.shares.get(number))
        for number, share in post.shares.items():
            self.model.share(number, share)
        left = "" if math.isnan(post.remaining) else f"{duration(post.remaining)} left"
        self.follow(post.fraction, "Paused" if post.paused else left, batch.in_words, post.activity)
        self._enable()

    def _on_ended(self, _: BatchSession, outcome: BatchOutcome) -> None:
        self.files.frozen = False
        self.end(1.0 if outcome.kind == "finished" else None)
        self.say(outcome.message, error=outcome.kind == "failed")
        self._enable()

    def _enable(self) -> None:
        running = self._session is not None
        self.edit(not running)
        self.start.setEnabled(not running and bool(self.files.inputs))
        self.save.setEnabled(bool(self.files.inputs))
        self.pause.setEnabled(self._stoppable)
        self.stop.setEnabled(self._stoppable)
        self.cancel.setEnabled(self._cancellable)
        self.pause.setText("Resume" if self._paused else "Pause")
        self.show_report.setEnabled(self._report() is not None)

    def _report(self) -> Path | None:
        text = self.output.text().strip()
        page = Path(text) / "batch_report.html"
        return page if text and page.is_file() else None

    def _tell(self, message: str) -> None:
        self.say(message)

    def _ask_for_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Add images or a job file", "", _IMAGES)
        self.add_paths([Path(path) for path in paths])

    def _ask_for_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Add a folder with its subfolders")
        if path:
            self.add_paths([Path(path)])

    def _ask_for_output(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder for the results", self.output.text())
        if path:
            self.output.setText(path)
            self._plan()

    def _ask_for_job(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save as a job file", "job.yaml", "Job files (*.yaml)")
        if path:
            self.save_as_job(Path(path))

    def _open_report(self) -> None:
        page = self._report()
        if page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page.absolute())))

    def _restyle(self, _: object = None) -> None:
        self.set_dark(get_theme(self._viewer.theme).type == "dark")
