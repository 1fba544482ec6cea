"""The INR's layer of a stack: nothing is fitted that nobody looks at."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small import QUICKEST, WAIT, noisy_image

from napari_blindspot.engine import inr_of_image
from napari_blindspot.engine.inr_of_image import inr_at_pixels
from napari_blindspot.files.door import read_image


@pytest.fixture
def fitted(monkeypatch):
    """The planes to which an INR was fitted, in their order."""
    planes = []
    standardised = inr_of_image._standardised

    def count(values):
        planes.append(values)
        return standardised(values)

    monkeypatch.setattr(inr_of_image, "_standardised", count)
    return planes


@pytest.fixture
def inr(viewer, quickest, finish, fitted):
    """The INR's layer of three planes that are denoised."""
    viewer.add_image(noisy_image((3, 16, 20)), name="cells")
    quickest.scope.value = "stack"
    finish(quickest)
    assert fitted == []
    return viewer.layers["cells INR"]


def at_rest(qtbot, layer) -> None:
    qtbot.waitUntil(lambda: not layer.data.demand.running, timeout=WAIT)


def test_the_inr_of_a_stack_is_fitted_when_its_layer_is_shown_for_the_plane_in_view(
    viewer, inr, fitted, qtbot
):
    denoised = viewer.layers["cells denoised"].data
    expected = [inr_at_pixels(plane, QUICKEST) for plane in denoised]
    fitted.clear()
    assert not inr.visible
    viewer.dims.set_current_step(0, 1)
    assert np.isnan(inr.data[1]).all()
    inr.visible = True
    at_rest(qtbot, inr)
    assert_array_equal(inr.data[1], expected[1])
    assert_array_equal(np.asarray(inr._slice.image.view), expected[1])
    viewer.dims.set_current_step(0, 2)
    at_rest(qtbot, inr)
    assert_array_equal(inr.data[2], expected[2])
    assert np.isnan(inr.data[0]).all()
    assert len(fitted) == 2
    inr.visible = False
    viewer.dims.set_current_step(0, 0)
    assert not inr.data.demand.running


def test_in_three_dimensions_all_planes_are_looked_at(viewer, inr, fitted, qtbot):
    viewer.dims.ndisplay = 3
    inr.visible = True
    at_rest(qtbot, inr)
    assert len(fitted) == 3
    assert np.isfinite(np.stack(list(inr.data))).all()


def test_a_saved_inr_is_whole(viewer, inr, fitted, tmp_path):
    inr.save(str(tmp_path / "inr.ome.tif"))
    assert len(fitted) == 3
    denoised = viewer.layers["cells denoised"].data
    expected = np.stack([inr_at_pixels(plane, QUICKEST) for plane in denoised])
    assert_array_equal(read_image(tmp_path / "inr.ome.tif").array, expected)


def test_the_inr_of_a_colour_image_is_fitted_to_its_three_samples(viewer, quickest, finish, fitted, qtbot):
    viewer.add_image(np.moveaxis(noisy_image((3, 16, 20)), 0, -1).astype(np.uint8), rgb=True, name="slide")
    finish(quickest)
    layer = viewer.layers["slide INR"]
    assert fitted == []
    layer.visible = True
    at_rest(qtbot, layer)
    denoised = viewer.layers["slide denoised"].data
    settings = QUICKEST.model_copy(update={"output_dtype": "input"})
    shown = np.asarray(layer.data)
    for sample in range(3):
        assert_array_equal(shown[..., sample], inr_at_pixels(denoised[..., sample], settings))
