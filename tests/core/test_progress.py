"""The share that is done and the time that is left, from the events of fits."""

from __future__ import annotations

import math

import pytest

from napari_blindspot.core.events import Paused, Predicting, Step
from napari_blindspot.core.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def step(iteration: int = 1, *, elapsed: float, remaining: float) -> Step:
    return Step(iteration=iteration, iterations=100, losses={}, elapsed=elapsed, remaining=remaining)


def test_the_fraction_of_a_plane_is_that_of_the_time():
    progress = Progress(1)
    progress.follow(step(25, elapsed=10.0, remaining=30.0))
    assert progress.fraction == pytest.approx(0.25)
    assert progress.remaining == pytest.approx(30.0)
    assert (progress.plane(), progress.activity) == ("", "iteration 25/100")
    progress.follow(Predicting(done=3, passes=4, elapsed=36.0, remaining=4.0))
    assert progress.fraction == pytest.approx(0.9)
    assert progress.activity == "averaging pass 3/4"


def test_the_fraction_never_falls():
    progress = Progress(1)
    progress.follow(step(1, elapsed=1.0, remaining=1.0))
    progress.follow(step(2, elapsed=2.0, remaining=18.0))
    assert progress.fraction == pytest.approx(0.5)
    progress.expect(9, file=1)
    assert progress.fraction == pytest.approx(0.5)


def test_the_first_plane_is_the_measure_of_those_that_come_later():
    progress = Progress(4)
    progress.follow(step(50, elapsed=5.0, remaining=5.0))
    assert progress.fraction == pytest.approx(0.5 / 4)
    assert progress.remaining == pytest.approx(5.0 + 3 * 10.0)
    assert progress.plane() == "plane 1 of 4"


def test_planes_that_are_finished_are_a_better_measure_than_the_one_at_work(clock):
    progress = Progress(4, clock=clock)
    progress.begin()
    clock.now = 6.0
    progress.finish(1)
    progress.follow(step(50, elapsed=5.0, remaining=5.0))
    assert progress.fraction == pytest.approx(1.5 / 4)
    assert progress.remaining == pytest.approx(5.0 + 2 * 6.0)
    assert progress.plane() == "plane 2 of 4"


def test_a_large_plane_counts_for_more_than_a_small_one():
    progress = Progress()
    progress.expect(1, 300.0, file=0)
    progress.expect(1, 100.0, file=1)
    progress.follow(step(elapsed=2.0, remaining=2.0), file=1)
    assert progress.fraction == pytest.approx(0.125)
    assert progress.file_fraction(1) == pytest.approx(0.5)
    assert progress.remaining == pytest.approx(2.0 + 3 * 4.0)


def test_a_pause_is_seen_and_counts_as_no_work(clock):
    progress = Progress(2, clock=clock)
    progress.begin()
    clock.now = 1.0
    progress.follow(step(elapsed=1.0, remaining=1.0))
    for clock.now in range(2, 100):
        progress.follow(Paused(iteration=1))
    assert progress.paused
    clock.now = 100.0
    progress.follow(step(elapsed=2.0, remaining=0.0))
    assert not progress.paused
    progress.finish(1)
    assert progress.remaining == pytest.approx(2.0)


def test_nobody_knows_the_time_left_before_the_first_step_and_nothing_is_left_at_the_end(clock):
    progress = Progress(2, clock=clock)
    assert math.isnan(progress.remaining)
    progress.begin()
    clock.now = 3.0
    progress.finish(2)
    assert (progress.fraction, progress.remaining) == (1.0, 0.0)


def test_a_file_that_is_given_up_leaves_nothing_to_do(clock):
    progress = Progress(clock=clock)
    progress.expect(4, file=0)
    progress.expect(1, file=1)
    progress.begin()
    clock.now = 2.0
    progress.finish(1, file=0)
    progress.expect(1, finished=1, file=0)
    assert progress.fraction == pytest.approx(0.5)
    assert progress.remaining == pytest.approx(2.0)
