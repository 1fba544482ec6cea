"""What is done with a result in the viewer: before and after, contrast, saving it and its model."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication
from small import QUICKEST, WAIT, names, noisy_image

from napari_blindspot import denoise, fit, load, read_image, read_settings, save
from napari_blindspot.widgets.batch import BatchWidget
from napari_blindspot.widgets.denoise import at_once
from napari_blindspot.widgets.denoise.right_click import COMMANDS, CONTEXT, offer_on_right_click


@pytest.fixture
def done(viewer, noisy, quickest, finish):
    """The widget after a run on a plane that has a scale."""
    viewer.add_image(noisy, name="cells", scale=(0.5, 0.5), units=("µm", "µm"))
    finish(quickest)
    assert names(viewer) == ["cells", "cells INR", "cells denoised"]
    return quickest


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "cells.safetensors"
    save(fit(noisy_image((32, 40), 3), settings=QUICKEST), path)
    return path


def test_one_key_shows_the_input_in_place_of_the_result_and_back(viewer, done):
    noisy, inr, denoised = viewer.layers
    done.after.swap.native.click()
    assert [layer.visible for layer in (noisy, inr, denoised)] == [True, False, False]
    viewer.keymap[next(key for key in viewer.keymap if str(key) == "Alt+B")](viewer)
    assert [layer.visible for layer in (noisy, inr, denoised)] == [True, True, True]
    # Names may change; an input that is gone leaves nothing to be compared with.
    noisy.name = "renamed"
    done.after.swap_now()
    assert not denoised.visible
    viewer.layers.remove(noisy)
    assert not done.after.swap.enabled
    assert not done.after.line.enabled


def test_a_line_wipes_between_input_and_result(viewer, done):
    noisy, _, denoised = viewer.layers
    done.after.line.value = 25
    part = viewer.layers[-1]
    assert part.name == "cells before"
    assert np.array_equal(part.data, noisy.data[:, :10])
    assert np.array_equal(part.extent.world[0], denoised.extent.world[0])
    done.after.line.value = 50
    assert part.data.shape == (32, 20)
    assert list(part.contrast_limits) == list(denoised.contrast_limits)
    # It is no image to be denoised, and goes when the line does.
    assert done.layer.value is noisy
    done.after.line.value = 0
    assert names(viewer) == ["cells", "cells INR", "cells denoised"]


def test_contrast_is_that_of_the_input_until_it_is_fitted_to_both(viewer, done):
    noisy, _, denoised = viewer.layers
    assert list(denoised.contrast_limits) == list(noisy.contrast_limits)
    done.after.contrast.native.click()
    expected = np.percentile(denoised.data, (0.1, 99.9))
    assert list(denoised.contrast_limits) == pytest.approx(list(expected))
    assert list(noisy.contrast_limits) == pytest.approx(list(expected))


def test_a_result_is_saved_with_its_scale_and_record(viewer, done, qtbot, tmp_path):
    done.after.write_result(tmp_path / "cells.ome.tif")
    qtbot.waitUntil(lambda: done.after.save.enabled, timeout=WAIT)
    assert done.status.message.value == f"Saved {tmp_path / 'cells.ome.tif'}."
    image = read_image(tmp_path / "cells.ome.tif")
    assert np.array_equal(image.array, viewer.layers["cells denoised"].data)
    assert (image.spacing["Y"].step, image.spacing["Y"].unit) == (0.5, "µm")
    assert read_settings(tmp_path / "cells.ome.tif").iterations == QUICKEST.iterations
    done.after.write_result(tmp_path / "nowhere" / "cells.ome.tif")
    qtbot.waitUntil(lambda: done.status.is_error, timeout=WAIT)
    assert "nowhere" in done.status.message.value


def test_a_model_is_saved_and_used_for_another_layer(viewer, done, finish, qtbot, tmp_path):
    done.after.write_model(tmp_path / "cells")
    model = load(tmp_path / "cells.safetensors")
    assert (model.fitted_to.name, model.fitted_to.shape) == ("cells", (32, 40))
    done.after.write_model(tmp_path / "cells.zip")
    qtbot.waitUntil(lambda: done.after.save_model.enabled, timeout=WAIT)
    assert done.status.message.value.startswith(f"Saved {tmp_path / 'cells.zip'}: the U-Net alone")
    assert "rdf.yaml" in zipfile.ZipFile(tmp_path / "cells.zip").namelist()
    other = noisy_image((32, 32), 1)
    viewer.add_image(other, name="others")
    done.models.use(tmp_path / "cells.safetensors")
    assert done.status.message.value == model.in_words
    assert not done.preset.enabled
    finish(done)
    layer = viewer.layers["others denoised"]
    assert layer.metadata["napari_blindspot"]["origin"] == "model"
    assert np.array_equal(layer.data, denoise(other, model=model, device="cpu").denoised)
    done.models.drop.native.click()
    assert done.preset.enabled


def test_models_are_dropped_on_the_docks(viewer, widget, model_file, tmp_path):
    batch = BatchWidget(viewer)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(model_file))])
    copy, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget.native, QDragEnterEvent(QPoint(5, 5), copy, data, button, none))
    QApplication.sendEvent(widget.native, QDropEvent(QPointF(5, 5), copy, data, button, none))
    batch.add_paths([model_file])
    assert widget.models.path == batch.models.path == model_file
    assert batch.batch_options().model == model_file
    assert not batch.preset.enabled
    assert widget.status.message.value == batch.status.message.value == load(model_file).in_words
    # What is no model is said, and the model stays.
    (tmp_path / "torn.safetensors").write_bytes(model_file.read_bytes()[:-9])
    widget.models.use(tmp_path / "torn.safetensors")
    assert "is a torn model" in widget.status.message.value
    assert widget.models.path == model_file
    newer = model_file.read_bytes().replace(b"napari-blindspot model 1", b"napari-blindspot model 9")
    (tmp_path / "newer.safetensors").write_bytes(newer)
    for dock in (widget, batch):
        dock.models.use(tmp_path / "newer.safetensors")
        assert "is a model of another version of napari-blindspot" in dock.status.message.value
        assert dock.models.path == model_file
    batch.models.use(None)
    batch.fit_on.value = "first"
    assert (batch.batch_options().model, batch.batch_options().fit_on) == (None, "first")
    batch.closed()


def test_a_command_denoises_the_selected_layer_at_once(viewer, noisy, widget, qtbot, monkeypatch):
    monkeypatch.setattr(at_once, "_dock", lambda _: widget)
    vars(widget.form)["settings"] = lambda: QUICKEST
    viewer.add_image(noisy, name="cells")
    viewer.layers.selection.active = viewer.add_image(noisy, name="others")
    at_once.denoise_fast(viewer)
    assert (widget.preset.value, widget.layer.value.name) == ("fast", "others")
    qtbot.waitUntil(lambda: widget.session is None, timeout=WAIT)
    assert "others denoised" in names(viewer)
    at_once.show_before_after(viewer)
    assert not viewer.layers["others denoised"].visible


def test_a_right_click_on_a_layer_offers_the_commands_once(widget):
    from napari._app_model import get_app_model

    offer_on_right_click()
    items = get_app_model().menus.get_menu(CONTEXT)
    offered = [item.command.id for item in items if hasattr(item, "command")]
    assert [offered.count(name) for name in COMMANDS] == [1, 1]
