"""Which neighbours may be looked at, and how they come to lie over the plane."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_blindspot.noise.beside import likeness, look_beside
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.residual_noise import noise_of_residual
from napari_blindspot.samples import confocal

SIDE = 96


def scene(seed: int = 0) -> np.ndarray:
    """Return a stabilised scene whose noise would have a standard deviation of 1."""
    truth = confocal((SIDE + 40, SIDE + 40), seed=seed).truth.astype(float)
    return 20 * truth / truth.max()


def noisy(clean: np.ndarray, seed: int) -> np.ndarray:
    return clean + np.random.default_rng(seed).standard_normal(clean.shape)


def cut(clean: np.ndarray, y: int = 20, x: int = 20) -> np.ndarray:
    return clean[y : y + SIDE, x : x + SIDE]


@pytest.mark.parametrize("drift", [(0, 0), (1, -2), (-10, 7)])
def test_a_neighbour_that_has_drifted_is_laid_over_the_plane(drift):
    clean = scene()
    plane = noisy(cut(clean), 0)
    other = noisy(cut(clean, 20 + drift[0], 20 + drift[1]), 1)
    beside = look_beside(plane, other[None])
    laid = beside.planes[0]
    known = np.isfinite(laid)
    assert beside.farthest == max(map(abs, drift))
    # What is left between them is the noise of both.
    assert (laid - plane)[known].std() == pytest.approx(np.sqrt(2), rel=0.05)
    assert np.array_equal(beside.unmoved[0], other)
    assert known.sum() == (SIDE - abs(drift[0])) * (SIDE - abs(drift[1]))


def test_a_step_is_counted_from_one_neighbour_to_the_next():
    clean = scene()
    places = (12, 8, 4, -3, 0, 0)
    beside = look_beside(
        noisy(cut(clean), 0), np.stack([noisy(cut(clean, 20 + y), 1 + n) for n, y in enumerate(places)])
    )
    assert [shift[0] for shift in beside.shifts] == list(places)
    assert (beside.farthest, beside.longest_step) == (12, 4)


def test_a_drift_of_less_than_a_pixel_a_frame_adds_up():
    clean, step, count = scene(), 0.4, 4
    frames = [
        noisy(cut(ndimage.shift(clean, (step * k, 0), mode="nearest")), k + count)
        for k in range(-count, count + 1)
    ]
    plane = frames.pop(count)
    found = [shift for shift, _ in look_beside(plane, np.stack(frames)).shifts]
    assert (found[0], found[-1]) == (
        pytest.approx(step * count, abs=1),
        pytest.approx(-step * count, abs=1),
    )
    assert found[0] > 0 > found[-1]


def test_a_neighbour_in_half_the_light_is_brought_to_the_brightness_of_the_plane():
    clean = cut(scene())
    beside = look_beside(noisy(clean, 0), noisy(0.6 * clean - 3, 1)[None])
    assert beside.planes[0].mean() == pytest.approx(clean.mean(), abs=0.1)
    assert np.corrcoef(beside.planes[0].ravel(), clean.ravel())[0, 1] > 0.8


def test_planes_that_show_something_else_or_nothing_are_left_out():
    clean = cut(scene())
    strangers = np.stack(
        [noisy(cut(scene(5)), 1), np.zeros_like(clean), noisy(np.full_like(clean, 9.0), 2), noisy(clean, 3)]
    )
    beside = look_beside(noisy(clean, 0), strangers)
    assert (beside.given, beside.foreign, beside.count) == (4, 3, 1)
    assert np.isfinite(beside.planes[3]).all()


def test_a_plane_that_shares_its_noise_is_left_out_also_where_it_was_shifted():
    clean = scene()
    whole = noisy(clean, 0)
    beside = look_beside(cut(whole), np.stack([cut(whole), cut(whole, 23, 18), noisy(cut(clean), 1)]))
    assert (beside.sharing, beside.count) == (2, 1)
    assert beside.shared_noise == pytest.approx(1.0, abs=0.01)


def test_a_missing_neighbour_is_no_neighbour():
    clean = cut(scene())
    beside = look_beside(noisy(clean, 0), np.stack([np.full_like(clean, np.nan), noisy(clean, 1)]))
    assert (beside.given, beside.count) == (1, 1)
    assert np.isnan(beside.planes[0]).all()


def test_likeness_is_that_of_what_planes_show_not_of_their_noise():
    clean = cut(scene())
    assert likeness(noisy(clean, 0), noisy(clean, 1)) > 0.8
    flat = np.zeros_like(clean)
    assert abs(likeness(noisy(flat, 0), noisy(flat, 1))) < 0.15


def test_noise_that_grows_where_only_small_things_are_bright_is_measured_by_a_prediction():
    rng = np.random.default_rng(3)
    photons = np.zeros((SIDE, SIDE))
    for y, x in rng.integers(4, SIDE - 4, (40, 2)):
        yy, xx = np.mgrid[:SIDE, :SIDE]
        photons += 12 * np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 4)
    image = rng.poisson(photons) + 0.5 * rng.standard_normal(photons.shape)
    alone = estimate_noise(image)
    again = noise_of_residual(alone, image, photons, np.zeros(photons.shape, bool))
    assert abs(again.gain - 1) < 0.15
    assert again.offset == pytest.approx(0.25, abs=0.06)
    assert abs(again.gain - 1) <= abs(alone.gain - 1)


def test_strong_correlated_noise_does_not_make_a_plane_a_stranger():
    clean = 0.27 * cut(scene())
    rng = np.random.default_rng(0)
    blurred = ndimage.gaussian_filter(rng.standard_normal((2, SIDE, SIDE)), (0, 1.5, 1.5))
    first, second = clean + 2 * blurred / blurred.std()
    assert likeness(first, second) < 0.15
    assert look_beside(first, second[None]).foreign == 0
