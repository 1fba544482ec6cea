"""The Batch denoise widget: which files, where to, how, and the buttons of the run.

It turns clicks into a plan and a `BatchSession` and shows what the session says. The table, the layout,
threads and files belong to the modules beside it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_blindspot.batch import Batch, Input, plan_batch
from napari_blindspot.batch.job import Job, load_job, save_job
from napari_blindspot.batch.plan import OPEN, files_of
from napari_blindspot.errors import BlindspotError
from napari_blindspot.widgets.batch_inputs import expand, input_of_layer, usual_output
from napari_blindspot.widgets.batch_panel import BatchPanel
from napari_blindspot.widgets.batch_session import BatchOutcome, BatchSession, Looker
from napari_blindspot.widgets.preferences import read_preferences
from napari_blindspot.widgets.reader import add_to_viewer
from napari_blindspot.widgets.warm import warm_up
from napari_blindspot.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_blindspot.batch import Item
    from napari_blindspot.widgets.batch_work import BatchPost

    Key = tuple[Path, str | None, int | None]

__all__ = ["BatchWidget"]

_IMAGES = "Images (*.tif *.tiff *.png *.czi *.lif *.nd2);;Job files (*.yaml *.yml);;All files (*)"
_JOBS = (".yaml", ".yml")


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
        self._inputs: list[Input] = []
        self._batch: Batch | None = None
        self._looked: dict[Key, dict[str, Any]] = {}
        self._looker: Looker | None = None
        self._session: BatchSession | None = None
        self._pair: list[Layer] = []
        self._watcher = _CloseWatcher(self)
        self._connect()
        self._restyle()
        self._enable()
        warm_up()

    @property
    def session(self) -> BatchSession | None:
        """The run that is going on, if there is one."""
        return self._session

    @property
    def items(self) -> list[Item]:
        """The files as the table shows them."""
        return [] if self._batch is None else list(self._batch.items)

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files and folders, or all that a job file says."""
        if self._session is not None:
            return
        try:
            for path in paths:
                if path.suffix.lower() in _JOBS:
                    self._take_job(load_job(path))
                    continue
                if not self.output.text().strip():
                    self.output.setText(str(usual_output(path)))
                self._inputs += expand([path], self.options())
        except BlindspotError as error:
            self.say(str(error), error=True)
        else:
            self.say("")
        self._plan()

    def add_layers(self) -> None:
        """Add the selected image layers, or all of them if none is selected."""
        layers = [layer for layer in self._viewer.layers.selection if isinstance(layer, Image)]
        layers = layers or [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        if not layers:
            self.say("There is no image layer to add.", error=True)
            return
        try:
            for layer in layers:
                path = layer.source.path
                if not self.output.text().strip():
                    if path is None:
                        self.say(
                            f"“{layer.name}” is in no file yet and would be saved with the results: choose "
                            "an output folder first.",
                            error=True,
                        )
                        return
                    self.output.setText(str(usual_output(Path(path))))
                self._inputs.append(input_of_layer(layer, self.options().output))
        except BlindspotError as error:
            self.say(str(error), error=True)
        else:
            self.say("")
        self._plan()

    def remove_rows(self, rows: Sequence[int]) -> None:
        """Take files out of the list."""
        if self._session is None and rows:
            gone = {self._key(self.items[row]) for row in rows}
            files = [] if self._batch is None else files_of(self._batch)
            self._inputs = [
                entry for entry, item in zip(files, self.items, strict=True) if self._key(item) not in gone
            ]
            self._plan()

    def set_axes(self, row: int, axes: str) -> None:
        """Believe the user about the axes of a file; an empty text believes the file."""
        if self._session is None and self._batch is not None:
            files = files_of(self._batch)
            files[row] = files[row].model_copy(update={"axes": axes or None})
            self._inputs = files
            self._plan()

    def run(self) -> None:
        """Start; does nothing while a run is going on."""
        if self._session is not None or not self._inputs:
            return
        if not self.output.text().strip():
            self.say("Choose a folder for the results.", error=True)
            return
        # What could not be read or done may be better now.
        self._looked = {key: seen for key, seen in self._looked.items() if "state" not in seen}
        if not self._plan(anew=True) or self._batch is None:
            return
        if self._looker is not None:
            self._looker.quit()
            self._looker = None
        worked = Batch(self._batch.options, list(self._batch.items))
        self._session = session = BatchSession(worked)
        session.changed.connect(self._on_changed)
        session.ended.connect(self._on_ended)
        self.begin()
        session.start()
        self._enable()

    def save_as_job(self, path: Path) -> None:
        """Write files and options as a job file, to be run without napari."""
        try:
            options = self.options()
            absolute = options.model_copy(update={"output": options.output.absolute()})
            save_job(Job.of(self._inputs, absolute), path)
        except BlindspotError as error:
            self.say(str(error), error=True)
        else:
            self.say(f"Saved. Run it with: napari-blindspot batch --job {path.name}")

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
        try:
            noisy = add_to_viewer(self._viewer, item.source, series=item.series, axes=item.given_axes)
            self._pair += noisy
            denoised = add_to_viewer(self._viewer, item.output)
            self._pair += denoised
        except BlindspotError as error:
            self.say(str(error), error=True)
            return
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
        if self._looker is not None:
            self._looker.quit()
            self._looker = None
        if self._session is not None:
            self._session.changed.disconnect(self._on_changed)
            self._session.ended.disconnect(self._on_ended)
            self._session.control.cancel()
            self._session = None
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
        self._viewer.events.theme.connect(self._restyle)

    def _take_job(self, job: Job) -> None:
        self.take_options(job.options)
        self._inputs += files_of(job.plan())

    def _plan(self, *, anew: bool = False) -> bool:
        """Find out what there is to do, keep what is known, and look at files that are new.

        Parameters
        ----------
        anew : bool
            Whether a run begins: then nothing has been done yet, and the run itself looks at the files.

        Returns
        -------
        bool
            Whether there is a plan; if not, the table stays as it was and it is said why.
        """
        if self._session is not None:
            return False
        before = {} if anew else {(self._key(item), item.output): item for item in self.items}
        try:
            self._batch = plan_batch(self._inputs, self.options()) if self._inputs else None
        except BlindspotError as error:
            self.say(str(error), error=True)
            return False
        for number, item in enumerate(self.items):
            known = before.get((self._key(item), item.output))
            if known is not None and known.state not in OPEN:
                self._batch.items[number] = known  # type: ignore[union-attr]
            elif item.state in OPEN:
                self._batch.update(number, **self._looked.get(self._key(item), {}))  # type: ignore[union-attr]
        self.model.show(self.items)
        self._enable()
        if not anew:
            self._look()
        return True

    def _look(self) -> None:
        """Read the headers of files that nobody has looked at yet."""
        if self._looker is not None or self._batch is None:
            return
        fresh = [item for item in self.items if item.state in OPEN and self._key(item) not in self._looked]
        if fresh:
            self._looker = Looker(fresh, self._batch.options)
            self._looker.looked.connect(self._on_looked)
            self._looker.ended.connect(self._on_looked_all)
            self._looker.start()

    def _on_looked(self, item: Item, changes: dict[str, Any]) -> None:
        self._looked[self._key(item)] = changes
        if self._batch is None or self._session is not None:
            return
        for number, shown in enumerate(self.items):
            if self._key(shown) == self._key(item) and shown.state in OPEN:
                self.model.update(number, self._batch.update(number, **changes))

    def _on_looked_all(self) -> None:
        self._looker = None
        self._look()

    @staticmethod
    def _key(item: Item) -> Key:
        return item.source, item.given_axes, item.series

    def _on_changed(self, post: BatchPost) -> None:
        if self._batch is None:
            return
        for number, item in post.items.items():
            self._batch.items[number] = item
            self.model.update(number, item, post.shares.get(number))
        for number, share in post.shares.items():
            self.model.share(number, share)
        left = "" if math.isnan(post.remaining) else f"{duration(post.remaining)} left"
        self.follow(post.fraction, "Paused" if post.paused else left, self._batch.in_words, post.activity)
        self._enable()

    def _on_ended(self, outcome: BatchOutcome) -> None:
        session, self._session = self._session, None
        if session is None or outcome.kind == "abandoned":
            return
        self.end(1.0 if outcome.kind == "finished" else None)
        self.say(outcome.message, error=outcome.kind == "failed")
        self._enable()

    def _enable(self) -> None:
        """Let exactly those parts be used that mean something now."""
        running = self._session is not None
        self.edit(not running)
        self.start.setEnabled(not running and bool(self._inputs))
        self.save.setEnabled(bool(self._inputs))
        going = running and not self._session.control.stopping  # type: ignore[union-attr]
        self.pause.setEnabled(going)
        self.stop.setEnabled(going)
        self.cancel.setEnabled(running and not self._session.control.cancelled)  # type: ignore[union-attr]
        paused = running and self._session.control.paused  # type: ignore[union-attr]
        self.pause.setText("Resume" if paused else "Pause")
        self.show_report.setEnabled(self._report() is not None)

    def _report(self) -> Path | None:
        text = self.output.text().strip()
        page = Path(text) / "batch_report.html"
        return page if text and page.is_file() else None

    def _pause_or_resume(self) -> None:
        if self._session is not None:
            control = self._session.control
            if control.paused:
                control.resume()
            else:
                control.pause()
            self._enable()

    def _stop(self) -> None:
        if self._session is not None:
            self._session.control.stop()
            self.say("Stopping after the plane at work.")
            self._enable()

    def _cancel(self) -> None:
        if self._session is not None:
            self._session.control.cancel()
            self.say("Ending; planes that are finished are kept.")
            self._enable()

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


class _CloseWatcher(QObject):  # type: ignore[misc]
    """Notices that napari takes the widget out of its dock, which is how it closes one."""

    def __init__(self, widget: BatchWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._docked = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the parent of the widget."""
        if event.type() == QEvent.Type.ParentChange:
            parent = watched.parent()
            if self._docked and parent is None:
                self._widget.closed()
            self._docked = parent is not None
        return False
