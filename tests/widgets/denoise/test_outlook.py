"""What is said before a run, and the verdict after it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from small import QUICKEST, WAIT

from napari_blindspot import NoiseModel, Settings, judge
from napari_blindspot.samples import confocal, wide_field
from napari_blindspot.widgets.denoise import outlook
from napari_blindspot.widgets.denoise.outlook import Question, expectations
from napari_blindspot.widgets.denoise.scope import layer_job


@pytest.fixture
def job(bare_viewer):
    """Return the job of a layer."""

    def make(array):
        layer = bare_viewer.add_image(array)
        return layer_job(layer, (0,) * layer.ndim, whole_stack=array.ndim > 2)

    return make


def test_noise_comes_first_then_time_and_memory(job):
    quick = Settings.from_preset("fast", device="cpu", unet_width=4)
    lines = [line for line in expectations(Question(job(confocal((96, 96)).noisy), quick)) if line]
    assert len(lines) == 2
    assert re.fullmatch(
        r"Noise: σ \d+\.?\d*, nearly independent \(next pixels correlate -?0\.\d\d\)\.", lines[0]
    )
    assert lines[1].startswith("96×96 pixels: about ")
    assert lines[1].endswith(lines[0])


def test_more_planes_and_more_iterations_take_longer_and_a_model_least(job):
    stack = np.stack([wide_field((64, 64), 1).noisy] * 5)

    def seconds(question):
        line = list(expectations(question))[-1]
        assert line.startswith("5 planes of 64×64: about ")
        assert "correlated (next pixels correlate 0." in line
        minutes, rest = re.search(r"about (?:(\d+):)?(\d+) (?:s|min),", line).groups()
        return 60 * int(minutes or 0) + int(rest)

    few, many = (
        Settings.from_preset("auto", device="cpu", unet_width=4, iterations=n, stack_start="anew")
        for n in (400, 40_000)
    )
    job = job(stack)
    assert seconds(Question(job, many, applies=True)) <= seconds(Question(job, few))
    assert seconds(Question(job, few)) <= seconds(Question(job, many))
    both = list(expectations(Question(job, few, layers=2)))[-1]
    assert both.startswith("2 layers of 5 planes of 64×64: about ")


def test_a_quicker_preset_is_named_for_a_long_run_and_another_one_for_paper(job, monkeypatch):
    stack = np.stack([wide_field((64, 64), 1).noisy] * 3)
    auto = Settings.from_preset("auto", device="cpu", unet_width=4)
    fast = Settings.from_preset("fast", device="cpu", unet_width=4)
    paper = Settings.from_preset("paper", device="cpu")
    job = job(stack)
    monkeypatch.setattr(outlook, "LONG", 0.0)

    def last(settings, *, applies=False):
        return list(expectations(Question(job, settings, applies)))[-1]

    assert re.search(r"about .* \(.* with the preset fast\), ", last(auto))
    assert "with the preset" not in last(fast) + last(auto, applies=True)
    assert last(paper).endswith("The preset auto measures such noise and looks past it.")


def test_the_dock_says_it_behind_the_screen_and_leaves_it_during_a_run(
    viewer, noisy, widget, qtbot, monkeypatch
):
    monkeypatch.setattr(outlook, "DELAY", 0)
    widget.preset.value = "fast"
    vars(widget.form)["settings"] = lambda: QUICKEST
    viewer.add_image(noisy, name="cells")
    qtbot.waitUntil(lambda: widget.outlook.value.startswith("32×40 pixels: about "), timeout=WAIT)
    qtbot.waitUntil(lambda: widget.outlook._background is None, timeout=WAIT)


def test_a_run_ends_with_the_verdict_on_what_was_removed(viewer, quickest, finish):
    noisy = confocal((64, 64)).noisy
    viewer.add_image(noisy, name="cells")
    finish(quickest)
    record = viewer.layers["cells denoised"].metadata["napari_blindspot"]
    verdict = judge(noisy, viewer.layers["cells denoised"].data, NoiseModel.from_dict(record["noise"]))
    start = {
        "structure-removed": "Structure was removed",
        "noise-left": "Noise was left",
        "noise-alone": "What was removed looks like noise alone",
    }[verdict.kind]
    assert start in quickest.status.message.value


def test_when_the_dock_has_gone_with_its_window_nothing_is_looked_at_any_more(qtbot, monkeypatch):
    monkeypatch.setattr(outlook, "DELAY", 0)
    asked = []
    line = outlook.Outlook(lambda: asked.append(1))
    line.renew()
    qtbot.waitUntil(lambda: asked == [1], timeout=WAIT)
    line.native.deleteLater()
    qtbot.waitSignal(line.native.destroyed, timeout=WAIT).wait()
    line.renew()
    qtbot.wait(50)
    assert asked == [1]
