"""Two halves of one exposure, and at which period they stop to agree."""

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_blindspot.inspection.resolution import draw_noise, ring_correlation, split_noise
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.samples import confocal, wide_field


def test_the_halves_have_independent_noise_of_twice_the_variance():
    sample = confocal((128, 128))
    noise = estimate_noise(sample.noisy)
    halves = split_noise(sample.noisy, sample.truth, noise)
    table = np.cov(*[(half - sample.truth).ravel() for half in halves])
    single = (sample.noisy - sample.truth).var()
    assert abs(table[0, 1]) < 0.2 * single
    assert np.allclose([table[0, 0], table[1, 1]], 2 * single, rtol=0.2)


def test_drawn_noise_has_the_measured_strength_and_correlation():
    sample = wide_field((192, 192))
    noise = estimate_noise(sample.noisy)
    drawn = draw_noise(sample.truth, noise, np.random.default_rng(0))
    standard = drawn / np.sqrt(noise.variance(sample.truth))
    assert abs(standard.std() - 1) < 0.05
    neighbours = (standard[:, 1:] * standard[:, :-1]).mean() / standard.var()
    assert (
        abs(neighbours - noise.correlation[len(noise.correlation) // 2, len(noise.correlation) // 2 + 1])
        < 0.05
    )


def test_equal_images_agree_up_to_the_finest_period():
    image = gaussian_filter(np.random.default_rng(0).random((64, 64)), 1.0)
    curve = ring_correlation(image, image)
    assert curve.resolution == 2.0
    assert np.allclose(curve.correlation, 1.0)


def test_images_that_share_nothing_are_not_resolved():
    rng = np.random.default_rng(0)
    curve = ring_correlation(rng.standard_normal((96, 96)), rng.standard_normal((96, 96)))
    assert curve.resolution == np.inf
    assert np.abs(curve.correlation).mean() < 0.2


def test_the_resolution_is_the_period_up_to_which_two_noisy_images_share_their_signal():
    rng = np.random.default_rng(1)
    radius = np.hypot(np.fft.fftfreq(192)[:, None], np.fft.fftfreq(192)[None])
    spectrum = np.fft.fft2(rng.standard_normal((192, 192))) * (radius < 0.125)
    signal = np.fft.ifft2(spectrum).real
    halves = [signal + 1.5 * signal.std() * rng.standard_normal(signal.shape) for _ in range(2)]
    assert 7.0 < ring_correlation(*halves).resolution < 8.5


def test_missing_pixels_and_sides_of_odd_length_are_no_obstacle():
    image = gaussian_filter(np.random.default_rng(0).random((51, 70)), 1.0)
    image[:4, :9] = np.nan
    assert ring_correlation(image, image).resolution == 2.0
