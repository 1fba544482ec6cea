"""Correlated noise among fine fibres, which leave no block of an image quiet."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.window_levels import LAGS, measured_by_windows


def blurred_noise(sigma: float, side: int, seed: int = 0) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 0.7, mode="wrap")
    return sigma * noise / noise.std()


def fibres(side: int, count: int, width: float) -> np.ndarray:
    """Return straight lines in all directions over the whole plane, with values up to 1."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:side, :side]
    plane = np.zeros((side, side))
    for angle, offset in rng.uniform((0, -side), (np.pi, side), (count, 2)):
        across = (y - side / 2) * np.cos(angle) + (x - side / 2) * np.sin(angle) - offset / 2
        plane = np.maximum(plane, rng.uniform(0.5, 1) * np.exp(-((across / width) ** 2)))
    return plane


@pytest.mark.parametrize(("count", "tolerance"), [(10, 0.08), (20, 0.13)])
def test_fibres_do_not_make_correlated_noise_look_twice_as_strong(count, tolerance):
    plane = 500 + 200 * fibres(192, count, 1.5) + blurred_noise(20, 192)
    noise = estimate_noise(plane)
    assert noise.is_correlated
    assert 0.9 * 20 < noise.sigma < 1.4 * 20
    field = blurred_noise(1, 192)
    truth = (field[:, 1:] * field[:, :-1]).mean()
    assert noise.neighbour_correlation == pytest.approx(truth, abs=tolerance)


def test_noise_among_nothing_is_found_as_strong_and_as_correlated_as_it_is():
    noise = estimate_noise(500 + blurred_noise(20, 256))
    field = blurred_noise(1, 256)
    assert noise.sigma == pytest.approx(20, rel=0.05)
    middle = LAGS
    for lag in (1, 2):
        true = (field[:, lag:] * field[:, :-lag]).mean()
        assert noise.correlation[middle, middle + lag] == pytest.approx(true, abs=0.04)


def test_a_large_plane_is_measured_by_parts_to_the_same_figures():
    noise = estimate_noise(500 + blurred_noise(20, 600))
    assert noise.sigma == pytest.approx(20, rel=0.05)


def test_windows_with_missing_pixels_say_nothing():
    plane = 500 + blurred_noise(20, 256)
    whole = estimate_noise(plane)
    plane[64:128] = np.nan
    holed = estimate_noise(plane)
    assert holed.sigma == pytest.approx(whole.sigma, rel=0.05)
    plane[:] = np.nan
    plane[:12, :12] = 500
    assert measured_by_windows(whole, plane[None]) is whole
