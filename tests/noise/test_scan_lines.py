"""Offsets of rows and columns are found and taken out; structure, also in one direction, is not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from skimage import data
from skimage.io import imread

from napari_blindspot import denoise
from napari_blindspot.noise.scan_lines import scan_line_offsets

SHAPE = (120, 150)
SHORT = {"device": "cpu", "iterations": 20, "refine_iterations": (4,), "symmetries": 2}


def scene() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 60 + 40 * np.sin(x / 6) * np.cos(y / 7)


def flickering(sigma: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a plane with shot noise whose rows have offsets, and the offsets, (Y, 1)."""
    rng = np.random.default_rng(0)
    offsets = sigma * rng.standard_normal((SHAPE[0], 1))
    return rng.poisson(scene()) + offsets, offsets - gaussian_filter1d(offsets, 5, axis=0)


def test_offsets_of_rows_are_found_to_a_tenth():
    noisy, offsets = flickering()
    found = scan_line_offsets(noisy)
    assert found.shape == (SHAPE[0], 1)
    # What changes slowly is left to the image.
    fast = found - gaussian_filter1d(found, 5, axis=0)
    assert np.std(fast - offsets) < 0.25 * np.std(offsets)


def test_offsets_of_columns_are_found_likewise_and_scale_with_the_image():
    noisy, _ = flickering()
    assert np.allclose(scan_line_offsets(10 * noisy.T + 5), 10 * scan_line_offsets(noisy).T)


def test_missing_pixels_tell_nothing():
    noisy, _ = flickering()
    holes = noisy.copy()
    holes[30:60, 40:90] = np.nan
    found = scan_line_offsets(holes)
    assert np.isfinite(found).all()
    assert np.std(found - scan_line_offsets(noisy)) < 1.0


@pytest.mark.parametrize("name", ["camera", "coins", "gravel", "brick", "moon", "page", "text", "grass"])
def test_photographs_have_none_also_where_their_structure_has_one_direction(name):
    assert scan_line_offsets(getattr(data, name)()) is None


def test_layers_are_no_scan_lines():
    rng = np.random.default_rng(0)
    layers = gaussian_filter1d(rng.standard_normal((200, 1)), 1.0, axis=0)
    assert scan_line_offsets(rng.poisson(100 + 40 * np.broadcast_to(layers, (200, 160)))) is None


@pytest.mark.parametrize("plane", [np.zeros((64, 64)), np.full((64, 64), np.nan), np.eye(16)])
def test_planes_that_tell_nothing_are_left_alone(plane):
    assert scan_line_offsets(plane) is None


def test_the_edge_of_a_round_field_of_view_is_no_offset():
    y, x = np.mgrid[-100:100, -100:100]
    cells = 5 + 60 * (np.hypot(y, x - 95) < 12)
    for seed in range(6):
        noisy = np.where(np.hypot(y, x) < 95, np.random.default_rng(seed).poisson(cells), np.nan)
        assert scan_line_offsets(noisy) is None
    assert scan_line_offsets(noisy + 3 * np.random.default_rng(1).standard_normal(200)) is not None


def test_real_images_have_none(shared_data):
    for path in sorted((shared_data / "fmdd-dev" / "raw").iterdir()):
        assert scan_line_offsets(imread(path)) is None, path.name


def test_a_fit_takes_them_out_and_says_so_and_keeps_them_on_request():
    noisy, _ = flickering()
    clean = denoise(noisy, "fast", **SHORT)
    kept = denoise(noisy, "fast", **SHORT, mend_defects=False)
    assert "The rows of this plane have offsets of their own" in " ".join(clean.warnings)
    assert not any("offsets" in warning for warning in kept.warnings)

    def error_of_rows(image: np.ndarray) -> float:
        means = (image - scene()).mean(axis=1)
        return float(np.std(means - gaussian_filter1d(means, 5)))

    assert error_of_rows(clean.denoised) < 0.5 * error_of_rows(kept.denoised)
