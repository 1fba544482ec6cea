"""The Inspect dock in a real viewer: questions become layers, figures and sentences."""

from __future__ import annotations

import gc
import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from small import QUICKEST, WAIT

from napari_blindspot import fit, load, save
from napari_blindspot.files.door import ImageFile, write_ome_tiff
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.samples import confocal
from napari_blindspot.widgets.denoise import DenoiseWidget
from napari_blindspot.widgets.inspect import InspectWidget
from napari_blindspot.widgets.inspect.questions import QUESTIONS
from napari_blindspot.widgets.inspect.widget import VIEW
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY
from napari_blindspot.widgets.shared.layer_source import is_result
from napari_blindspot.widgets.shared.reader import add_to_viewer

SAMPLE = confocal((48, 64), seed=1)
SMOOTHED = gaussian_filter(SAMPLE.noisy.astype(float), 1.0)


def record() -> dict:
    return {
        "source": "cells",
        "settings": QUICKEST.model_dump(mode="json"),
        "noise": estimate_noise(SAMPLE.noisy).as_dict(),
        "notices": [{"kind": "neighbours-no-help", "values": {}, "is_warning": False}],
        "history": {"denoising": [0.9, 0.5, 0.4], "inr": [], "consistency": []},
    }


@pytest.fixture
def inspect(viewer, qtbot):
    """The docked widget beside a noisy layer and its result, which was blurred too far."""
    gc.freeze()
    place = {"scale": (0.2, 0.2), "units": ("µm", "µm"), "translate": (3.0, 5.0)}
    viewer.add_image(SAMPLE.noisy, name="cells", **place)
    blurred = gaussian_filter(SAMPLE.truth, 4.0)
    viewer.add_image(
        blurred,
        name="cells denoised",
        metadata={METADATA_KEY: record()},
        **place,
    )
    made = InspectWidget(viewer)
    viewer.window.add_dock_widget(made, name="Inspect")
    yield made
    qtbot.waitUntil(lambda: not made.working, timeout=WAIT)


@pytest.fixture
def ask(inspect, qtbot):
    def call(word: str) -> str:
        inspect.question.value = next(question for question in QUESTIONS if word in question)
        inspect.ask.native.click()
        qtbot.waitUntil(lambda: not inspect.working, timeout=WAIT)
        return inspect.message.value

    return call


def test_a_result_and_the_layer_that_it_came_from_are_chosen(inspect):
    assert (inspect.result.value.name, inspect.noisy.value.name) == ("cells denoised", "cells")


def test_the_denoise_dock_opens_inspect_on_the_result_in_view(viewer, inspect):
    denoise = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(denoise, name="Denoise")
    assert denoise.inspect.click.enabled
    record = {METADATA_KEY: {"source": "other"}}
    other = viewer.add_image(SAMPLE.truth, name="other result", metadata=record)
    viewer.add_image(SAMPLE.truth, name="an INR", metadata={METADATA_KEY: {"image": "inr"}})
    viewer.add_image(SAMPLE.noisy, name="other")
    denoise.inspect.click.native.click()
    opened = viewer.window.dock_widgets["Inspect (napari-blindspot)"]
    assert (opened.result.value, opened.noisy.value.name) == (other, "other")
    for layer in [layer for layer in viewer.layers if METADATA_KEY in layer.metadata]:
        viewer.layers.remove(layer)
    assert not denoise.inspect.click.enabled


def test_what_was_removed_becomes_layers_over_the_plane_a_verdict_and_a_figure(viewer, inspect, ask):
    viewer.layers.selection.active = viewer.layers["cells"]
    assert ask("removed").startswith("Structure was removed with the noise")
    residual = viewer.layers["cells denoised residual"]
    expected = SAMPLE.noisy - gaussian_filter(SAMPLE.truth, 4.0).astype(float)
    assert np.allclose(residual.data, expected, atol=1e-3)
    assert residual.extent.world.tolist() == viewer.layers["cells"].extent.world.tolist()
    assert set(np.unique(viewer.layers["cells denoised verdict"].data)) <= {-1, 0, 1}
    assert inspect.figures.native.count == 1
    assert viewer.layers.selection.active is viewer.layers["cells"]
    before = len(viewer.layers)
    ask("removed")
    assert len(viewer.layers) == before


