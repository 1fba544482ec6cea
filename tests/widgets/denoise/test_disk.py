"""Stacks whose result goes to disk: shown while it grows, gone on with, refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from small import QUICKEST, WAIT, noisy_image, wait_for_end

from napari_blindspot import denoise_stack, read_image
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff
from napari_blindspot.widgets.denoise import result_layers
from napari_blindspot.widgets.shared.reader import add_to_viewer

SETTINGS = QUICKEST.model_copy(update={"neighbours": 0})


@pytest.fixture
def stack(viewer, widget, tmp_path):
    """The widget, set to the whole of a z-stack that lies in a file."""
    spacing = {"Z": Spacing(0.5, "µm"), "Y": Spacing(0.1, "µm"), "X": Spacing(0.1, "µm")}
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(noisy_image((3, 32, 40)), "ZYX", spacing))
    add_to_viewer(viewer, tmp_path / "cells.ome.tif")
    vars(widget.form)["settings"] = lambda: SETTINGS
    widget.scope.value = "stack"
    return widget


def start(widget):
    widget.buttons.start.native.click()
    assert widget.session is not None, widget.status.message.value


def test_a_stack_is_written_beside_its_file_and_shown_while_it_grows(viewer, stack, qtbot, tmp_path):
    source = viewer.layers[0]
    stack.store.value = "disk"
    start(stack)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT)
    result = viewer.layers[1]
    assert result.data.shape == (3, 32, 40)
    wait_for_end(qtbot, stack)
    written = tmp_path / "cells_denoised.ome.zarr"
    assert f"the result is {written}." in stack.status.message.value
    expected = denoise_stack(source.data, settings=SETTINGS, axes="ZYX").denoised
    assert np.array_equal(read_image(written).array, expected)
    assert np.array_equal(np.asarray(result.data), expected)
    assert list(result.scale) == list(source.scale)
    assert not (tmp_path / "cells_denoised.ome.zarr.planes").exists()
    # It is a result as any other, and done when it is asked for again.
    stack.after.swap_now()
    assert not result.visible
    stack.layer.value = source
    start(stack)
    wait_for_end(qtbot, stack)
    assert "the result is" in stack.status.message.value


def test_what_was_ended_is_gone_on_with(viewer, stack, qtbot):
    stack.store.value = "disk"
    start(stack)
    session = stack.session
    qtbot.waitUntil(lambda: session.standing.finished >= 1, timeout=WAIT)
    session.cancel()
    wait_for_end(qtbot, stack)
    if "are finished and kept; Denoise goes on after them." in stack.status.message.value:
        start(stack)
        wait_for_end(qtbot, stack)
        assert "planes were there already." in stack.status.message.value
    assert "the result is" in stack.status.message.value


def test_a_stack_that_does_not_fit_into_memory_goes_to_disk_by_itself(
    viewer, stack, qtbot, tmp_path, monkeypatch
):
    monkeypatch.setattr(result_layers, "free_memory", lambda: 1)
    start(stack)
    wait_for_end(qtbot, stack)
    assert read_image(tmp_path / "cells_denoised.ome.zarr").array.shape == (3, 32, 40)


def test_an_output_of_another_run_is_left_alone(viewer, stack, qtbot, tmp_path):
    other = tmp_path / "cells_denoised.ome.zarr"
    other.mkdir()
    (other / "note.txt").write_text("mine")
    stack.store.value = "disk"
    start(stack)
    wait_for_end(qtbot, stack)
    assert stack.status.is_error
    assert "is there already and is not of this input with these settings" in stack.status.message.value
    assert (other / "note.txt").read_text() == "mine"
