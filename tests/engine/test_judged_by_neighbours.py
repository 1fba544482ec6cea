"""Where noise is correlated, planes before are judged by the plane after, whose noise is its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot import Settings
from napari_blindspot.core.control import Control
from napari_blindspot.engine.measurement import measure
from napari_blindspot.engine.neighbour_choice import _Blind, choose_neighbours
from napari_blindspot.engine.run import RunInput, Watch
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.samples import confocal

COUNT, SIDE = 5, 128


def frames(drift: int) -> np.ndarray:
    """Return a scene under noise as a wide-field camera's, (T, Y, X); it moves on by so many pixels."""
    scene = confocal((SIDE + 60, SIDE + 60)).truth.astype(float)
    scene = 30 * scene / scene.max() + 5
    rng = np.random.default_rng(2)
    shown = []
    for number in range(COUNT):
        place = 30 + drift * (number - COUNT // 2)
        still = scene[place : place + SIDE, 30 : 30 + SIDE]
        noise = gaussian_filter(rng.standard_normal(still.shape), 0.9)
        shown.append(still + 1.5 * np.sqrt(still) * noise / noise.std())
    return np.asarray(shown, np.float32)


def looked_at(stack: np.ndarray, others: list[int]) -> tuple[RunInput, _Blind, np.ndarray, object, object]:
    """Return a run on the middle plane beside some others, and what is compared there."""
    settings = Settings.from_preset("fast", device="cpu")
    absent = np.full(stack.shape[1:], np.nan, np.float32)
    middle = COUNT // 2
    beside = [stack[n] if n in others else absent for n in range(COUNT) if n != middle]
    watch = Watch(Control(), None)
    run = RunInput(stack[middle], settings, torch.device("cpu"), watch, beside, (), 0, False)
    measurement = measure(run)
    plan = make_plan(measurement.observed, measurement.noise, settings)
    assert plan.correlated
    return run, _Blind(run, measurement, plan), measurement.beside.unmoved, measurement, plan


@pytest.mark.parametrize(
    ("drift", "others", "helps"),
    [(0, [0, 1, 3, 4], True), (2, [0, 1, 3, 4], False), (0, [3, 4], False), (0, [], False)],
    ids=["still", "moving", "one side", "none"],
)
def test_planes_help_if_those_of_each_side_foretell_the_other_side(drift, others, helps):
    _, blind, planes, *_ = looked_at(frames(drift), others)
    assert blind.foretells(blind.predict(None), planes) is helps


def test_they_are_looked_at_although_hidden_pixels_praise_the_noise_that_was_learned(monkeypatch):
    run, _, _, measurement, plan = looked_at(frames(0), [0, 1, 3, 4])
    assert choose_neighbours(run, measurement, plan).beside.count == 4
    monkeypatch.setattr("napari_blindspot.engine.neighbour_choice._Gain.exceeds", lambda gain, least: False)
    assert choose_neighbours(run, measurement, plan).beside.count == 4
    monkeypatch.setattr(_Blind, "foretells", lambda blind, alone, planes: False)
    assert choose_neighbours(run, measurement, plan).beside.count == 0