def test_the_inr_lies_exactly_over_the_image_at_a_higher_resolution(viewer, inspect, ask):
    inspect.zoom.value = 2
    assert "2 times a pixel" in ask("between")
    fine, coarse = viewer.layers["cells denoised INR 2×"], viewer.layers["cells denoised"]
    assert fine.data.shape == (96, 128)
    # Both cover the same area, from edge to edge.
    assert np.allclose(fine.translate - fine.scale / 2, coarse.translate - coarse.scale / 2)
    ends = [layer.translate + layer.scale * (np.array(layer.data.shape) - 0.5) for layer in (fine, coarse)]
    assert np.allclose(*ends)
    blocks = fine.data.reshape(48, 2, 64, 2).mean((1, 3))
    assert np.abs(blocks - coarse.data).max() < 0.05 * np.ptp(coarse.data)
    assert {f"cells denoised {name}" for name in ("gradient", "gradient direction", "inconsistency")} <= {
        layer.name for layer in viewer.layers
    }


def test_what_is_in_view_can_be_sampled_alone(viewer, inspect, ask):
    inspect.question.value = "What is along the line?"
    assert inspect.shapes.choices == (None,)
    inspect.question.value = "What is between the pixels?"
    inspect.zoom.value, inspect.shapes.value = 2, VIEW
    result = viewer.layers["cells denoised"]

    def look_at(y: float, x: float, factor: float) -> None:
        viewer.reset_view()
        viewer.camera.zoom *= factor
        viewer.camera.center = (0, *(result.data_to_world((y, x))))
        viewer.screenshot(flash=False)

    look_at(20, 30, 3)
    sides = [side / viewer.camera.zoom / 0.2 for side in viewer.window._qt_viewer.canvas.size]
    ask("between")
    fine = viewer.layers["cells denoised INR 2×"]
    ends = np.array([result.world_to_data(end) for end in fine.extent.world])
    assert np.allclose(ends.mean(0), (20, 30), atol=1.0)
    # A canvas that was never on a screen has its sides in any order.
    assert np.allclose(sorted(np.ptp(ends, axis=0)), sorted(sides), atol=2.5)
    before = [layer.name for layer in viewer.layers]
    look_at(2000, 30, 1)
    assert "hardly anything is in view" in ask("between") and inspect.message.is_error
    look_at(20, 30, 1)
    viewer.dims.ndisplay = 3
    assert "look at Y and X in 2-D" in ask("between") and inspect.message.is_error
    assert [layer.name for layer in viewer.layers] == before
    # Where it is looked at plays no part in the other questions.
    assert ask("removed").startswith("Structure was removed")


def test_a_result_of_a_region_is_compared_with_that_part_of_its_image(
    viewer, inspect, quickest, finish, ask
):
    cells = viewer.layers["cells"]
    viewer.layers.remove(viewer.layers["cells denoised"])
    shapes = viewer.add_shapes(name="part", scale=(0.2, 0.2), translate=(3.0, 5.0), units=("µm", "µm"))
    shapes.add_rectangles([[(8, 16), (39, 55)]])
    quickest.layer.value, quickest.region.value = cells, shapes
    finish(quickest)
    inspect.show_result(viewer.layers["cells denoised"])
    assert inspect.noisy.value is cells
    ask("removed")
    residual, result = viewer.layers["cells denoised residual"], viewer.layers["cells denoised"]
    assert np.allclose(residual.data, SAMPLE.noisy[8:40, 16:56] - result.data, atol=1e-3)
    assert np.allclose(residual.extent.world, result.extent.world)
    # What Inspect shows is no result, and is not denoised next.
    assert quickest.layer.value is cells and not is_result(residual)
    result.data = result.data[:20]
    assert "has planes of 20×40 pixels and “cells” of 48×64" in ask("removed")


def remove_all(shapes) -> None:
    shapes.selected_data = set(range(len(shapes.data)))
    shapes.remove_selected()


