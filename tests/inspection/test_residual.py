"""The residual on the scale of the noise, and what its energy and its autocorrelation are."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot.core.noise_model import NoiseModel
from napari_blindspot.inspection.residual import (
    autocorrelation_of_residual,
    band_energy,
    expected_energy,
    standardised_residual,
)


def poisson(gain: float, offset: float = 0.0) -> NoiseModel:
    return NoiseModel(gain, 0.0, offset, 0.0, 1.0, np.ones((1, 1)), 0.0, 0.0, 0.0, 0.0)


def test_the_residual_of_the_truth_has_a_standard_deviation_of_one_at_every_intensity():
    truth = np.repeat(np.linspace(20, 400, 128)[None], 128, axis=0)
    noisy = 3.0 * np.random.default_rng(0).poisson(truth / 3.0)
    residual = standardised_residual(noisy, truth, poisson(3.0))
    assert abs(residual[:, :32].std() - 1) < 0.05
    assert abs(residual[:, -32:].std() - 1) < 0.05


def test_missing_pixels_stay_missing():
    truth = np.full((20, 20), 50.0)
    noisy = truth.copy()
    noisy[3, 4] = np.nan
    residual = standardised_residual(noisy, truth, poisson(1.0))
    assert np.isnan(residual[3, 4]) and np.isfinite(residual).sum() == 399
    assert autocorrelation_of_residual(residual, 2)[2, 2] == 1.0


@pytest.mark.parametrize("band", [(0.0, 1.0), (0.8, 2.0), (1.6, 4.0)])
@pytest.mark.parametrize("blur", [0.0, 0.8])
def test_the_energy_that_is_expected_of_noise_is_the_one_it_has(band, blur):
    noise = np.random.default_rng(0).standard_normal((256, 256))
    if blur:
        noise = gaussian_filter(noise, blur, mode="wrap")
        noise /= noise.std()
    correlation = autocorrelation_of_residual(noise, 4)
    assert np.isclose(band_energy(noise, *band).mean(), expected_energy(correlation, *band), rtol=0.05)


def test_the_autocorrelation_is_that_of_a_known_filter():
    noise = np.random.default_rng(0).standard_normal((200, 200))
    found = autocorrelation_of_residual(noise[:, 1:] + noise[:, :-1], 2)
    assert np.allclose(found[2], [0.0, 0.5, 1.0, 0.5, 0.0], atol=0.03)
    assert np.allclose(found[[0, 1, 3, 4], 2], 0.0, atol=0.03)


def test_a_residual_of_nothing_has_no_autocorrelation():
    found = autocorrelation_of_residual(np.zeros((20, 20)), 1)
    assert found.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
