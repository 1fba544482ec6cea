"""What users, napari and hardware do to a run while it goes on, in a real viewer with a real fit."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from napari.qt.threading import WorkerBase
from numpy.testing import assert_array_equal
from small import WAIT, let_go, names, noisy_image, quick, wait_for_end

import napari_blindspot
from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.engine.paper_fit import PaperFit


@pytest.fixture(autouse=True)
def no_stack_is_printed(monkeypatch):
    """Errors of a worker are shown as notifications; a test need not print their stacks too."""
    monkeypatch.setattr("sys.__excepthook__", lambda *_: None)


def test_stop_and_keep_leaves_a_usable_result_that_says_so(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["cells", "cells INR", "cells denoised"]
    layer = viewer.layers["cells denoised"]
    assert np.isfinite(layer.data).all()
    record = layer.metadata["napari_blindspot"]
    assert record["stopped"] is True
    assert record["iterations"] == len(record["history"]["denoising"]) > 0
    assert widget.status.message.value.startswith("Stopped after")
    assert widget.buttons.start.enabled


def test_cancel_leaves_the_layer_list_as_it_was(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="other")
    source = viewer.add_image(noisy, name="cells")
    start(widget)
    widget.buttons.cancel.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["other", "cells"]
    assert viewer.layers.selection.active is source
    assert "Cancelled" in widget.status.message.value
    assert widget.buttons.start.enabled
    assert not widget.buttons.cancel.enabled


def test_pause_holds_the_fit_and_resume_lets_it_go_on(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    widget.buttons.pause.native.click()
    assert widget.buttons.pause.text == "Resume"
    qtbot.waitUntil(lambda: widget.session.standing.paused, timeout=WAIT)
    held = widget.session.standing.activity
    qtbot.wait(600)
    assert widget.session.standing.activity == held
    assert "Paused" in widget.status.state.value
    widget.buttons.pause.native.click()
    assert widget.buttons.pause.text == "Pause"
    qtbot.waitUntil(lambda: widget.session.standing.activity != held, timeout=WAIT)


def test_a_paused_run_can_be_stopped_and_kept(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    widget.buttons.pause.native.click()
    qtbot.waitUntil(lambda: widget.session.standing.paused, timeout=WAIT)
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert "cells denoised" in names(viewer)


def test_a_second_click_starts_no_second_run(viewer, widget, noisy, start):
    viewer.add_image(noisy, name="cells")
    start(widget)
    session = widget.session
    assert not widget.buttons.start.enabled
    widget.buttons.start.native.click()
    widget.run()
    assert widget.session is session
    assert names(viewer) == ["cells", "cells INR", "cells denoised"]


def test_previews_keep_the_contrast_and_the_selection_of_the_user(viewer, widget, noisy, start, qtbot):
    source = viewer.add_image(noisy, name="cells", contrast_limits=(10, 140))
    start(widget)
    assert viewer.layers.selection.active is source
    layer = viewer.layers["cells denoised"]
    before = layer.data.copy()
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=WAIT)
    assert layer.contrast_limits == [10, 140]
    layer.contrast_limits = (30, 100)
    before = layer.data.copy()
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=WAIT)
    assert layer.contrast_limits == [30, 100]


def test_the_source_can_be_deleted_during_a_run(viewer, widget, noisy, start, qtbot):
    source = viewer.add_image(noisy, name="cells", scale=(0.5, 0.5))
    start(widget)
    viewer.layers.remove(source)
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["cells INR", "cells denoised"]
    assert_array_equal(viewer.layers["cells denoised"].scale, (0.5, 0.5))
    assert viewer.layers["cells denoised"].metadata["napari_blindspot"]["source"] == "cells"


def test_source_and_previews_can_be_renamed_during_a_run(viewer, widget, noisy, start, qtbot):
    source = viewer.add_image(noisy, name="cells")
    start(widget)
    source.name = "old"
    preview = viewer.layers["cells denoised"]
    preview.name = "mine"
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["old", "cells INR", "mine"]
    assert preview.metadata["napari_blindspot"]["stopped"] is True


def test_the_source_can_be_put_elsewhere_and_rescaled_during_a_run(viewer, widget, noisy, start, qtbot):
    source = viewer.add_image(noisy, name="cells")
    start(widget)
    viewer.layers.move(0, 3)
    source.scale, source.translate, source.units = (0.5, 0.25), (3, 4), ("µm", "µm")
    # What the user has done to a layer of the run stays.
    viewer.layers["cells INR"].translate = (50, 50)
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["cells INR", "cells denoised", "cells"]
    result = viewer.layers["cells denoised"]
    assert_array_equal(result.extent.world, source.extent.world)
    assert result.units == source.units
    assert_array_equal(viewer.layers["cells INR"].translate, (50, 50))


def test_the_data_of_the_source_can_be_replaced_during_a_run(viewer, widget, finish, start, qtbot):
    stack = noisy_image((2, 32, 32))
    source = viewer.add_image(stack, name="stack")
    widget.scope.value = "stack"
    settings = widget.form.settings().model_copy(update={"iterations": 40})
    start(widget, iterations=40)
    source.data = np.zeros((5, 20, 20), np.uint16)
    wait_for_end(qtbot, widget)
    expected = [napari_blindspot.denoise(plane, settings=settings).denoised for plane in stack]
    assert_array_equal(viewer.layers["stack denoised"].data, expected)


def test_a_deleted_preview_stays_gone_and_the_fit_goes_on(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    viewer.layers.remove("cells INR")
    at = widget.session.standing.activity
    layer = viewer.layers["cells denoised"]
    before = layer.data.copy()
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=WAIT)
    assert widget.session.standing.activity != at
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["cells", "cells denoised"]


def test_when_both_previews_are_deleted_the_result_still_comes(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    viewer.layers.remove("cells INR")
    viewer.layers.remove("cells denoised")
    qtbot.wait(1500)
    assert names(viewer) == ["cells"]
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["cells", "cells denoised"]
    assert "settings" in viewer.layers["cells denoised"].metadata["napari_blindspot"]


def test_cancel_works_after_the_user_has_deleted_everything(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    viewer.layers.clear()
    widget.buttons.cancel.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == []


def test_a_stopped_stack_keeps_the_planes_that_were_done(viewer, widget, start, qtbot):
    stack = noisy_image((4, 32, 32))
    viewer.add_image(stack, name="stack")
    widget.scope.value = "stack"
    start(widget, iterations=60)
    qtbot.waitUntil(lambda: widget.session.standing.finished == 1, timeout=WAIT)
    assert widget.status.activity.value.startswith(("Plane 1 of 4", "Plane 2 of 4"))
    widget.buttons.stop.native.click()
    wait_for_end(qtbot, widget)
    layer = viewer.layers["stack denoised"]
    record = layer.metadata["napari_blindspot"]
    done = [entry["plane"][0] for entry in record["planes"]]
    assert 1 <= len(done) < 4
    assert record["stopped"] is True
    for z in range(4):
        assert np.isfinite(layer.data[z]).all() if z in done else np.isnan(layer.data[z]).all()
    assert f"{len(done)} of 4 planes" in widget.status.message.value


def test_closing_the_widget_stops_the_run_and_keeps_the_result(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    session = widget.session
    viewer.window.remove_dock_widget(widget.native)
    assert widget.session is None
    qtbot.waitUntil(lambda: not session.running, timeout=WAIT)
    assert names(viewer) == ["cells", "cells INR", "cells denoised"]
    assert viewer.layers["cells denoised"].metadata["napari_blindspot"]["stopped"] is True
    let_go(widget.native)


@pytest.mark.alone
def test_closing_the_viewer_during_a_run_takes_less_than_two_seconds(viewer, widget, noisy, start, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    session = widget.session
    begin = time.perf_counter()
    viewer.close()
    # What napari calls when its event loop ends.
    WorkerBase.await_workers(2000)
    assert time.perf_counter() - begin < 2.0
    qtbot.waitUntil(lambda: not session.running, timeout=WAIT)


def test_memory_that_runs_out_on_the_cpu_is_said_and_the_buttons_come_back(
    viewer, widget, noisy, qtbot, monkeypatch
):
    viewer.add_image(noisy, name="cells")
    monkeypatch.setattr(PaperFit, "step", lambda _: torch.empty(2**50))
    widget.buttons.start.native.click()
    wait_for_end(qtbot, widget)
    assert names(viewer) == ["cells"]
    assert widget.status.is_error
    assert "does not fit into" in widget.status.message.value
    assert "choose a smaller region" in widget.status.message.value
    assert widget.buttons.start.enabled
    assert not widget.buttons.stop.enabled


def on_a_small_gpu(monkeypatch):
    """Let everything that does not ask for the CPU fail like a GPU whose memory is full."""
    from napari_blindspot.engine import fit_plane as door
    from napari_blindspot.engine.hardware import backends

    fit, choose = door.fit_plane, backends.choose_device

    def fit_plane(image, settings, **options):
        if settings.device != "cpu":
            raise OutOfMemoryError("The 32×40 plane does not fit into the memory of the device cuda.")
        return fit(image, settings, **options)

    monkeypatch.setattr(door, "fit_plane", fit_plane)
    monkeypatch.setattr(
        backends, "choose_device", lambda name: choose(name) if name == "cpu" else torch.device("cuda")
    )


def test_a_full_gpu_falls_back_to_the_cpu_and_says_so(viewer, widget, noisy, finish, monkeypatch, qtbot):
    viewer.add_image(noisy, name="cells")
    on_a_small_gpu(monkeypatch)
    settings = widget.form.settings()
    widget.form["device"].value = "auto"
    finish(widget)
    expected = napari_blindspot.denoise(noisy, settings=settings).denoised
    assert_array_equal(viewer.layers["cells denoised"].data, expected)
    assert "goes on with the CPU" in widget.status.message.value


def test_without_the_fall_back_a_full_gpu_is_an_error(viewer, widget, noisy, monkeypatch, qtbot):
    viewer.add_image(noisy, name="cells")
    on_a_small_gpu(monkeypatch)
    widget.form["device"].value = "auto"
    widget.fall_back.value = False
    widget.buttons.start.native.click()
    wait_for_end(qtbot, widget)
    assert widget.status.is_error
    assert "does not fit" in widget.status.message.value
    assert names(viewer) == ["cells"]


def test_an_exception_in_the_engine_is_shown_and_the_next_run_works(
    viewer, widget, noisy, finish, qtbot, monkeypatch
):
    for error in (RuntimeError("deep inside"), ZeroDivisionError("deep inside")):
        viewer.layers.clear()
        viewer.add_image(noisy, name="cells")
        with monkeypatch.context() as broken:
            broken.setattr(PaperFit, "step", lambda _, error=error: (_ for _ in ()).throw(error))
            widget.buttons.start.native.click()
            wait_for_end(qtbot, widget)
        assert widget.status.is_error
        assert "deep inside" in widget.status.message.value
        assert names(viewer) == ["cells"]
        finish(widget)
        assert not widget.status.is_error
        assert "cells denoised" in names(viewer)


def test_an_error_in_a_later_plane_keeps_the_planes_before_it(viewer, widget, qtbot):
    stack = noisy_image((3, 32, 32)).astype(np.float32)
    stack[1] = np.inf
    viewer.add_image(stack, name="stack", contrast_limits=(0, 150))
    widget.scope.value = "stack"
    widget.buttons.start.native.click()
    wait_for_end(qtbot, widget)
    assert widget.status.is_error
    assert "1 of 3 planes" in widget.status.message.value
    layer = viewer.layers["stack denoised"]
    assert np.isfinite(layer.data[0]).all()
    assert np.isnan(layer.data[2]).all()


def test_results_that_no_memory_can_hold_are_refused_before_the_run(viewer, widget):
    import dask.array as da

    huge = da.zeros((20_000, 8192, 8192), chunks=(1, 8192, 8192), dtype=np.uint8)
    viewer.add_image(huge, name="movie", contrast_limits=(0, 1))
    widget.scope.value = "stack"
    widget.buttons.start.native.click()
    assert widget.session is None
    assert "GiB" in widget.status.message.value
    assert names(viewer) == ["movie"]


def test_a_run_can_follow_a_cancelled_one(viewer, widget, noisy, start, finish, qtbot):
    viewer.add_image(noisy, name="cells")
    start(widget)
    widget.buttons.cancel.native.click()
    wait_for_end(qtbot, widget)
    quick(widget)
    finish(widget)
    assert names(viewer) == ["cells", "cells INR", "cells denoised"]


def test_no_picture_of_napari_moves_during_a_fit(viewer, widget, noisy, start, qtbot):
    """A bar in napari's activity dock brings one along, for which the window is drawn 30 times a second.

    Without a graphics card that takes a core and a half.
    """
    from napari.utils import progress

    viewer.add_image(noisy, name="cells")
    start(widget)
    assert not progress._all_instances
    assert widget.session.standing.fraction < 1
    widget.buttons.cancel.native.click()
    wait_for_end(qtbot, widget)