def test_a_profile_needs_a_line_and_tells_its_width(viewer, inspect, ask):
    assert "There is no line" in ask("line") and inspect.message.is_error
    shapes = viewer.add_shapes(name="line", scale=(0.2, 0.2), translate=(3.0, 5.0), units=("µm", "µm"))
    inspect.shapes.value = shapes
    assert "has 0 lines" in ask("line")
    shapes.add_lines([[(5, 5), (5, 5.2)]])
    assert "shorter than a pixel" in ask("line")
    remove_all(shapes)
    shapes.add_lines([[(5, 5), (40, 90)]])
    assert "leaves the image" in ask("line")
    remove_all(shapes)
    shapes.add_lines([[(5, 5), (40, 50)]])
    words = ask("line")
    assert "µm wide (FWHM)" in words or "falls to its half" in words
    assert inspect.figures.native.count == 1
    level = float(SAMPLE.truth.mean())
    flat = level + 0.01 * gaussian_filter(SAMPLE.truth - level, 4.0)
    viewer.layers["cells denoised"].data = flat.astype(np.float32)
    assert "no peak that stands out from its error" in ask("line")
    for layer in (viewer.layers["cells denoised"], viewer.layers["cells"]):
        # Planes of one value: first the result alone, whose noise is known, then both.
        layer.data = np.full((48, 64), level, np.float32)
        assert "has no peak that" in ask("line") and inspect.figures.native.count == 1
    viewer.layers["cells denoised"].metadata[METADATA_KEY].pop("noise")
    assert "has no peak that falls to its half" in ask("line") and not inspect.message.is_error


def test_how_sure_and_why_are_answered(viewer, inspect, ask):
    assert "19 of 20 pixels" in ask("sure")
    assert (viewer.layers["cells denoised uncertainty"].data > 0).all()
    words = ask("Why")
    assert "-pixel gap" in words and "do not help to predict this one" in words
    assert words.startswith("Measured noise: σ ") and "next pixels correlate" in words
    assert inspect.figures.native.count == 4


def test_a_long_question_can_be_given_up_and_the_layers_stay(viewer, inspect, qtbot):
    slow = QUICKEST.model_copy(update={"iterations": 100_000})
    viewer.layers["cells denoised"].metadata[METADATA_KEY]["settings"] = slow.model_dump(mode="json")
    before = list(viewer.layers)
    inspect.question.value = "How finely does it resolve?"
    inspect.ask.native.click()
    assert inspect.ask.text == "Cancel"
    qtbot.wait(500)
    assert inspect.working
    inspect.ask.native.click()
    qtbot.waitUntil(lambda: not inspect.working, timeout=WAIT)
    assert inspect.message.value.startswith("Cancelled") and not inspect.message.is_error
    assert inspect.ask.text == "Ask" and inspect.ask.enabled and list(viewer.layers) == before


def test_lengths_along_a_line_follow_both_sides_of_a_pixel(viewer, inspect, ask):
    place = {"scale": (0.2, 0.1), "units": ("µm", "µm")}
    x = np.arange(64) - 32
    ridge = np.broadcast_to(20 + 200 * np.exp(-(x**2) / 18), (48, 64)).astype(np.float32)
    done = viewer.add_image(ridge, name="ridge", **place)
    noisy = ridge + np.random.default_rng(0).normal(0, 10, ridge.shape).astype(np.float32)
    inspect.noisy.value = viewer.add_image(noisy, name="noisy ridge", **place)
    inspect.result.value = done
    inspect.noisy.value = viewer.layers["noisy ridge"]
    shapes = viewer.add_shapes(name="across", **place)
    shapes.add_lines([[(20, 10), (20, 54)]])
    inspect.question.value = "What is along the line?"
    inspect.shapes.value = shapes
    # 2.355 standard deviations of three pixels.
    assert float(re.search(r"is ([\d.]+) µm wide", ask("line")).group(1)) == pytest.approx(0.706, abs=0.02)
    remove_all(shapes)
    shapes.add_lines([[(2, 10), (46, 54)]])
    assert float(re.search(r"is ([\d.]+) µm wide", ask("line")).group(1)) == pytest.approx(
        0.706 * np.sqrt(5), abs=0.05
    )


