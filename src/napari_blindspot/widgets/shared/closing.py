"""Noticing that a widget leaves the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from magicgui.widgets.bases import Widget

__all__ = ["when_undocked"]


def when_undocked(widget: Widget, closed: Callable[[], None]) -> None:
    """Call a function when napari takes a widget out of its dock, which is how it closes one."""
    docked = False

    def follow(parent: object) -> None:
        nonlocal docked
        if docked and parent is None:
            closed()
        docked = parent is not None

    widget.native_parent_changed.connect(follow)
