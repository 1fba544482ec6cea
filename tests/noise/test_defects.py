"""Hot and dead pixels are found and replaced; points of light and noise are not."""

import numpy as np
import pytest
from scipy.special import erf
from skimage.io import imread

from napari_blindspot import denoise
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.defects import find_defects
from napari_blindspot.noise.estimate import estimate_noise

SIZE = 128
SHORT = {"device": "cpu", "iterations": 30, "refine_iterations": (5,)}


def scene() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return 60 + 40 * np.sin(x / 6) * np.cos(y / 7)


def with_defects(noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the plane with 24 hot and dead pixels, two of them side by side, and where they are."""
    rng = np.random.default_rng(5)
    where = np.zeros(noisy.shape, bool)
    where.flat[rng.choice(noisy.size, 22, replace=False)] = True
    where[40, 50] = where[40, 51] = True
    broken = noisy.copy()
    broken[where] = rng.permutation([4000] * 12 + [0] * int(where.sum() - 12))
    broken[40, 50] = broken[40, 51] = 4000
    return broken, where


def stabilised(noisy: np.ndarray) -> np.ndarray:
    return Anscombe.of(estimate_noise(noisy)).forward(noisy)


def test_hot_and_dead_pixels_are_found_and_nothing_else():
    noisy = np.random.default_rng(0).poisson(scene() + 40)
    broken, where = with_defects(noisy)
    assert np.array_equal(find_defects(stabilised(broken)), where)
    assert not find_defects(stabilised(noisy)).any()


def test_defects_are_found_beside_missing_pixels_and_at_the_border():
    noisy = np.random.default_rng(0).poisson(scene()).astype(float)
    noisy[0, 0] = noisy[5, SIZE - 1] = 5000
    noisy[60:70, 60:70] = np.nan
    found = find_defects(stabilised(noisy))
    assert {tuple(place) for place in np.argwhere(found)} == {(0, 0), (5, SIZE - 1)}


@pytest.mark.parametrize("sigma", [0.5, 0.7, 1.0])
def test_points_of_light_are_no_defects_even_where_they_are_sampled_coarsely(sigma):
    rng = np.random.default_rng(1)
    light = np.full((SIZE, SIZE), 20.0)

    def profile(centre: float) -> np.ndarray:
        edges = (np.arange(SIZE + 1) - 0.5 - centre) / sigma / np.sqrt(2)
        return np.diff(erf(edges)) / 2

    for y, x in rng.uniform(5, SIZE - 5, (40, 2)):
        light += rng.uniform(300, 6000) * np.outer(profile(y), profile(x))
    # The noise that was put on, not what is measured of it: so many points leave little to measure.
    assert not find_defects(2 * np.sqrt(rng.poisson(light) + 0.375)).any()


def test_a_thin_line_is_no_row_of_defects():
    noisy = np.random.default_rng(0).poisson(scene()).astype(float)
    for place in range(10, 100):
        noisy[place, place] += 2000
        noisy[place, 20] += 2000
    # Its ends, and where the two nearly meet, look like two pixels in company.
    assert find_defects(2 * np.sqrt(noisy + 0.375)).sum() <= 3


def test_a_fit_replaces_defects_and_says_so_and_their_surroundings_come_clean():
    broken, where = with_defects(np.random.default_rng(0).poisson(scene() + 40).astype(np.uint16))
    result = denoise(broken, "fast", **SHORT)
    assert "24 isolated pixels far brighter or darker" in " ".join(result.warnings)
    error = result.denoised - scene() - 40
    assert np.abs(error[where]).max() < 40
    assert np.sqrt(np.mean(error**2)) < 0.6 * np.sqrt(scene().mean() + 40)


def test_defects_are_kept_on_request():
    broken, where = with_defects(np.random.default_rng(0).poisson(scene() + 40).astype(np.uint16))
    result = denoise(broken, "fast", **SHORT, mend_defects=False)
    assert not any("defects" in warning for warning in result.warnings)
    hot = where & (broken == 4000)
    assert np.median(result.denoised[hot]) > 1000


def test_real_noisy_images_have_no_false_defects(shared_data):
    for path in sorted((shared_data / "fmdd-dev" / "raw").iterdir())[::10]:
        plane = imread(path)
        assert find_defects(stabilised(plane)).sum() == 0, path.name


def test_single_photons_on_a_dark_plane_are_no_defects():
    photons = np.zeros((SIZE, SIZE))
    photons.flat[np.random.default_rng(2).choice(photons.size, 90, replace=False)] = 1
    photons[50, 60] = 2
    assert not find_defects(100 * photons).any()
