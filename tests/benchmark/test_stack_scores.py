"""Stacks with noise put on, and the table of those who denoise them."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_blindspot.benchmark import stacks
from napari_blindspot.benchmark.stacks import StackOptions, noisy_stack
from napari_blindspot.core.errors import ImageError
from napari_blindspot.samples import z_stack


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("clean") / "clean.tif"
    tifffile.imwrite(path, z_stack((9, 80, 90)).truth.astype(np.float32), imagej=False)
    return path


def test_a_stack_has_its_photons_and_the_noise_of_them(path):
    stack = noisy_stack(path, 40, StackOptions(planes=5, scored=2, crop=64))
    assert stack.noisy.shape == stack.clean.shape == (5, 64, 64)
    assert stack.scored == (1, 2)
    error = stack.noisy - stack.clean
    assert error.var() == pytest.approx(stack.clean.mean() + 0.25, rel=0.05)
    assert stack.si_psnr(3 * stack.clean[1] + 5, 1) > 200
    assert stack.flicker({z: stack.clean[z] + 7 for z in stack.scored}) < 1e-9
    assert stack.flicker({z: stack.clean[z] + z for z in stack.scored}) == pytest.approx(0.5)


def test_only_planes_that_are_not_scored_drift_and_flicker(path):
    usual = noisy_stack(path, 40, StackOptions(planes=5, scored=1, crop=48))
    moved = noisy_stack(path, 40, StackOptions(planes=5, scored=1, crop=48, drift=6))
    brighter = noisy_stack(path, 40, StackOptions(planes=5, scored=1, crop=48, flicker=0.5))
    (scored,) = usual.scored
    whole = noisy_stack(path, 40, StackOptions(planes=5, scored=1)).clean[scored]
    places = np.lib.stride_tricks.sliding_window_view(whole, (48, 48))
    assert (places == moved.clean[scored]).all((-1, -2)).any()
    assert not np.allclose(usual.clean[0], moved.clean[0])
    factors = brighter.clean.sum((1, 2)) / usual.clean.sum((1, 2))
    assert factors[scored] == 1
    assert (np.delete(factors, scored) > 1).all()
    assert factors.max() < 1.5


def test_too_few_planes_and_too_small_parts_are_refused(path):
    with pytest.raises(ImageError, match="a stack of 11 planes or more"):
        noisy_stack(path, 10, StackOptions(planes=11))
    with pytest.raises(ImageError, match="too small for parts of 80×80 that drift by 6"):
        noisy_stack(path, 10, StackOptions(planes=5, crop=80, drift=6))


def test_the_table_holds_everyone_against_single_planes(path, monkeypatch):
    asked = []

    def own(stack, settings):
        asked.append((settings.preset, settings.neighbours))
        return {z: stack.clean[z] + 0.1 * stack.noisy[z] for z in stack.scored}

    monkeypatch.setattr(stacks, "_own", own)
    said: list[str] = []
    options = StackOptions(photons=(10,), planes=5, scored=1, crop=32, preset="fast")
    stacks.compare_on_stacks([path], options, said.append)
    assert asked == [("fast", 0), ("fast", "auto")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in said[2:]]
    names = [row[1] for row in rows]
    assert names[:3] == ["fast, planes alone", "fast", "noisy"]
    assert names[3:5] == ["mean of three", "Gaussian, width by the truth"]
    scores = {row[1]: float(row[2]) for row in rows}
    assert scores["noisy"] < scores["Gaussian, width by the truth"] < scores["fast"]
    assert rows[0][3] == rows[1][3] == "+0.00"
    assert all(float(row[3]) < 0 for row in rows[2:5])
