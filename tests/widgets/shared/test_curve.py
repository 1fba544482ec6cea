"""The loss curve: what it keeps, and that it is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_blindspot.core.events import Step
from napari_blindspot.widgets.shared.curve import MOST_POINTS, LossCurve


def steps(first: int, last: int, inr: float = 0.5) -> list[Step]:
    return [
        Step(
            iteration=i,
            iterations=last,
            losses={"denoising": 1.0 / i, "inr": inr, "consistency": 0.1},
            elapsed=1.0,
            remaining=1.0,
        )
        for i in range(first, last + 1)
    ]


@pytest.fixture
def curve(qtbot) -> LossCurve:
    curve = LossCurve()
    qtbot.addWidget(curve)
    curve.resize(240, 96)
    return curve


def colors(curve: LossCurve) -> set[int]:
    image = curve.grab().toImage()
    return {image.pixel(x, y) for x in range(image.width()) for y in range(30, image.height())}


def test_losses_are_drawn_and_cleared(curve):
    empty = len(colors(curve))
    curve.add(steps(1, 50))
    assert len(colors(curve)) > empty + 10
    curve.clear()
    assert len(colors(curve)) == empty


def test_a_loss_that_is_switched_off_or_zero_does_no_harm(curve):
    curve.add(steps(1, 10, inr=math.nan))
    curve.add(steps(11, 20, inr=0.0))
    assert len(colors(curve)) > 10


def test_a_long_run_is_thinned_and_still_reaches_its_end(curve):
    curve.add(steps(1, 5 * MOST_POINTS))
    assert MOST_POINTS / 4 < curve.points <= MOST_POINTS
    iterations = np.array([point[0] for point in curve._points])
    assert iterations[-1] > 0.99 * 5 * MOST_POINTS
    assert (np.diff(iterations) > 0).all()


def test_the_next_plane_begins_a_new_curve(curve):
    curve.add(steps(1, 30))
    curve.add(steps(1, 3))
    assert curve.points == 3


def test_a_fit_that_repeats_its_iteration_while_it_predicts_keeps_its_curve(curve):
    curve.add(steps(1, 20))
    curve.add(2 * steps(20, 20))
    assert curve.points == 20
