"""What the widget shows of a run: bar, two lines of progress, the curve, and a message.

Lines have a fixed height and never ask for width, so that nothing in the dock moves while numbers change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_blindspot.widgets.shared.curve import LossCurve
from napari_blindspot.widgets.shared.lines import Message, line
from napari_blindspot.widgets.shared.status import duration

if TYPE_CHECKING:
    from napari_blindspot.widgets.denoise.work import Post
    from napari_blindspot.widgets.shared.status import Estimate

__all__ = ["RunPanel"]


class RunPanel(QWidget):  # type: ignore[misc]
    """Shows the progress of a run and how it ended."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.activity, self.machine = line(), line()
        self.curve = LossCurve()
        self.message = Message()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.bar, self.activity, self.machine, self.curve, self.message):
            layout.addWidget(part)

    @property
    def is_error(self) -> bool:
        """Whether the message says that something went wrong."""
        return self.message.is_error

    def set_theme(self, text: str, dark: bool) -> None:
        """Take colours that can be read on napari's background."""
        self.curve.set_theme(text, dark)
        self.message.set_dark(dark)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence below the curve."""
        self.message.say(message, error=error)

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
