"""Qt widgets as widgets of magicgui, for what it does not have: text that is cut, a message, a scroll area.

The docks are containers of magicgui, so that scripts can use them as any other; whatever only Qt can draw
enters them through `Native`. What a widget means belongs to the modules that use it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from magicgui.backends._qtpy.widgets import QBaseWidget
from magicgui.widgets import Label
from magicgui.widgets.bases import Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy
from superqt import QElidingLabel

__all__ = ["ERROR_ON_DARK", "ERROR_ON_LIGHT", "Message", "Native", "TextLine"]

ERROR_ON_DARK, ERROR_ON_LIGHT = "#ff9a8f", "#a8201a"
"""Colours of a message about something that went wrong, on napari's two backgrounds."""

Q = TypeVar("Q")


class Native(Widget, Generic[Q]):
    """A widget of magicgui that is drawn by a class of Qt.

    Parameters
    ----------
    kind : type
        Subclass of QWidget; it is made with the keyword ``parent`` alone.
    **options
        As for all widgets of magicgui: name, label, tooltip, visible, enabled.
    """

    def __init__(self, kind: type[Q], **options: Any) -> None:
        super().__init__(widget_type=QBaseWidget, backend_kwargs={"qwidg": kind}, **options)

    @property
    def native(self) -> Q:
        """The widget of Qt."""
        made: Q = super().native
        return made


class TextLine(Native[QElidingLabel]):
    """One line of text that is cut where it is too long, and never asks for width.

    Its height is fixed, so that nothing in a dock moves while numbers change.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(QElidingLabel, **options)
        # What a file says is shown as it is, not as HTML.
        self.native.setTextFormat(Qt.TextFormat.PlainText)
        self.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.native.setFixedHeight(self.native.fontMetrics().height() + 4)

    @property
    def value(self) -> str:
        """The text."""
        return str(self.native.text())

    @value.setter
    def value(self, text: str) -> None:
        self.native.setText(text)


class Message(Label):
    """A sentence for the user that wraps, in another colour if something went wrong.

    Attributes
    ----------
    is_error : bool
        Whether it says that something went wrong.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.is_error = False
        self._error_color = ERROR_ON_DARK
        self.native.setWordWrap(True)
        self.native.setTextFormat(Qt.TextFormat.PlainText)
        self.native.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.native.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence."""
        self.is_error = error
        self.native.setStyleSheet(f"color: {self._error_color};" if error else "")
        self.value = message

    def set_dark(self, dark: bool) -> None:
        """Take a colour that can be read on napari's background."""
        self._error_color = ERROR_ON_DARK if dark else ERROR_ON_LIGHT
        self.say(self.value, error=self.is_error)
