"""Two runs that want to write one output: the second says so at once, and nothing is lost."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from forked import start_program
from lasting import lasting
from napari_blindspot.batch import run_batch
from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import ImageFile, read_image, write_ome_tiff
from napari_blindspot.samples import z_stack

if TYPE_CHECKING:
    from pathlib import Path

STACK = z_stack((3, 32, 32)).noisy


@pytest.fixture
def folder(tmp_path, short, monkeypatch) -> Path:
    """Two stacks, and settings of a moment and of a little longer a plane."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("one.tif", "two.tif"):
        write_ome_tiff(tmp_path / "data" / name, ImageFile(STACK, "ZYX"))
    (tmp_path / "short.json").write_text(short.model_dump_json())
    (tmp_path / "slow.json").write_text(lasting(15).model_dump_json())
    return tmp_path


@contextlib.contextmanager
def at_work(folder: Path, *words: str):
    """A command line in a process of its own that has finished a plane and is at work on the next one.

    There it is held, so that it cannot end meanwhile.
    """
    with start_program(folder, *words) as process:
        try:
            while not list((folder / "out").rglob("plane-000000.json")):
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.01)
            psutil.Process(process.pid).suspend()
            assert process.poll() is None, "the run was too fast for this test"
            yield process
        finally:
            process.kill()


def call(*words: str):
    return CliRunner().invoke(app, words)


def contents(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.startswith(("plane-", ".plane-"))}


@pytest.mark.slow
def test_a_second_run_on_the_same_results_ends_at_once_and_the_first_goes_on_to_its_end(folder):
    words = ("batch", "data", "-o", "out", "--settings", "slow.json")
    with at_work(folder, *words) as first:
        before = contents(folder)
        batch = call("batch", "data", "-o", "out", "--settings", "short.json", "--overwrite")
        denoise = call("denoise", "data/one.tif", "-o", "out/one_denoised.ome.tif", "--overwrite")
        assert contents(folder) == before
        psutil.Process(first.pid).resume()
        said = first.stderr.read()
        assert first.wait(60) == 0, said
    assert batch.exit_code == 2
    assert denoise.exit_code == 2
    owner = f"is in use by another run (process {first.pid} on "
    assert f"The output folder {folder / 'out'} {owner}" in batch.stderr
    assert f"The output out/one_denoised.ome.tif {owner}" in denoise.stderr
    alone = call("batch", "data", "-o", "alone", "--settings", "slow.json")
    assert alone.exit_code == 0
    for name in ("one_denoised.ome.tif", "two_denoised.ome.tif"):
        pixels = (read_image(folder / out / name).array for out in ("out", "alone"))
        assert np.array_equal(*pixels)
    assert {path.name for path in (folder / "out").iterdir()} == {
        *("one_denoised.ome.tif", "two_denoised.ome.tif", "batch_report.csv", "batch_report.html")
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_a_batch_does_the_other_files_and_after_a_kill_the_last_one_without_cleaning(folder):
    (folder / "out").mkdir()
    output = ("-o", "out/one_denoised.ome.tif", "--settings", "slow.json")
    batch = ("batch", "data", "-o", "out", "--settings", "short.json")
    with at_work(folder, "denoise", "data/one.tif", *output) as first:
        beside = call(*batch)
        first.kill()
        first.wait()
        after = call(*batch)
    assert beside.exit_code == 1
    assert "1 of 2 files done, 1 failed." in beside.stderr
    (failed,) = [line for line in beside.stderr.splitlines() if line.startswith("Failed: ")]
    assert f"one_denoised.ome.tif is in use by another run (process {first.pid} on " in failed
    assert after.exit_code == 0, after.stderr
    assert "2 of 2 files done." in after.stderr


def test_two_batches_of_one_process_do_not_mix_either(plan, data):
    batch = plan(data / "plane.ome.tif")
    running = run_batch(batch)
    next(running)
    second = plan(data / "plane.ome.tif", existing="overwrite")
    with pytest.raises(FileError, match="wait until that has ended, or choose another one"):
        next(run_batch(second))
    assert second.items[0].state == "waiting"
    for _ in running:
        pass
    assert batch.items[0].state == "done"
