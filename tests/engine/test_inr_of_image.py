"""An INR of an image that is denoised already."""

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_blindspot import Settings, fit_inr
from napari_blindspot.engine.inr_of_image import inr_at_pixels


def smooth(shape: tuple[int, int] = (40, 48)) -> np.ndarray:
    return 100 + 400 * gaussian_filter(np.random.default_rng(0).random(shape), 1.5)


def test_without_steps_it_is_the_image_smoothed_by_a_kernel_of_1_4_1():
    image = smooth()
    padded = np.pad(image, 1, mode="edge")
    rows = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6
    expected = (rows[:, :-2] + 4 * rows[:, 1:-1] + rows[:, 2:]) / 6
    assert np.allclose(fit_inr(image, iterations=0).sample().values, expected, rtol=1e-4)


def test_its_steps_bring_it_closer_to_the_image():
    image = smooth()

    def error(iterations: int) -> float:
        return float(((fit_inr(image, iterations=iterations).sample().values - image) ** 2).mean())

    assert error(80) < 0.8 * error(0)


def test_a_moved_image_is_moved_by_as_much_between_the_pixels():
    y, x = np.mgrid[:48, :48]
    waves = [np.sin(2 * np.pi * (x - shift) / 12) + 0.0 * y for shift in (0.0, 0.37)]
    still, moved = (fit_inr(wave, iterations=0).sample(8, (6, 6, 42, 42)).values for wave in waves)
    profile = np.exp(-2j * np.pi * np.arange(still.shape[1]) / 96)
    turn = np.angle((moved.mean(0) * profile).sum() / (still.mean(0) * profile).sum())
    assert abs(-turn * 12 / (2 * np.pi) - 0.37) < 0.01


def test_missing_pixels_and_constant_planes_give_numbers():
    image = smooth()
    image[3:6, 4] = np.nan
    assert np.isfinite(fit_inr(image, iterations=2).sample(2).values).all()
    assert np.allclose(fit_inr(np.full((20, 20), 7.0), iterations=2).sample().values, 7.0)


def test_the_image_of_a_plane_of_a_stack_leaves_blank_areas_and_missing_pixels_as_they_are():
    image = smooth().astype(np.float32)
    image[:12] = 0
    image[30:33, 4] = np.nan
    settings = Settings.from_preset("fast", inr_features=8)
    found = inr_at_pixels(image, settings)
    assert found.dtype == np.float32
    assert (found[:12] == 0).all()
    assert np.array_equal(np.isnan(found), np.isnan(image))
    assert np.abs(found - image)[20:28].max() < 0.2 * np.nanstd(image[20:])
    splines = inr_at_pixels(image, Settings.from_preset("fast", train_inr=False))
    assert np.nanmean((found - image) ** 2) < np.nanmean((splines - image) ** 2)
