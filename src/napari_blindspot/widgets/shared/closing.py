"""Noticing that a widget leaves the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

__all__ = ["CloseWatcher"]


class CloseWatcher(QObject):  # type: ignore[misc]
    """Notices that napari takes a widget out of its dock, which is how it closes one.

    Parameters
    ----------
    widget : QWidget
        That may be put into a dock.
    closed : callable
        Called when it is taken out.
    """

    def __init__(self, widget: QWidget, closed: Callable[[], None]) -> None:
        super().__init__(widget)
        self._closed = closed
        self._docked = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the parent of the widget."""
        if event.type() == QEvent.Type.ParentChange:
            parent = watched.parent()
            if self._docked and parent is None:
                self._closed()
            self._docked = parent is not None
        return False
