"""Both widgets in a window that is really drawn: the pictures of the documentation, with real runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from small import run_program

pytestmark = [pytest.mark.display, pytest.mark.slow]

STATES = {
    "widget": ("advanced", "error", "finished", "half-way", "idle"),
    "batch": ("empty", "finished", "opened", "running"),
}


def test_runs_in_a_real_window_can_be_photographed_in_every_state_and_theme(tmp_path):
    """A fit, and a batch of five files of which one is damaged."""
    run_program(Path(__file__).parent / "programs" / "pictures.py", "--quick", "--folder", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        f"{widget}-{state}{theme}.png"
        for widget, states in STATES.items()
        for state in states
        for theme in ("", "-light")
    }
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] >= 1000
            assert len(picture.convert("L").getcolors()) > 50
