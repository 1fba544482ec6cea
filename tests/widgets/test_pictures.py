"""Both widgets in a window that is really drawn: the pictures of the documentation, with real runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from small import run_program

pytestmark = [pytest.mark.display, pytest.mark.slow]

STATES = {
    "widget": ("advanced", "axes", "error", "finished", "half-way", "idle", "wipe"),
    "batch": ("empty", "finished", "opened", "running"),
    "tour": (
        "1-open",
        "2-before",
        "3-meanwhile",
        "4-before-after",
        "5-saved",
        "6-model",
        "7-batch",
        "8-done",
    ),
}


@pytest.mark.endurance
def test_runs_in_a_real_window_can_be_photographed_in_every_state(tmp_path):
    """A fit, a batch of five files of which one is damaged, and the tour."""
    themes = {"dark": "", "light": "-light"}
    program = Path(__file__).parent / "programs" / "pictures.py"
    run_program(program, "--quick", "--folder", tmp_path, *(f"--theme={theme}" for theme in themes))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        f"{widget}-{state}{ending}.png"
        for widget, states in STATES.items()
        for state in states
        for ending in themes.values()
    } | {"inspect-panels.png", "inspect-panels-light.png", "inspect-removed.png", "inspect-planes.png"}
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] >= 1000
            assert len(picture.convert("L").getcolors()) > 50
