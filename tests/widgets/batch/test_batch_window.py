"""The batch widget in a window that is really drawn."""

from __future__ import annotations

import pytest
from PIL import Image
from small import ROOT, run_program

pytestmark = [pytest.mark.display, pytest.mark.slow]


def test_five_files_go_through_a_real_window_and_can_be_photographed(tmp_path):
    run_program(ROOT / "docs" / "batch_screenshots.py", "--quick", "--folder", tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    states = ("empty", "finished", "opened", "running")
    assert names == sorted(f"batch-{state}{theme}.png" for state in states for theme in ("", "-light"))
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] >= 1000
            assert len(picture.convert("L").getcolors()) > 50
