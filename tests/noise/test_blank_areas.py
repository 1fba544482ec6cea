"""Areas that no exposure has filled are found to the pixel; zeros that are photons are not among them."""

import numpy as np
import pytest
from skimage import data
from skimage.io import imread

from napari_blindspot.noise.blank_areas import blank_areas, without_blank_areas
from napari_blindspot.noise.estimate import estimate_noise

SHAPE = (160, 192)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def cells(dark: float) -> np.ndarray:
    """Return counted photons of discs on a background of so many photons a pixel."""
    disc = 5.0 * (np.hypot(Y - 80, X - 70) < 40)
    return np.random.default_rng(0).poisson(dark + disc).astype(np.uint16)


BORDERS = {
    "bars at two edges": (Y < 9) | (X >= 186),
    "a bar of one pixel": Y < 1,
    "a slanted border": Y + 0.1 * X < 20,
    "a curved border": np.hypot(Y - 80, X - 96) > 90,
    "gaps between tiles": (abs(Y - 70) < 2) | (abs(X - 60) < 1),
    "a missing tile": (Y > 90) & (X > 100),
}


@pytest.mark.parametrize("value", [0, 7, -1000])
@pytest.mark.parametrize("kind", BORDERS)
def test_borders_and_gaps_are_found_to_the_pixel_whatever_their_value(kind, value):
    plane = np.random.default_rng(1).poisson(100.0, SHAPE).astype(np.int32)
    plane[BORDERS[kind]] = value
    assert np.array_equal(blank_areas(plane), BORDERS[kind])


@pytest.mark.parametrize("kind", ["bars at two edges", "gaps between tiles"])
def test_the_noise_is_that_of_the_inner_part(kind):
    plane = np.random.default_rng(2).normal(1000.0, 20.0, SHAPE) + 300 * np.sin(X / 30)
    plane[BORDERS[kind]] = 0
    assert estimate_noise(plane).sigma == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("photons", [0.0005, 0.003, 0.02, 0.1, 0.4, 2.0])
def test_the_zeros_of_few_photons_are_no_areas(photons):
    plane = np.random.default_rng(4).poisson(photons, SHAPE).astype(np.uint16)
    assert blank_areas(plane) is None


@pytest.mark.parametrize("dark", [0.01, 0.03, 0.1, 0.3])
def test_the_dark_around_cells_is_no_area(dark):
    assert blank_areas(cells(dark)) is None


@pytest.mark.parametrize("dark", [0.3, 1.0])
def test_bars_are_told_from_the_zeros_of_photons(dark):
    plane = cells(dark)
    plane[:10] = 0
    assert blank_areas(plane)[:10].all()
    assert blank_areas(plane)[11:].mean() < 0.005


def test_saturated_areas_are_none():
    plane = np.minimum(np.random.default_rng(5).poisson(100 + 30 * X), 4095).astype(np.uint16)
    assert (plane == 4095).mean() > 0.2
    assert blank_areas(plane) is None


@pytest.mark.parametrize("name", ["camera", "coins", "moon", "brick", "gravel"])
def test_photographs_have_none(name):
    assert blank_areas(getattr(data, name)()) is None


def test_real_captures_have_none(shared_data):
    for path in sorted((shared_data / "fmdd-dev" / "raw").glob("*.png")):
        assert blank_areas(imread(path)) is None, path.name


def test_nan_takes_their_place_and_a_plane_without_them_is_not_copied():
    plane = np.random.default_rng(6).poisson(100.0, SHAPE).astype(np.uint16)
    assert without_blank_areas(plane) is plane
    plane[:5] = 0
    bare = without_blank_areas(plane)
    assert np.isnan(bare[:5]).all()
    assert np.array_equal(bare[5:], plane[5:])
    assert blank_areas(bare) is None
