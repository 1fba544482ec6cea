"""Whether an estimate lies over its noisy plane."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from napari_blindspot import samples
from napari_blindspot.inspection.alignment import best_move

MAKERS = (samples.confocal, samples.two_photon, samples.wide_field)


def estimates(sample):
    """What lies over the noisy plane, however good or bad it is."""
    yield sample.truth
    yield sample.noisy
    for sigma in (0.5, 2.0, 8.0):
        yield gaussian_filter(np.asarray(sample.noisy, float), sigma)
        yield gaussian_filter(sample.truth, sigma)
    yield shift(sample.truth, (0.4, -0.4), mode="nearest")
    yield np.full(sample.truth.shape, 7.0)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("seed", range(4))
def test_an_estimate_in_its_place_is_left_there(make, seed):
    sample = make((64, 80), seed=seed)
    for estimate in estimates(sample):
        assert best_move(sample.noisy, estimate) is None


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("move", [(3, -5), (-20, 11)])
def test_an_estimate_that_was_moved_is_recognised_with_the_way_back(make, move):
    sample = make((128, 160), seed=2)
    moved = np.roll(sample.truth, np.negative(move), (0, 1))
    inside = np.s_[24:-24, 24:-24]
    # In so much noise a truth, of which nothing is noise, lies where it lies to a pixel.
    assert np.abs(np.subtract(best_move(sample.noisy[inside], moved[inside]), move)).max() <= 1


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("move", [(1, 0), (0, -1)])
def test_a_single_pixel_is_told_by_the_noise_that_an_estimate_keeps(make, move):
    noisy = np.asarray(make((96, 96), seed=2).noisy, float)
    moved = np.roll(gaussian_filter(noisy, 1.0), np.negative(move), (0, 1))
    assert best_move(noisy[4:-4, 4:-4], moved[4:-4, 4:-4]) == move


def test_noise_alone_is_in_its_place():
    rng = np.random.default_rng(0)
    for correlated in (0.0, 0.8, 1.5):
        noisy = gaussian_filter(rng.normal(100, 10, (96, 96)), correlated)
        for estimate in (gaussian_filter(noisy, 3.0), rng.normal(100, 1, noisy.shape), np.ones_like(noisy)):
            assert best_move(noisy, estimate) is None


def test_pixels_without_a_value_say_nothing():
    sample = samples.confocal((96, 96))
    noisy = np.asarray(sample.noisy, float)
    holes = noisy.copy()
    holes[:, :20] = np.nan
    assert best_move(holes, sample.truth) is None
    assert best_move(np.roll(holes, 4, 0), sample.truth) == (4, 0)
    assert best_move(np.full_like(noisy, np.nan), sample.truth) is None
