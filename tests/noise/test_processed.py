"""Planes that are no raw data are found by their pixels; noise, also rounded and correlated, is not."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter, median_filter

from napari_blindspot.core.words import sentence
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.noise.processed import compressed_in_blocks, doubt_about
from napari_blindspot.settings import Settings

Y, X = np.mgrid[:128, :128]
MEAN = 4 + 20 / (1 + np.exp((np.hypot(Y - 60, X - 70) - 30) / 2))


def exposed(seed: int = 0) -> np.ndarray:
    """Return counts with a gain of 4 electrons, an offset and noise of the readout."""
    rng = np.random.default_rng(seed)
    return np.rint(4.0 * rng.poisson(MEAN) + 100 + rng.normal(0, 3, MEAN.shape))


def jpeg(plane: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8)).save(stream, "jpeg", quality=75)
    return np.asarray(Image.open(stream))


def sharpened(plane: np.ndarray) -> np.ndarray:
    for _ in range(2):
        beside = sum(np.roll(plane, step, axis) for step in (1, -1) for axis in (0, 1)) / 4
        plane = plane + 0.7 * (plane - beside)
    return plane


def interpolated(plane: np.ndarray) -> np.ndarray:
    plane[1:-1:2] = (plane[:-2:2] + plane[2::2]) / 2
    return plane


def averaged(exposures: int) -> np.ndarray:
    return np.mean([np.random.default_rng(k).poisson(MEAN) for k in range(exposures)], axis=0)


PROCESSED = {
    "pixels doubled": (lambda: np.kron(exposed(), np.ones((2, 2))), "bin the image by 2×2"),
    "rows repeated": (lambda: np.repeat(exposed()[::2], 2, axis=0), "bin the image by 2×1"),
    "columns three times": (lambda: np.repeat(exposed()[:, ::3], 3, axis=1), "bin the image by 1×3"),
    "rows enlarged by a quarter": (
        lambda: exposed()[np.arange(128) * 4 // 5],
        "Of the rows, 20% equal the one before",
    ),
    "every second line interpolated": (lambda: interpolated(exposed()), "Every second line"),
    "as JPEG": (lambda: jpeg(exposed() / 2), "edges every 8 pixels"),
    "median-filtered": (lambda: median_filter(exposed(), 3), "median filter"),
    "sharpened": (lambda: sharpened(exposed()), "sharpening"),
    "a line average in few levels": (lambda: averaged(8).astype(np.uint8), "steps between two values"),
}


@pytest.mark.parametrize("kind", PROCESSED)
def test_what_was_done_to_the_pixels_is_said_with_what_to_do(kind):
    make, words = PROCESSED[kind]
    plane = make()
    notice = doubt_about(plane, estimate_noise(plane))
    assert notice is not None
    assert words in sentence(notice)


RAW = {
    "a camera's": lambda: exposed(),
    "of 8 bits": lambda: np.floor(exposed() / 4),
    "correlated": lambda: np.rint(MEAN + 40 * gaussian_filter(exposed() - 4 * MEAN, 0.8)),
    "counted photons": lambda: np.random.default_rng(1).poisson(MEAN / 4),
    "few photons": lambda: np.random.default_rng(1).poisson(MEAN / 100),
    "with sharp edges both ways": lambda: exposed() + 500.0 * ((Y > 40) & (X > 56)),
    "with borders": lambda: np.where(Y < 9, np.nan, exposed()),
}


@pytest.mark.parametrize("kind", RAW)
def test_raw_planes_raise_no_doubt(kind):
    plane = RAW[kind]()
    assert doubt_about(plane, estimate_noise(plane)) is None


def test_jpeg_is_found_where_black_pixels_make_noise_look_like_photons():
    plane = np.random.default_rng(3).normal(25, 10, (256, 256)) + 3 * (
        np.hypot(*np.mgrid[-128:128, -128:128]) < 80
    )
    assert (jpeg(plane) == 0).any()
    assert compressed_in_blocks(jpeg(plane))
    assert not compressed_in_blocks(np.clip(plane, 0, 255).astype(np.uint8))


def test_nothing_looks_like_jpeg_in_single_photons():
    rng = np.random.default_rng(4)
    spots = 0.01 + 2.0 * (gaussian_filter(rng.random((128, 128)), 3) > 0.52)
    assert not any(compressed_in_blocks(rng.poisson(spots)) for _ in range(50))


def test_the_gap_is_one_pixel_at_most_where_jpeg_has_compressed_what_is_correlated():
    rng = np.random.default_rng(5)
    plane = 20 * MEAN / MEAN.max() + 60
    soft = gaussian_filter(rng.normal(0, 25, plane.shape), 0.9) + plane
    rounded = np.rint(soft)
    auto = Settings.from_preset("auto")
    assert make_plan(rounded, estimate_noise(rounded), auto).settings.gap == 2
    assert compressed_in_blocks(jpeg(soft))
    assert make_plan(jpeg(soft), estimate_noise(jpeg(soft)), auto).settings.gap == 1
