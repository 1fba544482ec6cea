"""Ctrl-C on real processes: stop and keep, cancel, and what becomes of a stack."""

from __future__ import annotations

import re
import signal
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from forked import Program, start_program
from napari_blindspot.files.door import ImageFile, Spacing, read_image, write_ome_tiff
from napari_blindspot.samples import confocal, z_stack
from napari_blindspot.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles"),
]


@pytest.fixture
def start(tmp_path, tiny):
    """Start a denoising that would take hours, in the test's folder."""
    endless = tiny.model_copy(update={"iterations": 1_000_000, "passes": 100})
    (tmp_path / "endless.json").write_text(endless.model_dump_json())

    @contextmanager
    def begin(*arguments: str):
        with start_program(tmp_path, "denoise", *arguments) as process:
            try:
                yield process
            finally:
                process.kill()

    return begin


def wait_for(process: Program, words: str) -> None:
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"the program ended without saying {words!r}")


def test_ctrl_c_keeps_the_best_result_so_far(start, tmp_path):
    image = confocal((64, 64)).noisy
    write_ome_tiff(tmp_path / "cells.tif", ImageFile(image, "YX"))
    with start("cells.tif", "--settings", "endless.json") as process:
        wait_for(process, "iteration")
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 0
    assert "Stopping; the best result so far is kept" in said
    assert "of 1000000 iterations; the result is kept." in said
    written = read_image(tmp_path / "cells_denoised.ome.tif").array
    assert written.shape == image.shape
    assert np.isfinite(written).all()


def test_a_stop_in_the_refinement_says_how_many_iterations_were_planned_in_all(start, tmp_path):
    small = {"unet_width": 4, "inr_features": 8, "symmetries": 1, "device": "cpu"}
    endless = Settings.from_preset("fast", iterations=4, refine_iterations=(1_000_000,), **small)
    (tmp_path / "refining.json").write_text(endless.model_dump_json())
    write_ome_tiff(tmp_path / "cells.tif", ImageFile(confocal((64, 64)).noisy, "YX"))
    with start("cells.tif", "--settings", "refining.json") as process:
        at = 0
        while at <= 4:
            at = max(map(int, re.findall(r"iteration (\d+)/", process.stderr.readline())), default=at)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 0
    run, planned = map(int, re.search(r"Stopped after (\d+) of (\d+) iterations", said).groups())
    assert 4 < run < planned == 1_000_004


def test_a_second_ctrl_c_discards_the_result(start, tmp_path):
    write_ome_tiff(tmp_path / "cells.tif", ImageFile(confocal((256, 256)).noisy, "YX"))
    before = sorted(tmp_path.iterdir())
    with start("cells.tif", "--settings", "endless.json") as process:
        wait_for(process, "iteration")
        process.send_signal(signal.SIGINT)
        wait_for(process, "Stopping")
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert said.splitlines()[-1] == "Cancelled; nothing was written."
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("dtype", ["float32", "input"])
def test_of_a_stopped_stack_the_finished_planes_are_kept_under_another_name(start, tmp_path, tiny, dtype):
    stack = z_stack((3, 64, 64)).noisy
    stack[0] = 50  # a blank plane needs no fit, so the second one is reached at once
    spacing = {axis: Spacing(0.2, "µm") for axis in "ZYX"}
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "ZYX", spacing))
    with start("s.ome.tif", "--settings", "endless.json", "--dtype", dtype) as process:
        wait_for(process, "plane 2 of 3  iteration")
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert "Only 2 of 3 planes have a result; they were written to s_denoised_partial.ome.tif" in said
    assert not (tmp_path / "s_denoised.ome.tif").exists()
    kept = read_image(tmp_path / "s_denoised_partial.ome.tif")
    assert (kept.array.dtype, kept.axes, kept.spacing) == (np.float32, "ZYX", spacing)
    assert (kept.array[0] == 50).all()
    assert np.isfinite(kept.array[1]).all()
    assert np.isnan(kept.array[2]).all()
