"""Whether structure was removed or noise was left is told of real fits and of estimates that are spoilt."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot import samples
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import sentence
from napari_blindspot.inspection.verdict import WINDOW, judge
from napari_blindspot.noise.estimate import estimate_noise

MAKERS = [samples.confocal, samples.two_photon, samples.wide_field]


@pytest.fixture(scope="module", params=MAKERS, ids=lambda make: make.__name__)
def scene(request):
    sample = request.param((128, 128), seed=4)
    return sample, estimate_noise(sample.noisy)


def test_what_a_perfect_estimate_removes_is_noise_alone(scene):
    sample, noise = scene
    assert judge(sample.noisy, sample.truth, noise).kind == "noise-alone"


@pytest.mark.parametrize("sigma", [3.0, 4.0])
def test_a_blurred_estimate_has_lost_structure(scene, sigma):
    sample, noise = scene
    blurred = gaussian_filter(sample.truth.astype(float), sigma)
    assert judge(sample.noisy, blurred, noise).kind == "structure-removed"
    smoothed = gaussian_filter(sample.noisy.astype(float), sigma)
    assert judge(sample.noisy, smoothed, noise).kind == "structure-removed"


def test_an_estimate_of_one_value_has_lost_all_structure_there_is(scene):
    sample, noise = scene
    flat = np.full(sample.noisy.shape, sample.noisy.mean())
    assert judge(sample.noisy, flat, noise).kind == "structure-removed"


def test_an_estimate_of_one_value_is_right_where_there_is_noise_alone():
    noisy = np.random.default_rng(3).poisson(30.0, (192, 192))
    assert judge(noisy, np.full(noisy.shape, 30.0), estimate_noise(noisy)).kind == "noise-alone"


@pytest.mark.parametrize("share", [0.4, 0.7, 1.0])
def test_an_estimate_that_keeps_some_of_the_noise_has_noise_left(scene, share):
    sample, noise = scene
    estimate = sample.truth + share * (sample.noisy - sample.truth.astype(float))
    assert judge(sample.noisy, estimate, noise).kind == "noise-left"


def test_the_map_shows_where_one_half_was_blurred_and_the_other_left_noisy():
    truth = 3 * samples.confocal((192, 192), seed=4).truth.astype(float)
    noisy = np.random.default_rng(0).poisson(truth)
    estimate = gaussian_filter(truth, 4.0)
    estimate[96:] = noisy[96:]
    verdict = judge(noisy, estimate, estimate_noise(noisy))
    assert verdict.window == WINDOW and verdict.map.shape == (6, 6)
    assert (verdict.map[3:] == -1).all()
    assert (verdict.map[:3] != -1).all() and (verdict.map[:3] == 1).mean() > 0.2
    pixels = verdict.map_of_pixels((192, 192))
    assert pixels.shape == (192, 192) and (pixels[::32, ::32] == verdict.map).all()


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_noise_that_was_kept_in_part_is_not_taken_for_structure(seed):
    """A small plane that is nearly flat: where the estimate stands out, it is the noise that did."""
    y, x = np.mgrid[:96, :96]
    truth = 10 + 4 * np.sin(y / 30) * np.sin(x / 25) + 60 * np.exp(-((y - 80) ** 2 + (x - 80) ** 2) / 30)
    noisy = np.random.default_rng(seed).poisson(truth).astype(float)
    estimate = truth + 0.5 * gaussian_filter(noisy - truth, 1.5)
    assert judge(noisy, estimate, estimate_noise(noisy)).kind == "noise-alone"


def test_a_half_that_is_black_and_holds_no_noise_does_not_mislead():
    truth = 3 * samples.confocal((128, 128), seed=1).truth.astype(float)
    black = np.zeros((128, 128), bool)
    black[:, :70] = True
    noisy = np.where(black, 0.0, np.random.default_rng(1).poisson(truth))
    noise = estimate_noise(noisy)
    truth[black] = 0.0
    assert judge(noisy, truth, noise).kind == "noise-alone"
    assert judge(noisy, gaussian_filter(truth, 3.0), noise).kind == "structure-removed"


def test_planes_that_do_not_divide_by_the_window_and_have_missing_pixels_are_judged():
    sample = samples.confocal((75, 90), seed=2)
    noisy = sample.noisy.astype(float)
    noisy[:10, :40] = np.nan
    verdict = judge(noisy, sample.truth, estimate_noise(noisy))
    assert verdict.kind == "noise-alone"
    assert verdict.map_of_pixels((75, 90)).shape == (75, 90)


@pytest.mark.parametrize("kind", ["structure-removed", "noise-left", "noise-alone"])
def test_each_verdict_is_said_in_one_sentence(kind):
    values = {"structure": 2.4, "noise": 0.35, "structure_windows": 0.2, "noise_windows": 0.0}
    words = sentence(Notice(kind, values))
    assert words.endswith(".") and words.count(". ") == 0
    assert {"structure-removed": "2.40 times", "noise-left": "35%", "noise-alone": "noise alone"}[
        kind
    ] in words
