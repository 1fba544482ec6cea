"""What the widget shows of a run: bar, two lines of progress, the curve, and a message.

Lines have a fixed height and never ask for width, so that nothing in the dock moves while numbers change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_blindspot.widgets.curve import LossCurve
from napari_blindspot.widgets.status import duration

if TYPE_CHECKING:
    from napari_blindspot.widgets.status import Estimate
    from napari_blindspot.widgets.work import Post

__all__ = ["RunPanel"]

ERROR_ON_DARK, ERROR_ON_LIGHT = "#ff9a8f", "#a8201a"


class RunPanel(QWidget):  # type: ignore[misc]
    """Shows the progress of a run and how it ended."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.activity = _line()
        self.machine = _line()
        self.curve = LossCurve()
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._error_color = ERROR_ON_DARK
        self._is_error = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.bar, self.activity, self.machine, self.curve, self.message):
            layout.addWidget(part)

    @property
    def is_error(self) -> bool:
        """Whether the message says that something went wrong."""
        return self._is_error

    def set_theme(self, text: str, dark: bool) -> None:
        """Take colours that can be read on napari's background."""
        self._error_color = ERROR_ON_DARK if dark else ERROR_ON_LIGHT
        self.curve.set_theme(text, dark)
        self.say(self.message.text(), error=self._is_error)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence below the curve."""
        self._is_error = error
        self.message.setStyleSheet(f"color: {self._error_color};" if error else "")
        self.message.setText(message)

    def begin(self) -> None:
        """Get ready for a run."""
        self.curve.clear()
        self.bar.setValue(0)
        self.activity.setText("Starting")
        self.machine.setText("")
        self.say("")

    def follow(self, estimate: Estimate, device: str, post: Post) -> None:
        """Show how far a run is."""
        self.bar.setValue(round(1000 * estimate.fraction))
        self.activity.setText(estimate.activity_text)
        left = "" if estimate.remaining is None else f"{duration(estimate.remaining)} left"
        state = "Paused" if estimate.paused else left
        self.machine.setText(" · ".join(part for part in (state, device) if part))
        self.curve.add(post.steps)

    def end(self, kind: str, device: str = "") -> None:
        """Show that nothing runs any more, and how the run ended."""
        self.bar.setValue(1000 if kind == "finished" else 0)
        self.activity.setText(kind.capitalize())
        self.machine.setText(device)


def _line() -> QElidingLabel:
    """Return one line of text that never asks for width."""
    label = QElidingLabel()
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    label.setFixedHeight(label.fontMetrics().height() + 4)
    return label
