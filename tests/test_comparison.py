"""The method beside others, without a truth; here there is one, to see whether the scores are right."""

from __future__ import annotations

import importlib.util
from functools import partial

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot import ImageError, NoiseModel, Settings, compare, denoise
from napari_blindspot.inspection.blind_score import hide_pixels, score_hidden
from napari_blindspot.inspection.residual import noise_sigma
from napari_blindspot.samples import Sample, confocal

SETTINGS = Settings.from_preset("fast", iterations=4, symmetries=1, refine_iterations=(4,), device="cpu")


def exposed(side: int) -> tuple[Sample, NoiseModel]:
    """Return an image, and its noise as it is."""
    sample = confocal((side, side), seed=4)
    offset = sample.read_noise**2 - sample.gain * sample.offset
    noise = NoiseModel(sample.gain, 0.0, offset, 0.0, 30.0, np.ones((1, 1)), 0.0, 0.0, 0.0, 0.0)
    return sample, noise


def test_the_order_by_score_is_the_order_by_true_error():
    sample, noise = exposed(128)
    sigma = noise_sigma(sample.truth, noise)
    denoisers = {f"blur {blur}": partial(gaussian_filter, sigma=blur) for blur in (0.4, 1.4, 6.0)}
    denoisers["fit"] = lambda image: denoise(image, settings=SETTINGS).denoised
    errors = {
        name: (((denoiser(sample.noisy.astype(float)) - sample.truth) / sigma) ** 2).mean()
        for name, denoiser in denoisers.items()
    }
    hidden = hide_pixels(sample.noisy, noise, radius=0.0, spacing=7)
    scores = score_hidden(hidden, {name: one(hidden.image) for name, one in denoisers.items()}, "fit")
    order = sorted(errors, key=lambda name: errors[name])
    assert order[0] == "fit" and order[-1] == "blur 0.4"
    assert sorted(scores, key=lambda name: scores[name].mean) == order
    for name, score in scores.items():
        assert abs(score.above - (errors[name] - errors["fit"])) <= 3.5 * score.above_error


def test_all_that_are_installed_are_compared_on_the_same_pixels_and_said_in_a_table_and_a_sentence():
    sample, noise = exposed(48)
    found = compare(sample.noisy, noise, SETTINGS)
    names = [one.name for one in found.contenders]
    assert found.pixels == 36 and "this method" in names and any("Gaussian" in name for name in names)
    installed = {"skimage": "NLM", "bm3d": "BM3D"}
    assert {name for package, name in installed.items() if importlib.util.find_spec(package)} <= set(names)
    assert [one.score.mean for one in found.contenders] == sorted(
        one.score.mean for one in found.contenders
    )
    assert all(one.estimate.shape == (48, 48) for one in found.others)
    assert found.columns == ("Denoiser", "Score", "Difference")
    assert [row[0] for row in found.rows] == names and all(len(row) == 3 for row in found.rows)
    assert found.in_words.startswith("On 36 hidden pixels this method errs by ")


def test_without_settings_the_others_alone_have_a_score(monkeypatch):
    monkeypatch.setattr("napari_blindspot.comparison.PACKAGES", {})
    sample, noise = exposed(48)
    found = compare(np.where(np.arange(48) < 5, np.nan, sample.noisy), noise)
    assert found.own is None and len(found.columns) == 2
    assert found.in_words.endswith("The result tells no settings, so this method has no score.")
    with pytest.raises(ImageError, match="Too few pixels"):
        compare(np.where(np.arange(48) < 47, np.nan, sample.noisy), noise)
