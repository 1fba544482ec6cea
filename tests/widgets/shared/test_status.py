"""Progress over all planes, in numbers and words."""

from __future__ import annotations

import pytest

from napari_blindspot.core.events import Paused, Predicting, Step
from napari_blindspot.widgets.shared.status import Estimate, duration


def step(iteration: int, elapsed: float, remaining: float) -> Step:
    losses = {"denoising": 1.0, "inr": 1.0, "consistency": 1.0}
    return Step(iteration=iteration, iterations=100, elapsed=elapsed, remaining=remaining, **losses)


def test_the_fraction_is_that_of_the_time():
    estimate = Estimate(planes=1)
    estimate.follow(step(25, elapsed=10.0, remaining=30.0))
    assert estimate.fraction == pytest.approx(0.25)
    assert estimate.remaining == pytest.approx(30.0)
    assert estimate.activity_text == "Iteration 25 of 100"
    estimate.follow(Predicting(done=3, passes=4, elapsed=36.0, remaining=4.0))
    assert estimate.fraction == pytest.approx(0.9)
    assert estimate.activity_text == "Averaging 3 of 4"


def test_the_bar_never_runs_backwards():
    estimate = Estimate(planes=1)
    estimate.follow(step(1, elapsed=1.0, remaining=1.0))
    estimate.follow(step(2, elapsed=2.0, remaining=18.0))
    assert estimate.fraction == pytest.approx(0.5)


def test_the_planes_that_come_later_are_counted():
    estimate = Estimate(planes=4)
    estimate.plane_finished()
    estimate.follow(step(50, elapsed=5.0, remaining=5.0))
    assert estimate.fraction == pytest.approx(1.5 / 4)
    assert estimate.remaining == pytest.approx(5.0 + 2 * 10.0)
    assert estimate.activity_text == "Plane 2 of 4 · Iteration 50 of 100"


def test_a_pause_is_seen_and_ends():
    estimate = Estimate(planes=1)
    estimate.follow(Paused(iteration=3))
    assert estimate.paused
    estimate.follow(step(4, 1.0, 1.0))
    assert not estimate.paused


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (12.4, "12 s"), (70, "1 min"), (200, "3 min"), (3600, "60 min"), (9000, "2.5 h")],
)
def test_durations_have_no_more_digits_than_one_can_believe(seconds, words):
    assert duration(seconds) == words
