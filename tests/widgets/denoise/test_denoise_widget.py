"""The widget in a real viewer, with real fits on small images: what comes out, and where it lies."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from small import names, noisy_image, quick

import napari_blindspot
from napari_blindspot import PRESETS, Settings
from napari_blindspot.noise import gap_choice


def test_the_widget_gives_the_same_pixels_as_the_python_function(viewer, widget, noisy, finish):
    viewer.add_image(noisy, name="cells")
    widget.form["seed"].value = 7
    settings = widget.form.settings()
    finish(widget)
    expected = napari_blindspot.denoise(noisy, settings=settings)
    assert_array_equal(viewer.layers["cells denoised"].data, expected.denoised)
    assert_array_equal(viewer.layers["cells INR"].data, expected.inr)


def test_every_preset_gives_the_same_pixels_as_the_python_function(
    viewer, widget, noisy, finish, monkeypatch
):
    monkeypatch.setattr(gap_choice, "WHITE_ROUNDS", (3,))
    monkeypatch.setattr(gap_choice, "CORRELATED_ROUNDS", (3, 2))
    for preset in PRESETS:
        viewer.layers.clear()
        viewer.add_image(noisy, name="cells")
        widget.preset.value = preset
        widget.form["iterations"].value = 3
        if preset == "paper":
            widget.form["passes"].value = 20
        settings = widget.form.settings()
        assert settings.preset == preset
        finish(widget)
        expected = napari_blindspot.denoise(noisy, settings=settings)
        assert_array_equal(viewer.layers["cells denoised"].data, expected.denoised)
        assert_array_equal(viewer.layers["cells INR"].data, expected.inr)


def test_previews_change_no_pixel(viewer, widget, noisy, finish):
    viewer.add_image(noisy, name="cells")
    widget.previews.value = False
    finish(widget)
    widget.previews.value = True
    viewer.layers.selection.active = viewer.layers["cells"]
    finish(widget)
    with_previews = viewer.layers["cells denoised [1]"].data
    assert_array_equal(viewer.layers["cells denoised"].data, with_previews)


def test_the_result_lies_on_its_source_in_every_respect(viewer, widget, noisy, finish):
    source = viewer.add_image(
        noisy,
        name="cells",
        scale=(0.2, 0.1),
        translate=(5, -3),
        rotate=20,
        shear=[0.1],
        affine=[[1.0, 0.2, 4.0], [0.0, 1.1, 2.0], [0.0, 0.0, 1.0]],
        units=("µm", "µm"),
        axis_labels=("y", "x"),
        colormap="magma",
        contrast_limits=(20, 150),
        gamma=0.8,
    )
    finish(widget)
    for name in ("cells denoised", "cells INR"):
        result = viewer.layers[name]
        for corner in ((0, 0), (0, 39), (31, 0), (31, 39)):
            assert_allclose(result.data_to_world(corner), source.data_to_world(corner))
        assert result.units == source.units
        assert result.axis_labels == ("y", "x")
        assert result.colormap.name == "magma"
        assert result.contrast_limits == [20, 150]
        assert result.gamma == 0.8


def test_the_record_in_the_layer_is_json_and_repeats_the_run(viewer, widget, noisy, finish):
    viewer.add_image(noisy, name="cells")
    widget.form["visible_fraction"].value = 0.2
    finish(widget)
    layer = viewer.layers["cells denoised"]
    record = json.loads(json.dumps(layer.metadata["napari_blindspot"]))
    assert record["source"] == "cells"
    assert record["seed"] == 0
    assert record["stopped"] is False
    assert (record["iterations"], record["passes"]) == (6, 2)
    assert all(len(record["history"][name]) == 6 for name in ("denoising", "inr", "consistency"))
    assert record["seconds"] > 0
    assert record["device"].startswith("CPU")
    settings = Settings.parse(record["settings"])
    assert settings.visible_fraction == 0.2
    assert_array_equal(napari_blindspot.denoise(noisy, settings=settings).denoised, layer.data)
    assert viewer.layers["cells INR"].metadata["napari_blindspot"]["iterations"] == 6


def test_the_denoised_layer_is_selected_at_the_end_and_the_choice_stays_with_the_source(
    viewer, widget, noisy, finish
):
    source = viewer.add_image(noisy, name="cells")
    finish(widget)
    assert viewer.layers.selection.active is viewer.layers["cells denoised"]
    assert widget.layer.value is source


def test_the_choice_follows_the_layer_that_the_user_selects(viewer, widget, noisy):
    first = viewer.add_image(noisy, name="first")
    second = viewer.add_image(noisy, name="second")
    assert widget.layer.value is second
    viewer.layers.selection.active = first
    assert widget.layer.value is first


def test_labels_and_points_are_not_offered(viewer, widget, noisy):
    viewer.add_labels(noisy.astype(int) % 3)
    viewer.add_points(np.zeros((1, 2)))
    assert widget.layer.choices == ()
    assert not widget.buttons.start.enabled
    assert "Open an image" in widget.status.message.value


def test_a_mask_is_refused(viewer, widget):
    viewer.add_image(np.zeros((32, 32), bool), name="mask")
    assert not widget.buttons.start.enabled
    assert "boolean" in widget.status.message.value


def test_every_dtype_of_intensities_can_be_denoised(viewer, widget, noisy, finish):
    for dtype in ("uint8", "int16", "uint32", "float32", "float64"):
        viewer.layers.clear()
        viewer.add_image(noisy.astype(dtype), name="cells")
        finish(widget)
        assert viewer.layers["cells denoised"].data.dtype == np.float32, dtype
        assert np.isfinite(viewer.layers["cells denoised"].data).all(), dtype


def test_the_result_can_have_the_dtype_of_the_input(viewer, widget, noisy, finish):
    viewer.add_image(noisy, name="cells")
    widget.form["output_dtype"].value = "input"
    finish(widget)
    assert viewer.layers["cells denoised"].data.dtype == np.uint16
    assert viewer.layers["cells denoised"].data.any()


def test_nan_pixels_stay_nan_and_the_user_is_told(viewer, widget, noisy, finish):
    image = noisy.astype(np.float32)
    image[3, 4] = image[10, 11] = np.nan
    viewer.add_image(image, name="cells")
    finish(widget)
    assert_array_equal(np.isnan(viewer.layers["cells denoised"].data), np.isnan(image))
    assert "2 NaN pixels" in widget.status.message.value


def test_the_current_plane_of_a_stack_is_the_one_at_the_sliders(viewer, widget, finish):
    for leading in ((3,), (2, 3), (2, 1, 3)):
        viewer.layers.clear()
        stack = noisy_image((*leading, 32, 40))
        ndim = stack.ndim
        source = viewer.add_image(
            stack, name="stack", scale=(2.0,) * (ndim - 2) + (0.5, 0.5), translate=(7,) * ndim
        )
        index = tuple(n - 1 for n in leading)
        viewer.dims.current_step = (*index, 0, 0)
        settings = widget.form.settings()
        finish(widget)
        layer = viewer.layers["stack denoised"]
        assert layer.data.shape == (1,) * len(leading) + (32, 40)
        expected = napari_blindspot.denoise(stack[index], settings=settings).denoised
        assert_array_equal(layer.data.squeeze(), expected)
        first = (0,) * ndim
        assert_allclose(layer.data_to_world(first), source.data_to_world((*index, 0, 0)))


def test_a_whole_stack_is_denoised_plane_by_plane(viewer, widget, finish):
    stack = noisy_image((3, 32, 40))
    source = viewer.add_image(stack, name="stack", scale=(3, 1, 1))
    widget.scope.value = "stack"
    settings = widget.form.settings()
    finish(widget)
    layer = viewer.layers["stack denoised"]
    assert layer.data.shape == stack.shape
    assert_array_equal(layer.scale, source.scale)
    for z in range(3):
        assert_array_equal(layer.data[z], napari_blindspot.denoise(stack[z], settings=settings).denoised)
    record = layer.metadata["napari_blindspot"]
    assert [entry["plane"] for entry in record["planes"]] == [[0], [1], [2]]
    assert "planes" not in widget.status.activity.value


def test_a_rectangle_crops_the_plane_and_the_result_lies_where_it_was_drawn(viewer, widget, finish):
    image = noisy_image((48, 64))
    source = viewer.add_image(image, name="cells", scale=(0.5, 0.5), rotate=30, translate=(10, 20))
    corners = [source.data_to_world(c) for c in ((9.6, 19.7), (9.6, 50.2), (38.3, 50.2), (38.3, 19.7))]
    viewer.add_shapes([np.array(corners)], shape_type="polygon", name="rectangle")
    viewer.layers.selection.active = source
    widget.region.value = viewer.layers["rectangle"]
    settings = widget.form.settings()
    finish(widget)
    layer = viewer.layers["cells denoised"]
    expected = napari_blindspot.denoise(image[10:39, 20:51], settings=settings).denoised
    assert_array_equal(layer.data, expected)
    assert_allclose(layer.data_to_world((0, 0)), source.data_to_world((10, 20)))
    assert_allclose(layer.data_to_world((28, 30)), source.data_to_world((38, 50)))


def test_a_rectangle_also_crops_a_stack(viewer, widget, finish):
    stack = noisy_image((2, 48, 64))
    source = viewer.add_image(stack, name="stack")
    viewer.add_shapes([np.array([[4, 6], [4, 30], [25, 30], [25, 6]])], name="rectangle")
    viewer.layers.selection.active = source
    widget.scope.value = "stack"
    widget.region.value = viewer.layers["rectangle"]
    finish(widget)
    layer = viewer.layers["stack denoised"]
    assert layer.data.shape == (2, 22, 25)
    assert_array_equal(layer.translate, (0, 4, 6))


def test_a_rectangle_that_is_too_small_is_refused(viewer, widget, noisy):
    viewer.add_image(noisy, name="cells")
    viewer.add_shapes([np.array([[1, 1], [1, 9], [5, 9], [5, 1]])], name="rectangle")
    widget.region.value = viewer.layers["rectangle"]
    widget.buttons.start.native.click()
    assert widget.session is None
    assert widget.status.is_error
    assert "5×9 pixels" in widget.status.message.value
    assert "16×16" in widget.status.message.value
    assert widget.status.message.value.endswith("(field Region).")


def test_dask_and_zarr_layers_are_read_plane_by_plane(viewer, widget, finish, tmp_path):
    stack = noisy_image((2, 32, 40))
    lazy = da.from_array(stack, chunks=(1, 16, 40))
    stored = zarr.create_array(tmp_path / "stack.zarr", data=stack, chunks=(1, 16, 40))
    viewer.add_image(lazy, name="dask", contrast_limits=(0, 120))
    viewer.add_image(stored, name="zarr", contrast_limits=(0, 120))
    for name in ("dask", "zarr"):
        viewer.layers.selection.active = viewer.layers[name]
        widget.scope.value = "stack"
        finish(widget)
    assert_array_equal(viewer.layers["dask denoised"].data, viewer.layers["zarr denoised"].data)


def test_the_finest_level_of_a_multiscale_layer_is_denoised(viewer, widget, finish):
    image = noisy_image((64, 64))
    viewer.add_image([image, image[::2, ::2]], name="pyramid", multiscale=True, scale=(0.3, 0.3))
    settings = widget.form.settings()
    finish(widget)
    layer = viewer.layers["pyramid denoised"]
    assert not layer.multiscale
    assert_array_equal(layer.data, napari_blindspot.denoise(image, settings=settings).denoised)
    assert_allclose(layer.scale, (0.3, 0.3))


def test_a_plane_is_found_in_the_units_of_its_layer(viewer, widget, finish):
    stack = noisy_image((4, 32, 32))
    viewer.add_image(np.zeros((4, 32, 32)), name="big", scale=(1, 1, 1), units=("µm",) * 3)
    viewer.add_image(stack, name="stack", scale=(1000, 1000, 1000), units=("nm",) * 3)
    viewer.dims.current_step = (2, 0, 0)
    settings = widget.form.settings()
    finish(widget)
    expected = napari_blindspot.denoise(stack[2], settings=settings).denoised
    assert_array_equal(viewer.layers["stack denoised"].data[0], expected)


def test_an_additive_source_is_covered_by_its_result(viewer, widget, noisy, finish):
    viewer.add_image(noisy, name="cells", blending="additive", colormap="green")
    finish(widget)
    assert viewer.layers["cells denoised"].blending == "translucent_no_depth"


def test_a_constant_plane_comes_back_with_a_warning(viewer, widget, finish):
    viewer.add_image(np.full((32, 32), 5, np.uint8), name="flat")
    finish(widget)
    assert (viewer.layers["flat denoised"].data == 5).all()
    assert "All pixels are equal" in widget.status.message.value


def test_the_widget_can_be_used_at_a_width_of_300_pixels(viewer, widget):
    assert widget.native.minimumSizeHint().width() <= 300
    widget.advanced.button.native.click()
    assert widget.native.minimumSizeHint().width() <= 300


def test_a_second_run_adds_layers_of_its_own(viewer, widget, noisy, finish):
    viewer.add_image(noisy, name="cells")
    finish(widget)
    quick(widget, iterations=3)
    finish(widget)
    assert names(viewer) == [
        "cells",
        "cells INR",
        "cells denoised",
        "cells INR [1]",
        "cells denoised [1]",
    ]
