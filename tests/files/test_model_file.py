"""Models: fitted networks in one file, and what they make of other planes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_blindspot import Control, Model, Settings, denoise, fit, load, save
from napari_blindspot.core.errors import CancelledError, FileError, ImageError, SettingsError
from napari_blindspot.core.events import Finished, Step
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.files.model_file import model_from_bytes, model_to_bytes
from napari_blindspot.samples import confocal

TINY = {
    "device": "cpu",
    "iterations": 8,
    "refine_iterations": (3,),
    "unet_width": 8,
    "inr_features": 8,
    "patch_size": 32,
    "batch_size": 2,
    "symmetries": 2,
}


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(confocal((48, 48)).noisy, **TINY)


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.safetensors"
    save(model, path)
    return path


def applied(model: Model, image: np.ndarray, **options):
    return denoise(image, model=model, device="cpu", **options)


def psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((estimate - truth) ** 2)))


def test_a_model_comes_back_from_its_file_as_it_was(model, saved):
    again = load(saved)
    assert again.settings == model.settings
    assert (again.mean, again.scale, again.plane) == (model.mean, model.scale, ())
    assert (again.noise.gain, again.noise.offset) == (model.noise.gain, model.noise.offset)
    assert again.noise.measured is model.noise.measured
    # Figures of the correlation are kept to four digits.
    assert np.allclose(again.noise.correlation, model.noise.correlation, atol=5e-5)
    assert again.weights.keys() == model.weights.keys()
    assert all(np.array_equal(again.weights[name], model.weights[name]) for name in model.weights)


def test_a_loaded_model_gives_the_pixels_of_the_one_that_was_saved(model, saved):
    other = confocal((40, 56), seed=1).noisy
    first, second = applied(model, other), applied(load(saved), other)
    assert np.array_equal(first.denoised, second.denoised)
    assert np.array_equal(first.inr, second.inr)
    assert first.origin == "model"


def test_the_file_holds_the_settings_as_json_that_other_programs_can_read(model, saved):
    from safetensors import safe_open

    with safe_open(saved, "numpy") as file:
        header = file.metadata()
    assert dict(Settings.parse(header["settings"])) == dict(model.settings)
    assert json.loads(header["noise"])["gain"] == model.noise.gain


def test_a_model_is_applied_without_training_and_denoises_a_plane_of_the_same_kind():
    model = fit(confocal((64, 64)).noisy, **TINY | {"iterations": 60, "refine_iterations": (10,)})
    other = confocal((64, 64), seed=1)
    steps = []
    result = applied(
        model, other.noisy, on_event=lambda e: steps.append(e) if isinstance(e, Step) else None
    )
    assert not steps
    assert result.iterations == 0
    assert psnr(result.denoised, other.truth) > psnr(other.noisy, other.truth) + 3
    assert psnr(result.inr, other.truth) > psnr(other.noisy, other.truth)


def test_the_weights_of_a_model_do_not_change_when_it_is_applied_or_started_from(model):
    before = {name: x.copy() for name, x in model.weights.items()}
    other = confocal((48, 48), seed=1).noisy
    applied(model, other)
    list(fit_plane(other, Settings.from_preset(**TINY), initial_model=model))
    assert all(np.array_equal(before[name], model.weights[name]) for name in before)


def test_a_model_without_refinement_does_not_let_a_pixel_see_itself():
    noisy = confocal((48, 48)).noisy.astype(float)
    model = fit(noisy, **TINY | {"refine_iterations": ()})
    changed = noisy.copy()
    changed[20, 31] += 20
    change = applied(model, changed).denoised[20, 31] - applied(model, noisy).denoised[20, 31]
    assert abs(change) < 2


def test_cancelling_ends_an_application_without_a_result(model):
    control = Control()
    control.cancel()
    with pytest.raises(CancelledError):
        applied(model, confocal((48, 48)).noisy, control=control)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a model of napari-blindspot"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "is not a model of napari-blindspot"),
        (bytes(8), "is not a model of napari-blindspot"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path, content, why):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileError, match=why):
        load(path)


def test_a_truncated_model_and_one_of_another_program_are_refused(saved, tmp_path):
    from safetensors.numpy import save_file

    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(FileError, match="is a torn model: it ends before its last number"):
        load(saved)
    other = tmp_path / "bert.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, other)
    with pytest.raises(FileError, match="its header says None"):
        load(other)


def test_a_model_with_numbers_that_are_not_finite_or_with_weights_missing_is_refused(model):
    name = next(iter(model.weights))
    broken = Model(
        model.settings, {**model.weights, name: model.weights[name] * np.nan}, 0.0, 1.0, model.noise
    )
    with pytest.raises(FileError, match="not finite"):
        model_from_bytes(model_to_bytes(broken))
    fewer = {key: x for key, x in model.weights.items() if key != name}
    broken = Model(model.settings, fewer, 0.0, 1.0, model.noise)
    with pytest.raises(FileError, match="damaged"):
        model_from_bytes(model_to_bytes(broken))


def test_a_missing_file_and_a_folder_that_is_not_there_are_said(model, tmp_path):
    with pytest.raises(FileError, match="No such file"):
        load(tmp_path / "nothing.safetensors")
    with pytest.raises(FileError, match="nowhere"):
        save(model, tmp_path / "nowhere" / "model.safetensors")


def test_a_model_of_another_width_cannot_be_the_start(model):
    settings = Settings.from_preset(**TINY | {"unet_width": 16})
    with pytest.raises(SettingsError, match="fitted with unet_width 8, but the settings say 16"):
        list(fit_plane(confocal((48, 48)).noisy, settings, initial_model=model))


def test_paper_has_no_model_and_a_constant_plane_none_either():
    with pytest.raises(SettingsError, match="paper"):
        fit(confocal((48, 48)).noisy, "paper")
    with pytest.raises(ImageError, match="All pixels are equal"):
        fit(np.ones((32, 32)), **TINY)


def test_paper_says_that_it_cannot_start_from_a_model(model):
    with pytest.raises(SettingsError, match="paper"):
        list(fit_plane(confocal((48, 48)).noisy, Settings.from_preset("paper"), initial_model=model))


def test_a_model_can_be_taken_from_a_run_that_is_watched():
    *_, finished = fit_plane(confocal((48, 48)).noisy, Settings.from_preset(**TINY))
    assert isinstance(finished, Finished)
    assert finished.model is not None
    assert finished.model.settings == finished.result.settings


def test_the_inr_of_a_model_is_sampled_over_its_plane_also_after_it_was_saved(model, saved):
    from napari_blindspot import denoise

    again = load(saved)
    result = denoise(confocal((48, 48)).noisy, **TINY)
    assert np.allclose(again.sample().values, result.inr, rtol=1e-3, atol=0.05)
    fine, part = again.sample(4), again.sample(4, (8, 12, 20, 40))
    assert fine.values.shape == (192, 192)
    assert np.allclose(part.values, fine.values[32:80, 48:160], atol=1e-3)
    assert part.origin == (8 - 0.375, 12 - 0.375)


@pytest.mark.parametrize(
    ("region", "zoom", "words"),
    [
        ((0, 0, 49, 48), 1, "does not lie within the plane of 48×48 pixels"),
        ((10, 10, 10, 20), 1, "does not lie within the plane"),
        (None, 0, "must be greater than 0"),
        (None, 1000, "choose a smaller region or zoom"),
    ],
)
def test_a_region_that_cannot_be_sampled_is_said_in_a_sentence(model, region, zoom, words):
    with pytest.raises(ImageError, match=words):
        model.sample(zoom, region)


def test_a_model_without_an_inr_says_so(model):
    from dataclasses import replace

    with pytest.raises(ImageError, match="holds no INR"):
        replace(model, inr_base=None).sample()
