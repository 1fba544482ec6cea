"""What the docks know of napari's theme."""

from types import SimpleNamespace

import pytest
from qtpy.QtGui import QColor

from napari_blindspot.widgets.shared.theme import is_dark, text_colour


@pytest.mark.parametrize(("theme", "dark"), [("dark", True), ("light", False)])
def test_text_is_bright_on_a_dark_theme_and_dark_on_a_bright_one(theme, dark):
    viewer = SimpleNamespace(theme=theme)
    assert is_dark(viewer) == dark
    assert (QColor(text_colour(viewer)).lightness() > 128) == dark
