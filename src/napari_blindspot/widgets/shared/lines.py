"""Lines of text that fit into any dock: one line that is cut, and a message that wraps."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy
from superqt import QElidingLabel

__all__ = ["ERROR_ON_DARK", "ERROR_ON_LIGHT", "Message", "line"]

ERROR_ON_DARK, ERROR_ON_LIGHT = "#ff9a8f", "#a8201a"


class Message(QLabel):  # type: ignore[misc]
    """A sentence for the user, in another colour if something went wrong.

    Attributes
    ----------
    is_error : bool
        Whether it says that something went wrong.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_error = False
        self._error_color = ERROR_ON_DARK
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence."""
        self.is_error = error
        self.setStyleSheet(f"color: {self._error_color};" if error else "")
        self.setText(message)

    def set_dark(self, dark: bool) -> None:
        """Take a colour that can be read on napari's background."""
        self._error_color = ERROR_ON_DARK if dark else ERROR_ON_LIGHT
        self.say(self.text(), error=self.is_error)


def line() -> QElidingLabel:
    """Return one line of text that never asks for width."""
    label = QElidingLabel()
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    label.setFixedHeight(label.fontMetrics().height() + 4)
    return label
