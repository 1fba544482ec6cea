"""Stripes of a fixed period are found and taken out; structure that repeats is not."""

import numpy as np
import pytest
from skimage import data

from napari_blindspot import denoise
from napari_blindspot.noise.stripes import stripe_offsets

Y, X = np.mgrid[:128, :160]
MEAN = 100 + 200 / (1 + np.exp((np.hypot(Y - 60, X - 70) - 30) / 2))


def noisy() -> np.ndarray:
    return np.random.default_rng(0).poisson(MEAN).astype(np.float64)


WAVES = {
    "a sine": 6 * np.sin(2 * np.pi * Y[:, :1] / 7.3 + 1),
    "two detectors in turn": 5.0 * (Y[:, :1] % 2),
    "every fourth line": 8.0 * (Y[:, :1] % 4 == 1),
    "a square wave": 5.0 * (Y[:, :1] % 8 < 4),
}
PERIODS = {"a sine": 7.3, "two detectors in turn": 2, "every fourth line": 4, "a square wave": 8}


@pytest.mark.parametrize("kind", WAVES)
def test_stripes_are_found_to_a_tenth(kind):
    wave = WAVES[kind]
    found, period = stripe_offsets(noisy() + wave)
    assert period == pytest.approx(PERIODS[kind], rel=0.01)
    # The weak harmonics of a square wave drown in the noise.
    assert np.std(found - wave) < (0.45 if kind == "a square wave" else 0.15) * wave.std()
    turned, _ = stripe_offsets((noisy() + wave).T)
    assert np.allclose(turned, found.T)


def test_they_are_found_beside_missing_pixels():
    plane = noisy() + WAVES["a sine"]
    plane[:10], plane[50:60, 30:50] = np.nan, np.nan
    found, _ = stripe_offsets(plane)
    assert np.std((found - WAVES["a sine"])[12:]) < 0.25 * WAVES["a sine"].std()


@pytest.mark.parametrize("name", ["camera", "coins", "moon", "brick", "gravel", "page", "text", "grass"])
def test_photographs_have_none(name):
    assert stripe_offsets(getattr(data, name)()) is None


def test_neither_noise_nor_a_weave_nor_a_slanted_grating_has_any():
    assert stripe_offsets(noisy()) is None
    weave = np.sin(2 * np.pi * Y / 8) + np.sin(2 * np.pi * X / 8)
    assert stripe_offsets(noisy() + 30 * weave) is None
    assert stripe_offsets(noisy() + 30 * np.sin(2 * np.pi * (Y + 0.3 * X) / 6)) is None


def test_a_run_takes_them_out_and_says_so():
    plane = noisy() + WAVES["a sine"]
    quick = {"iterations": 1, "refine_iterations": (1,), "symmetries": 1, "inr_features": 8}
    result = denoise(plane, "fast", **quick)
    assert "Stripes that repeat every 7.3 rows" in " ".join(result.warnings)
    profile = result.denoised.mean(1) - MEAN.mean(1)
    phase = np.exp(2j * np.pi * np.arange(128) / 7.3)
    assert abs((profile * phase).mean()) < 0.1 * 6 / 2