def test_other_denoisers_stand_beside_the_result_with_scores_in_a_table(viewer, inspect, ask, monkeypatch):
    monkeypatch.setattr("napari_blindspot.comparison.PACKAGES", {})
    words = ask("others")
    assert "hidden pixels this method errs by" in words and not inspect.message.is_error
    rows = inspect.table.native.cells
    names = [row[0] for row in rows]
    assert "this method" in names and inspect.table.native.isVisibleTo(inspect.native)
    assert {f"cells denoised {name}" for name in names if name != "this method"} <= {
        layer.name for layer in viewer.layers
    }
    assert all("±" in row[1] for row in rows)
    ask("sure")
    assert not inspect.table.native.isVisibleTo(inspect.native)


def test_a_model_is_looked_at_instead_if_it_fits_the_plane(viewer, inspect, ask, tmp_path):
    for name, part in (("small", SAMPLE.noisy[:32, :40]), ("own", SAMPLE.noisy)):
        save(fit(part, settings=QUICKEST), tmp_path / f"{name}.safetensors")
    inspect.question.value = "What is between the pixels?"
    inspect.zoom.value = 1
    before = len(viewer.layers)
    inspect.models.use(tmp_path / "small.safetensors")
    assert "fitted to a plane of 32×40 pixels, but those of “cells denoised” have 48×64" in ask("between")
    assert inspect.message.is_error and len(viewer.layers) == before
    inspect.models.use(tmp_path / "own.safetensors")
    ask("between")
    sampled = load(tmp_path / "own.safetensors").sample().values
    assert np.array_equal(viewer.layers["cells denoised INR 1×"].data, sampled)
    (tmp_path / "broken.safetensors").write_bytes(b"no model")
    inspect.models.use(tmp_path / "broken.safetensors")
    assert inspect.message.is_error and inspect.models.path.name == "own.safetensors"


def test_a_result_without_settings_is_asked_as_far_as_that_goes(viewer, inspect, ask):
    viewer.layers["cells denoised"].metadata.clear()
    inspect.noisy.value = viewer.layers["cells"]
    assert ask("resolve").endswith("; the layer has no settings.") and not inspect.message.is_error


def test_files_of_an_earlier_run_that_were_opened_tell_their_settings(viewer, inspect, ask, tmp_path):
    viewer.layers.clear()
    names = ("cells.ome.tif", "cells_denoised.ome.tif")
    write_ome_tiff(tmp_path / names[0], ImageFile(SAMPLE.noisy, "YX"))
    write_ome_tiff(tmp_path / names[1], ImageFile(SAMPLE.truth, "YX"), settings=QUICKEST)
    for name in names:
        add_to_viewer(viewer, tmp_path / name)
    inspect.result.value = viewer.layers[names[1]]
    assert inspect.noisy.value is viewer.layers[names[0]]
    assert " px after it." in ask("resolve")


def test_a_stack_is_sampled_between_its_planes_to_voxels_of_equal_sides(viewer, inspect, ask):
    assert "is no stack along Z" in ask("planes") and inspect.message.is_error
    y, x = np.mgrid[:24, :32]
    planes = [100 + 50 * np.sin(y / 5 + 0.4 * z) * np.cos(x / 6) for z in range(6)]
    stack = np.array(planes, np.float32)[:, None]
    place = {"scale": (1.0, 1.0, 0.25, 0.25), "translate": (4.0, 0.0, 2.0, 1.0), "units": ("µm",) * 4}
    place["axis_labels"] = ("z", "c", "y", "x")
    done = viewer.add_image(stack, name="done", **place)
    noisy = viewer.add_image(stack + 1, name="noisy", **place)
    inspect.result.value, inspect.noisy.value = done, noisy
    viewer.dims.set_point(0, 6.0)
    assert "sampled 4 times a plane: 24×24×32 voxels" in ask("planes")
    fine = viewer.layers["done equal voxels"]
    assert fine.data.shape == (24, 1, 24, 32)
    assert np.allclose(fine.scale, (0.25, 1.0, 0.25, 0.25))
    edges = [layer.translate - layer.scale / 2 for layer in (fine, done)]
    ends = [layer.translate + layer.scale * (np.array(layer.data.shape) - 0.5) for layer in (fine, done)]
    assert np.allclose(*edges) and np.allclose(*ends)
    at = [np.sin(y / 5 + 0.4 * (z + 0.5) / 4 - 0.2) * np.cos(x / 6) for z in range(24)]
    assert np.abs(fine.data[4:-4, 0, 2:-2, 2:-2] - (100 + 50 * np.array(at))[4:-4, 2:-2, 2:-2]).max() < 2.0
    before = len(viewer.layers)
    done.data[3] = np.nan
    assert "Plane 3 of “done” has no result yet" in ask("planes")
    done.scale = (0.25, 1.0, 0.25, 0.25)
    assert "have equal sides already" in ask("planes")
    assert len(viewer.layers) == before


