import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_blindspot.core.words import sentence
from napari_blindspot.method.hole_geometry import hole_radius, target_spacing
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import Settings

AUTO = Settings.from_preset("auto")


def scene(blur: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = gaussian_filter(rng.normal(size=(192, 192)), 8, mode="wrap")
    noise = rng.normal(size=signal.shape)
    if blur:
        noise = gaussian_filter(noise, blur, mode="wrap")
    return 100 + 40 * signal / signal.std() + 20 * noise / noise.std()


def test_white_noise_needs_no_gap_and_shows_eight_pixels_of_nine():
    image = scene(0)
    plan = make_plan(image, estimate_noise(image), AUTO)
    assert plan.settings.gap == 0
    assert target_spacing(0, plan.settings.visible_fraction) == 3
    assert not plan.correlated
    assert (
        sentence(plan.notice) == "Noise nearly independent from pixel to pixel → 0-pixel gap, 89% visible."
    )


def test_correlated_noise_gets_a_gap_as_wide_as_its_reach_and_the_sentence_says_so():
    image = scene(1.0)
    plan = make_plan(image, estimate_noise(image), AUTO)
    assert plan.settings.gap >= 2
    assert plan.correlated
    assert re.search(r"correlated over [23] pixels → ", sentence(plan.notice))
    assert f"{plan.settings.gap}-pixel gap, 57% visible" in sentence(plan.notice)


def test_texture_from_edge_to_edge_with_white_noise_needs_no_gap():
    image = data.gravel() + np.random.default_rng(0).normal(0, 25, (512, 512))
    plan = make_plan(image, estimate_noise(image), AUTO)
    assert plan.settings.gap == 0
    assert not plan.correlated


def blurred_noise(sigma: float, blur: float) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(512, 512)), blur)
    return sigma * noise / noise.std()


def test_texture_with_correlated_noise_gets_the_gap_that_the_correlation_asks_for_and_no_wider():
    plane = data.gravel() + blurred_noise(25, 0.7)
    noise = estimate_noise(plane)
    assert noise.textured
    assert noise.sigma < 1.35 * 25
    plan = make_plan(plane, noise, AUTO)
    assert plan.settings.gap == 2
    assert "pixels at most, mixed with texture → 2-pixel gap" in sentence(plan.notice)
    less = make_plan(plane, replace(noise, correlation=noise.correlation**2), AUTO)
    assert less.settings.gap == 1


def test_correlated_noise_under_smooth_structure_gets_a_wide_gap():
    plane = 2 * data.cell()[:512, :512] + blurred_noise(25, 0.7)
    noise = estimate_noise(plane)
    assert not noise.textured
    assert make_plan(plane, noise, AUTO).settings.gap == 2


def test_correlated_noise_always_gets_a_gap_however_weak_it_is():
    plane = data.camera() + blurred_noise(10, 0.7)
    assert make_plan(plane, estimate_noise(plane), AUTO).settings.gap >= 1


def test_what_the_user_has_set_stays():
    image = scene(0)
    given = {"gap": 1, "visible_fraction": 0.5, "refine_iterations": (7,), "iterations": 50}
    plan = make_plan(image, estimate_noise(image), Settings.from_preset("auto", **given))
    assert {name: getattr(plan.settings, name) for name in given} == given


def test_noise_that_cannot_be_measured_gets_safe_settings_and_no_refinement():
    plan = make_plan(np.ones((32, 32)), estimate_noise(np.ones((32, 32))), AUTO)
    assert plan.settings.gap == 1
    assert plan.settings.refine_iterations == ()
    assert "could not be measured" in sentence(plan.notice)


@pytest.mark.parametrize(("gap", "pixels"), [(0, 1), (1, 5), (2, 21), (3, 37)])
def test_the_spacing_of_targets_leaves_the_asked_fraction_visible(gap, pixels):
    reach = np.arange(-gap, gap + 1)
    hidden = (reach[:, None] ** 2 + reach**2 <= hole_radius(gap) ** 2 + 1e-6).sum()
    assert hidden == pixels
    for fraction in (0.3, 0.5, 8 / 9):
        spacing = target_spacing(gap, fraction)
        assert 1 - pixels / spacing**2 >= fraction - 1e-9 or spacing == 2
        assert spacing == 2 or 1 - pixels / (spacing - 1) ** 2 < fraction
