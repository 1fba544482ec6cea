"""The noise of the next plane of a stack is measured while a plane is fitted, which changes no pixel."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_blindspot import Settings
from napari_blindspot.core.errors import ImageError, OutOfMemoryError
from napari_blindspot.core.events import Finished
from napari_blindspot.engine import first_look
from napari_blindspot.samples import z_stack
from napari_blindspot.stack import fit_stack

SHORT = Settings.from_preset("fast", device="cpu", iterations=4, refine_iterations=(4,), symmetries=1)
STACK = z_stack((4, 48, 48)).noisy


@pytest.fixture
def threads(monkeypatch):
    """Let a run have two threads, and note on which of them each plane is looked at."""
    monkeypatch.setattr(first_look, "threads_of_a_run", lambda: 2)
    look_first, seen = first_look._planned, []

    def noted(run, measurement):
        seen.append(threading.current_thread().name)
        return look_first(run, measurement)

    monkeypatch.setattr(first_look, "_planned", noted)
    return seen


def planes(array: np.ndarray, settings: Settings = SHORT) -> list[Finished]:
    return [event for event in fit_stack(array, settings, axes="ZYX") if isinstance(event, Finished)]


def test_all_planes_but_the_first_are_looked_at_ahead_to_the_same_pixels(threads, monkeypatch):
    ahead = planes(STACK)
    assert [name.startswith("napari-blindspot-ahead") for name in threads] == [False, True, True, True]
    monkeypatch.setattr(first_look, "threads_of_a_run", lambda: 1)
    threads.clear()
    in_turn = planes(STACK)
    assert not any(name.startswith("napari-blindspot-ahead") for name in threads)
    for one, other in zip(ahead, in_turn, strict=True):
        assert np.array_equal(one.result.denoised, other.result.denoised)
        assert one.result.neighbours == other.result.neighbours
        assert one.result.notices == other.result.notices


def test_a_large_plane_is_looked_at_in_its_turn(threads, monkeypatch):
    monkeypatch.setattr(first_look, "LARGEST_AHEAD", 48**2 - 1)
    planes(STACK[:2])
    assert not any(name.startswith("napari-blindspot-ahead") for name in threads)


def test_what_is_wrong_with_the_next_plane_is_said_in_its_turn(threads):
    broken, done = STACK.astype(np.float32), []
    broken[2, 4, 5] = np.inf
    with pytest.raises(ImageError, match=r"^Plane Z=2: The image has 1 infinite pixel"):
        for event in fit_stack(broken, SHORT, axes="ZYX"):
            done += [event.plane] * isinstance(event, Finished)
    assert done == [(0,), (1,)]


def test_a_look_that_fails_is_the_failure_of_its_plane(threads, monkeypatch):
    measure, done = first_look.measure, []

    def torn(run):
        if np.array_equal(run.plane, STACK[2]):
            raise MemoryError
        return measure(run)

    monkeypatch.setattr(first_look, "measure", torn)
    with pytest.raises(OutOfMemoryError, match="plane does not fit into memory"):
        for event in fit_stack(STACK, SHORT, axes="ZYX"):
            done += [event.plane] * isinstance(event, Finished)
    assert done == [(0,), (1,)]
