"""What one click takes beside a plane: the samples of a colour image, all channels, several layers."""

from __future__ import annotations

import numpy as np
from small import QUICKEST, names, noisy_image, wait_for_end

from napari_blindspot import denoise, read_image, read_record, read_settings
from napari_blindspot.jobs.record import FileRecord


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


def test_all_selected_layers_are_denoised_one_after_another_and_saved_as_channels(
    viewer, quickest, qtbot, tmp_path
):
    colors = ("green", "magenta", "gray")
    layers = [
        viewer.add_image(
            noisy_image((32, 40), seed),
            name=f"channel {seed}",
            colormap=color,
            scale=(0.2, 0.1),
            units=("µm", "µm"),
        )
        for seed, color in enumerate(colors)
    ]
    layers[1].blending = "additive"
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
    results = [viewer.layers[f"channel {number} denoised"] for number in (0, 1)]
    assert viewer.layers.selection == set(results)
    # They are seen together as their inputs were, and so are these in place of them.
    assert [layer.blending for layer in results] == ["translucent_no_depth", "additive"]
    assert [layer.visible for layer in layers] == [False, False, True]
    quickest.after.swap_now()
    assert [layer.visible for layer in (*layers[:2], *results)] == [True, True, False, False]
    quickest.after.swap_now()
    assert [layer.visible for layer in (*layers[:2], *results)] == [False, False, True, True]
    quickest.after.line.value = 50
    parts = viewer.layers[-2:]
    assert [part.name for part in parts] == ["channel 0 before", "channel 1 before"]
    assert np.array_equal(parts[1].data, layers[1].data[:, :20])
    assert parts[1].blending == "additive"
    quickest.after.line.value = 0
    assert viewer.layers.selection == set(results)
    quickest.after.write_result(tmp_path / "both.ome.tif")
    qtbot.waitUntil(lambda: quickest.after.save.enabled, timeout=30_000)
    assert quickest.status.message.value == f"Saved {tmp_path / 'both.ome.tif'}."
    saved = read_image(tmp_path / "both.ome.tif")
    assert (saved.axes, saved.channel_names) == ("CYX", ("channel 0 denoised", "channel 1 denoised"))
    assert saved.channel_colors == ("#00ff00", "#ff00ff")
    assert (saved.spacing["Y"].step, saved.spacing["X"].step) == (0.2, 0.1)
    assert np.array_equal(saved.array, np.stack([layer.data for layer in results]))
    record = FileRecord.read(read_record(tmp_path / "both.ome.tif"))
    assert len(record.planes) == 2
    assert read_record(tmp_path / "both.ome.tif")["input"] == "channel 0 + channel 1"
    settings = read_settings(tmp_path / "both.ome.tif")
    assert (settings.iterations, settings.seed) == (QUICKEST.iterations, QUICKEST.seed)
    # What is no channel of the same image is refused in one sentence.
    results[1].translate = (5, 5)
    quickest.after.write_result(tmp_path / "moved.ome.tif")
    qtbot.waitUntil(lambda: quickest.after.save.enabled, timeout=30_000)
    assert "“channel 1 denoised” has another place than “channel 0" in quickest.status.message.value
    assert not (tmp_path / "moved.ome.tif").exists()


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
