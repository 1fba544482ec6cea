"""The field for a model: which one is applied instead of fitting, chosen from a file or dropped.

Saving models, and what a run does with one, belongs to the docks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from psygnal import Signal
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QFileDialog

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.files.model_file import ENDING, load_model
from napari_blindspot.widgets.shared.fields import button
from napari_blindspot.widgets.shared.native import TextLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from magicgui.widgets.bases import Widget

    from napari_blindspot.core.model import Model

__all__ = ["MODEL_FILES", "ModelRow", "take_dropped_models"]

MODEL_FILES = f"Models (*{ENDING})"
"""What a file dialog offers."""

NONE = "none: fit anew"


class ModelRow(Container[Any]):
    """Names the model, and has a button to choose one and another to do without.

    Parameters
    ----------
    none : str
        What is shown where there is none.
    **options
        As for all widgets of magicgui.

    Attributes
    ----------
    used : Signal
        There is another model, or none any more.
    failed : Signal
        Why a file cannot be used.
    model : Model or None
        What is to be applied.
    path : Path or None
        Its file.
    """

    used = Signal()
    failed = Signal(BlindspotError)

    def __init__(self, none: str = NONE, **options: Any) -> None:
        self._none = none
        self.model: Model | None = None
        self.path: Path | None = None
        self.title = TextLine()
        self.title.value = none
        self.choose = button("Use model…", "Apply what an earlier run has learned; nothing is fitted then.")
        self.drop = button("✕", "Do without the model.", visible=False)
        self.drop.native.setFixedWidth(28)
        super().__init__(
            widgets=[self.title, self.choose, self.drop], layout="horizontal", labels=False, **options
        )
        self.margins = (0, 0, 0, 0)
        self.choose.changed.connect(self._ask)
        self.drop.changed.connect(lambda _: self.use(None))

    def use(self, path: Path | None) -> None:
        """Apply the model of a file, or none; of a file that is no model, say so and change nothing."""
        model = None
        if path is not None:
            try:
                model = load_model(path)
            except BlindspotError as error:
                self.failed.emit(error)
                return
        self.model, self.path = model, path
        self.title.value = self._none if path is None else path.name
        self.title.tooltip = "" if model is None else model.in_words
        self.drop.visible = model is not None
        self.used.emit()

    def _ask(self, _: object = None) -> None:
        path, _ = QFileDialog.getOpenFileName(self.native, "Use a model", "", MODEL_FILES)
        if path:
            self.use(Path(path))


class _Drops(QObject):  # type: ignore[misc]
    """Passes on models that are dropped on a widget of Qt; everything else is left to the widget."""

    def __init__(self, parent: QObject, take: Callable[[Path], None]) -> None:
        super().__init__(parent)
        self._take = take

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Welcome model files."""
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return False
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        models = [path for path in paths if path.suffix.lower() == ENDING]
        if not models:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            self._take(models[0])
        return True


def take_dropped_models(widget: Widget, take: Callable[[Path], None]) -> None:
    """Call a function with the path of a model that is dropped on a widget."""
    widget.native.setAcceptDrops(True)
    widget.native.installEventFilter(_Drops(widget.native, take))
