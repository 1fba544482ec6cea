"""Processes that are killed without warning, again and again: nothing is lost and nothing is half."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forked import exit_after_batch, server, write_job
from napari_blindspot.files.door import read_image

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9 and no fork"),
]


@pytest.fixture(scope="module")
def start():
    """Start the batch in a process that has done one before, so that a moment hits the work."""
    # The first process waits until the server has done that batch.
    ready = server().Process(target=int)
    ready.start()
    ready.join()

    def begin(folder: Path) -> BaseProcess:
        process = server().Process(target=exit_after_batch, args=(folder,))
        process.start()
        return process

    return begin


def pixels(folder: Path) -> dict[str, np.ndarray]:
    """Read every file that is there under the name of a result."""
    return {
        str(path.relative_to(folder)): read_image(path).array for path in sorted(folder.rglob("*.ome.tif"))
    }


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, array in found.items():
        assert np.array_equal(array, expected[name]), name


def stage(out: Path) -> tuple[int, int]:
    """How many results there are, and how many planes of unfinished ones."""
    while True:
        try:
            return len(list(out.rglob("*.ome.tif"))), len(list(out.rglob("plane-*.json")))
        except FileNotFoundError:
            # The folder of the planes of a result that is finished goes while it is searched.
            continue


@pytest.fixture
def left_alone(start, data, tmp_path, short, stack_start):
    """The pixels of a run that nobody kills and the seconds that it takes; its results are gone again."""
    (data / "broken.tif").unlink()
    write_job(tmp_path, short.model_copy(update={"stack_start": stack_start}))
    out = tmp_path / "out"
    begin = time.monotonic()
    alone = start(tmp_path)
    alone.join()
    length = time.monotonic() - begin
    assert alone.exitcode == 0, (tmp_path / "log.txt").read_text()
    expected = pixels(out)
    assert len(expected) == 2
    shutil.rmtree(out)
    return expected, length


def assert_ends_well(start, folder: Path, expected: dict[str, np.ndarray]) -> None:
    """Let a last run go on to its end: the same pixels, and nothing else is left."""
    last = start(folder)
    last.join()
    assert last.exitcode == 0
    found = pixels(folder / "out")
    assert found.keys() == expected.keys()
    assert_same(found, expected)
    names = {path.name for path in (folder / "out").rglob("*") if path.is_file()}
    assert names == {*(Path(name).name for name in expected), "batch_report.csv", "batch_report.html"}


@pytest.mark.parametrize("stack_start", ["warm", "shared"])
def test_after_a_kill_at_every_stage_the_result_is_that_of_a_run_that_was_left_alone(
    start, tmp_path, left_alone, stack_start
):
    expected, length = left_alone
    out = tmp_path / "out"
    moments = random.Random(stack_start)
    stages = set()
    while stage(out)[0] < len(expected):
        process = start(tmp_path)
        begun = stage(out)
        # The first is killed before anything is kept, each other one soon after it has kept something new.
        while stages and process.exitcode is None and stage(out) == begun:
            time.sleep(0.002)
        process.join(moments.uniform(0.0, 0.05) * length)
        if process.exitcode is None:
            process.kill()
            process.join()
        else:
            assert process.exitcode == 0
        found = pixels(out)
        assert_same(found, expected)
        stages.add(stage(out))
    # Kills that all hit one stage, such as the start of the program, would prove little.
    assert len(stages) >= 3, stages
    assert_ends_well(start, tmp_path, expected)


@pytest.mark.endurance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("stack_start", "share"), [("warm", 0.8), ("shared", 0.2)])
def test_after_kills_at_random_moments_the_result_is_that_of_a_run_that_was_left_alone(
    start, tmp_path, left_alone, stack_start, share
):
    expected, length = left_alone
    kills = round(share * int(os.environ.get("BLINDSPOT_KILLS", "25")))
    out = tmp_path / "out"
    moments = random.Random(stack_start)
    stages = set()
    killed = 0
    while killed < kills:
        process = start(tmp_path)
        process.join(moments.uniform(0.02, 0.8) * length)
        if process.exitcode is None:
            process.kill()
            process.join()
            killed += 1
        else:
            assert process.exitcode == 0
            assert pixels(out).keys() == expected.keys()
        found = pixels(out)
        assert_same(found, expected)
        stages.add(stage(out))
        if found.keys() == expected.keys():
            shutil.rmtree(out)
    # Kills that all hit one stage, such as the start of the program, would prove little.
    assert len(stages) >= (3 if kills > 10 else 2), stages
    print(f"{killed} kills at {len(stages)} stages")
    assert_ends_well(start, tmp_path, expected)