def test_what_does_not_fit_is_said_in_a_sentence_and_the_layers_stay(viewer, inspect, ask):
    viewer.add_image(np.zeros((40, 40), np.float32), name="other", units=("µm", "µm"))
    before = [layer.name for layer in viewer.layers]
    inspect.noisy.value = viewer.layers["other"]
    assert "one is not the result of the other as it is" in ask("removed") and inspect.message.is_error
    inspect.noisy.value = viewer.layers["cells denoised"]
    assert "choose two" in ask("removed")
    inspect.noisy.value = viewer.layers["cells"]
    viewer.layers.remove(viewer.layers["other"])
    viewer.add_image(np.zeros((48, 64, 3), np.uint8), name="other", rgb=True, units=("µm", "µm"))
    inspect.noisy.value = viewer.layers["other"]
    assert "“other” is in colour" in ask("removed")
    inspect.noisy.value = viewer.layers["cells"]
    whole = viewer.layers["cells denoised"].data
    viewer.layers["cells denoised"].data = whole / whole.max()
    assert "so they are on different scales" in ask("removed") and inspect.message.is_error
    viewer.layers["cells denoised"].data = np.roll(SMOOTHED, (2, -3), (0, 1))
    assert "better if it were moved by -2 rows and 3 columns" in ask("removed") and inspect.message.is_error
    viewer.layers["cells denoised"].data = np.full((48, 64), np.nan, np.float32)
    assert "has no result yet" in ask("removed")
    assert [layer.name for layer in viewer.layers] == before


def test_a_region_outside_of_the_plane_is_said_in_a_sentence(viewer, inspect, ask):
    shapes = viewer.add_shapes(name="far", scale=(0.2, 0.2), translate=(3.0, 5.0), units=("µm", "µm"))
    shapes.add_rectangles([[(100, 100), (160, 160)]])
    inspect.question.value = "What is between the pixels?"
    inspect.shapes.value = shapes
    before = len(viewer.layers)
    assert "The rectangle covers 0×0 pixels of “cells denoised”" in ask("between")
    assert inspect.message.is_error and len(viewer.layers) == before


def test_a_plane_of_a_stack_of_integers_that_the_run_did_not_reach_has_no_result(viewer, inspect, ask):
    stack = np.stack([SAMPLE.noisy, SAMPLE.noisy])
    viewer.add_image(stack, name="stack")
    done = np.stack([SAMPLE.noisy, np.zeros_like(SAMPLE.noisy)])
    record = {"source": "stack", "planes": [{"plane": [0]}]}
    viewer.add_image(done, name="stack done", metadata={METADATA_KEY: record})
    inspect.result.value, inspect.noisy.value = viewer.layers["stack done"], viewer.layers["stack"]
    viewer.dims.set_point(0, 1)
    assert "This plane of “stack done” has no result yet" in ask("removed")


def test_of_a_stack_the_plane_in_view_is_asked(viewer, inspect, ask):
    stack = np.stack([SAMPLE.noisy, SAMPLE.noisy + 50])
    units = ("µm", "µm", "µm")
    viewer.add_image(stack, name="stack", units=units)
    viewer.add_image(stack.astype(np.float32) - [[[3.0]], [[7.0]]], name="stack done", units=units)
    viewer.dims.set_point(0, 1)
    inspect.result.value, inspect.noisy.value = viewer.layers["stack done"], viewer.layers["stack"]
    assert "Noise was left" in ask("removed")
    residual = viewer.layers["stack done residual"]
    assert residual.data.shape == (1, 48, 64) and np.allclose(residual.data, 7.0, atol=1e-3)
    assert residual.translate[0] == 1.0
