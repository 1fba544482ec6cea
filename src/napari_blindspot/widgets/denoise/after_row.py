"""What is done with a result: look at it beside its input, and save it or its model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, Label, Slider
from psygnal import Signal
from qtpy.QtWidgets import QFileDialog

from napari_blindspot.api import save
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.files.model_file import ENDING
from napari_blindspot.files.names import stem
from napari_blindspot.widgets.denoise.before_after import Wipe, fit_contrast, result_of, results_meant, swap
from napari_blindspot.widgets.denoise.writer import write_results
from napari_blindspot.widgets.shared.background import Background
from napari_blindspot.widgets.shared.failures import failures_told
from napari_blindspot.widgets.shared.fields import button, row
from napari_blindspot.widgets.shared.layer_source import source_of
from napari_blindspot.widgets.shared.model_row import MODEL_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.viewer import Viewer

    from napari_blindspot.core.model import Model

__all__ = ["SWAP_KEY", "AfterRow"]

SWAP_KEY = "Alt-B"
"""Swaps input and result."""

ZIP = ".zip"
_ZOO = "BioImage Model Zoo (*.zip)"
_RESULTS = "OME-TIFF (*.ome.tif);;OME-Zarr (*.ome.zarr)"


class AfterRow(Container[Any]):
    """Buttons for the result in view; of them exactly those can be used that mean something.

    Parameters
    ----------
    viewer : Viewer
        Whose results are meant.

    Attributes
    ----------
    said : Signal
        What was done.
    failed : Signal
        Why something could not be done.
    model : Model or None
        What the last run has learned.
    """

    said = Signal(str)
    failed = Signal(BlindspotError)

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._model: Model | None = None
        self._wipe = Wipe(viewer)
        self._saving: Background | None = None
        self.swap = button("Before/after", f"Show the input in place of the result, and back ({SWAP_KEY}).")
        self.contrast = button("Fit contrast", "Fit the contrast to the result; the input gets the same.")
        self.line = Slider(max=100, tooltip="Show the input left of a line, the result right of it.")
        self.line.native.setMinimumWidth(40)
        self.save = button(
            "Save result…",
            "Write the result with its voxel size and record; several selected ones become the channels "
            "of one file.",
        )
        self.save_model = button("Save model…", "Write what was learned, to apply it to other images.")
        super().__init__(
            widgets=[
                row(self.swap, self.contrast),
                row(Label(value="Wipe"), self.line),
                row(self.save, self.save_model),
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        layers = viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.selection.events.active):
            event.connect(self.follow)
        self.swap.changed.connect(lambda _: self.swap_now())
        self.contrast.changed.connect(lambda _: self._try(lambda: fit_contrast(viewer)))
        self.line.changed.connect(lambda value: self._try(lambda: self._wipe.show(value / 100)))
        self.save.changed.connect(lambda _: self._ask_for_result())
        self.save_model.changed.connect(lambda _: self._ask_for_model())
        viewer.bind_key(SWAP_KEY, lambda _: self.swap_now(), overwrite=True)
        self.follow()

    @property
    def model(self) -> Model | None:
        """What the last run has learned."""
        return self._model

    @model.setter
    def model(self, model: Model | None) -> None:
        self._model = model
        self.follow()

    def follow(self, _: object = None) -> None:
        """Let those buttons be used that mean something now."""
        result = result_of(self._viewer)
        source = None if result is None else source_of(self._viewer, result)
        self.swap.enabled = self.line.enabled = source is not None
        self.contrast.enabled = result is not None
        self.save.enabled = result is not None and self._saving is None
        self.save_model.enabled = self._model is not None and self._saving is None

    def swap_now(self) -> None:
        """Show the input in place of the result, or the result again."""
        self.line.value = 0
        self._try(lambda: swap(self._viewer))

    def write_result(self, path: Path) -> None:
        """Write the result in view, or all that are selected as channels of one file, behind the screen."""
        results = results_meant(self._viewer)
        if not results or self._saving is not None:
            return
        layers = [(result.data, result.as_layer_data_tuple()[1]) for result in results]

        def work() -> Generator[str, None, None]:
            yield write_results(str(path), layers)

        self._save(", ".join(f"“{result.name}”" for result in results), work)

    def write_model(self, path: Path) -> None:
        """Write the model of the last run; as a ZIP for the BioImage Model Zoo, behind the screen."""
        model = self._model
        if model is None or self._saving is not None:
            return
        if path.suffix.lower() == ZIP:
            self._save("the model for the BioImage Model Zoo", lambda: _exported(model, path))
            return
        path = path if path.suffix.lower() == ENDING else path.with_name(path.name + ENDING)
        with failures_told(self.failed):
            save(model, path)
            self.said.emit(f"Saved {path}. {model.in_words}")

    def _save(self, what: str, work: Callable[[], Generator[str, None, None]]) -> None:
        """Write something behind the screen, and say so; `work` yields where it was written."""
        self._saving = saving = Background(
            f"Saving {what}",
            work,
            yielded=lambda written: self.said.emit(f"Saved {written}."),
            ended=lambda: self._saved(saving),
        )
        self.follow()
        self.said.emit(f"Saving {what}.")
        saving.start()

    def _saved(self, saving: Background) -> None:
        self._saving = None
        if isinstance(saving.error, BlindspotError):
            self.failed.emit(saving.error)
        self.follow()

    def _try(self, what: Any) -> None:
        with failures_told(self.failed):
            what()

    def _ask_for_result(self) -> None:
        result = result_of(self._viewer)
        if result is None:
            return
        source = source_of(self._viewer, result)
        beside = source.source.path if source is not None else None
        start = str(Path(beside).with_name(f"{stem(Path(beside).name)}_denoised.ome.tif")) if beside else ""
        start = start or f"{result.name}.ome.tif"
        path, _ = QFileDialog.getSaveFileName(self.native, "Save the result", start, _RESULTS)
        if path:
            self.write_result(Path(path))

    def _ask_for_model(self) -> None:
        start = f"{stem(self._model.fitted_to.name)}{ENDING}" if self._model else ""
        path, chosen = QFileDialog.getSaveFileName(
            self.native, "Save the model", start, f"{MODEL_FILES};;{_ZOO}"
        )
        if path:
            # Qt leaves the name as it was typed, also where another kind was chosen.
            wanted = Path(path)
            self.write_model(wanted.with_suffix(ZIP) if chosen == _ZOO else wanted)


def _exported(model: Model, path: Path) -> Generator[str, None, None]:
    from napari_blindspot.model_zoo import export_model

    export_model(model, path)
    yield f"{path}: the U-Net alone, for one plane at a time"
