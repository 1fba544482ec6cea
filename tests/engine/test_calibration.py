"""Intensities of an estimate against the noisy pixels, level by level."""

import numpy as np
import pytest

from napari_blindspot.engine.calibration import calibrate

RNG = np.random.default_rng(0)
TRUTH = 20 + 200 * RNG.beta(0.5, 3.0, (256, 256))
NOISY = 2.0 * RNG.poisson(TRUTH / 2.0)
BLIND = TRUTH + RNG.normal(0, 3, TRUTH.shape)
NOTHING_MISSING = np.zeros(TRUTH.shape, bool)


def error(estimate: np.ndarray) -> float:
    return float(np.sqrt(np.mean((estimate - TRUTH) ** 2)))


def test_bright_structures_that_came_out_too_dim_get_their_intensity_back():
    dim = np.where(TRUTH > 100, 100 + 0.95 * (TRUTH - 100), TRUTH)
    put_right = calibrate(dim, BLIND, NOISY, NOTHING_MISSING)
    assert error(put_right) < 0.5 * error(dim)
    bright = TRUTH > 150
    assert put_right[bright].mean() == pytest.approx(TRUTH[bright].mean(), rel=0.005)


def test_a_right_estimate_is_left_almost_as_it_is():
    assert error(calibrate(TRUTH, BLIND, NOISY, NOTHING_MISSING)) < 0.2


def test_pixels_without_a_value_tell_nothing_but_are_corrected():
    missing = RNG.random(TRUTH.shape) < 0.1
    noisy = np.where(missing, np.nan, NOISY)
    put_right = calibrate(0.9 * TRUTH, BLIND, noisy, missing)
    assert np.isfinite(put_right).all()
    assert np.abs(put_right[missing] - TRUTH[missing]).mean() < 0.3 * np.abs(0.1 * TRUTH[missing]).mean()


def test_a_plane_with_too_few_pixels_to_tell_stays_as_it_is():
    small = TRUTH[:32, :32]
    same = calibrate(0.9 * small, small, NOISY[:32, :32], NOTHING_MISSING[:32, :32])
    assert np.array_equal(same, 0.9 * small)
