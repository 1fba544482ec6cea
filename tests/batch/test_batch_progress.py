"""The share that is done and the time that is left, from the events of a batch."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from napari_blindspot.batch import Batch, BatchOptions, Item
from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.progress import BatchProgress
from napari_blindspot.core.events import Paused, Step
from napari_blindspot.jobs.record import FileRecord, PlaneRecord

PLANE = PlaneRecord(
    iterations=9, planned_iterations=9, passes=1, seconds=1.0, device="CPU", origin="anew", resolved={}
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def batch():
    """A stack of four planes, a plane of the same size, and a file that failed."""

    def item(name: str, **values) -> Item:
        return Item(Path(name), Path("out") / name, **values)

    items = [
        item("stack", shape=(4, 100, 100), plane_count=4),
        item("plane", shape=(100, 100), plane_count=1),
        item("torn", state="failed"),
    ]
    return Batch(BatchOptions(output="out"), items)


def change(batch, progress, number, *, finished=None, **changes):
    if finished is not None:
        changes["record"] = FileRecord(planes=[PLANE] * finished)
    progress.follow(ItemChanged(number, batch.update(number, **changes)))


def step(elapsed: float, remaining: float) -> PlaneWork:
    event = Step(iteration=1, iterations=9, losses={}, elapsed=elapsed, remaining=remaining)
    return PlaneWork(0, event)


def test_nothing_is_promised_before_anything_is_known(batch, clock):
    progress = BatchProgress(batch, clock)
    assert math.isnan(progress.total.remaining)
    change(batch, progress, 0, state="running")
    assert math.isnan(progress.total.remaining)
    assert progress.total.fraction == pytest.approx(0, abs=1e-3)


def test_the_first_plane_is_taken_for_the_measure_of_all(batch, clock):
    progress = BatchProgress(batch, clock)
    change(batch, progress, 0, state="running")
    progress.follow(step(elapsed=2, remaining=8))
    assert progress.total.file_fraction(0) == pytest.approx(0.2 / 4)
    assert progress.total.remaining == pytest.approx(4.8 * 10)


def test_finished_planes_are_a_better_measure(batch, clock):
    progress = BatchProgress(batch, clock)
    change(batch, progress, 0, state="running")
    clock.now = 6.0
    change(batch, progress, 0, finished=1)
    assert progress.total.remaining == pytest.approx(4 * 6)
    clock.now = 8.0
    change(batch, progress, 0, finished=2)
    assert progress.total.remaining == pytest.approx(3 * 4)
    assert progress.total.fraction == pytest.approx(0.4, abs=1e-3)


def test_planes_of_an_earlier_run_count_as_done_but_not_as_fast(batch, clock):
    progress = BatchProgress(batch, clock)
    change(batch, progress, 0, state="running", finished=3)
    clock.now = 5.0
    change(batch, progress, 0, finished=4)
    assert progress.total.remaining == pytest.approx(5)


def test_a_pause_is_no_work(batch, clock):
    progress = BatchProgress(batch, clock)
    change(batch, progress, 0, state="running")
    clock.now = 1.0
    progress.follow(step(1, 1))
    for clock.now in range(2, 100):
        progress.follow(PlaneWork(0, Paused(iteration=1)))
    assert progress.total.paused
    clock.now = 100.0
    change(batch, progress, 0, finished=1)
    assert progress.total.remaining == pytest.approx(4 * 2)


def test_a_failed_file_leaves_nothing_to_do(batch, clock):
    progress = BatchProgress(batch, clock)
    change(batch, progress, 0, state="running")
    clock.now = 6.0
    change(batch, progress, 0, finished=1)
    change(batch, progress, 0, state="failed")
    assert progress.total.remaining == pytest.approx(6)
    change(batch, progress, 1, state="done", finished=1)
    assert progress.total.fraction == pytest.approx(1.0)
    assert progress.total.remaining == 0.0
