"""What one click takes beside a plane: the samples of a colour image, all channels, several layers."""

from __future__ import annotations

import numpy as np
from small import QUICKEST, names, noisy_image, wait_for_end

from napari_blindspot import denoise


def test_a_colour_image_is_denoised_sample_by_sample_and_comes_back_in_colour(
    viewer, quickest, finish, tmp_path
):
    photo = np.stack([noisy_image((32, 40), seed) for seed in range(3)], axis=-1).astype(np.uint8)
    viewer.add_image(photo, name="photo", rgb=True, scale=(0.5, 0.5))
    finish(quickest)
    result = viewer.layers["photo denoised"]
    assert (result.rgb, result.data.shape, result.data.dtype) == (True, photo.shape, np.uint8)
    assert tuple(result.scale) == (0.5, 0.5)
    settings = QUICKEST.model_copy(update={"output_dtype": "input"})
    for sample in range(3):
        expected = denoise(photo[..., sample], settings=settings).denoised
        assert np.array_equal(result.data[..., sample], expected)
    result.save(str(tmp_path / "photo.ome.tif"), plugin="napari-blindspot")
    quickest.after.contrast.native.click()
    assert "is in colour" in quickest.status.message.value


def test_a_region_of_a_colour_image_lies_where_it_was_drawn(viewer, quickest, finish):
    photo = np.zeros((48, 64, 4), np.uint8)
    photo[..., :3] = np.random.default_rng(0).poisson(60, (48, 64, 3))
    viewer.add_image(photo, name="photo", rgb=True)
    shapes = viewer.add_shapes([[[8, 20], [8, 51], [39, 51], [39, 20]]], name="box")
    quickest.region.value = shapes
    finish(quickest)
    result = viewer.layers["photo denoised"]
    assert result.data.shape == (32, 32, 3)
    assert tuple(result.translate) == (8, 20)


def test_all_selected_layers_are_denoised_one_after_another(viewer, quickest, qtbot):
    layers = [viewer.add_image(noisy_image((32, 40), seed), name=f"channel {seed}") for seed in range(3)]
    viewer.layers.selection = set(layers[:2])
    assert quickest.others.text == "and the other selected layer"
    quickest.others.value = True
    quickest.layer.value = layers[0]
    quickest.buttons.start.native.click()
    qtbot.waitUntil(lambda: "channel 1 denoised" in names(viewer), timeout=30_000)
    wait_for_end(qtbot, quickest)
    assert [name for name in names(viewer) if name.endswith("denoised")] == [
        "channel 0 denoised",
        "channel 1 denoised",
    ]


def test_what_planes_start_from_can_be_chosen_for_a_stack(viewer, quickest):
    viewer.add_image(noisy_image((3, 32, 32)), name="stack", axis_labels=("z", "y", "x"))
    quickest.preset.value = "fast"
    quickest.scope.value = "stack"
    assert quickest._settings().stack_start == "warm"
    quickest.stack_start.value = "anew"
    assert quickest._settings().stack_start == "anew"
    quickest.scope.value = "plane"
    assert quickest._settings().stack_start == "warm"
    quickest.preset.value = "paper"
    assert quickest.stack_start.choices == ("anew",)
