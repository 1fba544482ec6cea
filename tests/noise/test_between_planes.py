"""What the differences of planes tell of the noise's correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot.core.noise_model import next_pixel_correlation
from napari_blindspot.noise.between_planes import correlation_between_planes
from napari_blindspot.noise.estimate import estimate_noise

SHAPE = (96, 96)


def texture(strength: float) -> np.ndarray:
    """Return structure from edge to edge."""
    fine = gaussian_filter(np.random.default_rng(9).standard_normal(SHAPE), 1.0)
    return strength * fine / fine.std()


def draw(seed: int, blur: float = 0.0) -> np.ndarray:
    """Return noise with a standard deviation of 1."""
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    noise = gaussian_filter(noise, blur) if blur else noise
    return noise / noise.std()


def correlations(plane: np.ndarray, neighbours: list[np.ndarray]) -> tuple[float, float]:
    """Return the correlation of next pixels of a plane by itself, and between planes."""
    alone = estimate_noise(plane)
    between = correlation_between_planes(alone, plane, np.stack(neighbours))
    return next_pixel_correlation(alone.correlation), next_pixel_correlation(between.correlation)


def test_texture_is_no_correlation_of_the_noise_where_a_neighbour_shows_it_too():
    clean, absent = texture(1.5), np.full(SHAPE, np.nan)
    alone, between = correlations(clean + draw(0), [absent, clean + draw(1)])
    assert alone > 0.3
    assert abs(between) < 0.05


def test_one_neighbour_that_shows_the_same_is_enough():
    clean, other = texture(1.5), np.rot90(texture(1.5))
    _, between = correlations(clean + draw(0), [other + draw(1), clean + draw(2)])
    assert abs(between) < 0.05


def test_noise_that_is_correlated_stays_so():
    clean = texture(0.5)
    alone, between = correlations(clean + draw(0, 0.7), [clean + draw(1, 0.7), clean + draw(2, 0.7)])
    assert between == pytest.approx(alone)
    assert between > 0.4


def test_noise_that_was_blurred_stays_correlated_on_a_faint_white_floor():
    clean = texture(0.5)
    planes = [clean + 20 * draw(seed, 1.0) + draw(seed + 9) for seed in range(3)]
    alone, between = correlations(planes[0], planes[1:])
    assert alone > 0.7
    assert between == pytest.approx(alone)


def test_without_a_neighbour_nothing_changes():
    alone, between = correlations(texture(1.5) + draw(0), [np.full(SHAPE, np.nan)] * 2)
    assert between == alone
