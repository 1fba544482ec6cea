"""Many fits in one napari: nothing grows."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from small import run_program

SOAK = Path(__file__).parent / "programs" / "soak.py"
MEGABYTE = 1 << 20


@pytest.mark.endurance
@pytest.mark.display
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count open files")
def test_many_fits_in_one_napari_leave_threads_files_and_widgets_as_they_were_and_little_in_memory(
    monkeypatch,
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fits = int(os.environ.get("BLINDSPOT_SOAK", "40"))
    said = run_program(SOAK, fits, os.environ.get("BLINDSPOT_SOAK_LINES", ""), timeout=3500).stdout
    lines = [json.loads(line) for line in said.splitlines()]
    assert len(lines) == fits
    # The first fits fill caches, of Qt, of napari and of torch.
    settled = lines[fits // 4 :]
    for what in ("threads", "files", "widgets"):
        assert settled[-1][what] <= settled[0][what], (what, settled[0], settled[-1])
    memory = np.array([line["memory"] for line in settled]) / MEGABYTE
    slope = np.polyfit(np.arange(len(memory)), memory, 1)[0]
    print(f"{slope * 1024:.0f} kB a fit; {memory[0]:.0f} MB, then {memory[-1]:.0f} MB")
    # Napari keeps a little of each layer; docs/hardening.md has the figures.
    assert slope < 0.5, f"{slope:.3f} MB a fit"
