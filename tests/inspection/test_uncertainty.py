"""The predicted standard deviation fits the errors of real fits, and follows the noise."""

import numpy as np
import pytest

from napari_blindspot import Result, denoise, error_sigma, samples
from napari_blindspot.core.errors import ImageError
from napari_blindspot.noise.estimate import estimate_noise


@pytest.fixture(scope="module")
def fitted() -> tuple[samples.Sample, Result]:
    sample = samples.confocal((96, 96), seed=3)
    return sample, denoise(sample.noisy, "fast", device="cpu", iterations=20, symmetries=2)


def test_the_error_of_a_fit_lies_within_two_standard_deviations_at_most_pixels(fitted):
    sample, result = fitted
    error = np.abs(result.denoised - sample.truth)
    sigma = result.uncertainty
    assert sigma.shape == (96, 96) and sigma.dtype == np.float32 and (sigma > 0).all()
    assert 0.9 <= (error <= 2 * sigma).mean() <= 0.999
    blocks = [image.reshape(6, 16, 6, 16).mean((1, 3)).ravel() for image in (error, sigma)]
    assert np.corrcoef(*blocks)[0, 1] > 0.6


def test_the_verdict_on_a_fit_is_that_noise_alone_was_removed(fitted):
    assert fitted[1].verdict.kind == "noise-alone"


def test_the_residual_is_what_the_noisy_plane_has_more(fitted):
    sample, result = fitted
    assert np.allclose(result.residual + result.denoised, sample.noisy, atol=1e-2)
    assert result.residual.dtype == np.float32


def test_stronger_noise_makes_an_estimate_less_sure(fitted):
    sample, result = fitted
    noise = estimate_noise(sample.noisy)
    bright = sample.truth > np.quantile(sample.truth, 0.9)
    sigma = error_sigma(sample.noisy, result.denoised, noise)
    assert sigma[bright].mean() > 1.3 * sigma[~bright].mean()


def test_missing_pixels_have_no_uncertainty(fitted):
    sample, result = fitted
    noisy = sample.noisy.astype(float)
    noisy[5:9, 7] = np.nan
    sigma = error_sigma(noisy, np.where(np.isnan(noisy), np.nan, result.denoised), result.noise)
    assert np.isnan(sigma[5:9, 7]).all() and np.isfinite(sigma).sum() == 96 * 96 - 4


def test_without_the_noisy_plane_or_its_noise_a_result_says_so(fitted):
    from dataclasses import replace

    result = fitted[1]
    with pytest.raises(ImageError, match="not kept with this result"):
        _ = replace(result, noisy=None).residual
    for question in ("verdict", "uncertainty"):
        with pytest.raises(ImageError, match="was not measured"):
            getattr(replace(result, noise=None), question)
