"""Which of napari's themes a viewer has, as far as the docks draw something themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor

if TYPE_CHECKING:
    import napari

__all__ = ["background_colour", "is_dark", "text_colour"]

_MIDDLE = 128
"""Of the lightnesses of Qt, from 0 to 255."""


def is_dark(viewer: napari.Viewer) -> bool:
    """Whether the background of the docks is dark; not in all versions of napari does a theme say so."""
    background = QColor(get_theme(viewer.theme).background.as_hex())
    return bool(background.lightness() < _MIDDLE)


def background_colour(viewer: napari.Viewer) -> str:
    """Return the colour of the docks, as #rrggbb."""
    return str(QColor(get_theme(viewer.theme).background.as_hex()).name())


def text_colour(viewer: napari.Viewer) -> str:
    """Return the colour of text, as #rrggbb or shorter."""
    return str(get_theme(viewer.theme).text.as_hex())
