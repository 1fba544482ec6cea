import numpy as np
import pytest

from napari_blindspot.noise.anscombe import Anscombe


@pytest.mark.parametrize(("gain", "read", "black"), [(2.0, 3.0, 0.0), (0.5, 1.0, 100.0), (30.0, 10.0, 0.0)])
def test_stabilised_noise_has_standard_deviation_one_at_every_intensity(gain, read, black):
    rng = np.random.default_rng(0)
    transform = Anscombe(gain, read**2 - gain * black)
    for counts in (5, 20, 100, 1000):
        noisy = gain * rng.poisson(counts, 200_000) + rng.normal(black, read, 200_000)
        assert transform.forward(noisy).std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("gain", "read"), [(1.0, 0.0), (4.0, 2.0)])
def test_the_inverse_of_the_mean_is_the_mean_where_the_algebraic_inverse_is_too_dark(gain, read):
    rng = np.random.default_rng(1)
    transform = Anscombe(gain, read**2)
    for counts in (2, 5, 10, 50, 500):
        noisy = gain * rng.poisson(counts, 400_000) + rng.normal(0, read, 400_000)
        mean = transform.forward(noisy).mean()
        truth = gain * counts
        error = 5 * noisy.std() / np.sqrt(noisy.size)
        assert abs(transform.inverse(mean) - truth) < 0.02 * truth + error
        algebraic = (gain * mean / 2) ** 2 / gain - 0.375 * gain - read**2 / gain
        assert truth - algebraic > 0.15 * gain


def test_noise_that_does_not_grow_is_only_divided_by_its_sigma():
    transform = Anscombe(0.0, 25.0)
    image = np.array([-10.0, 0.0, 35.0])
    assert np.array_equal(transform.forward(image), image / 5)
    assert np.allclose(transform.inverse(transform.forward(image)), image)


def test_intensities_below_the_black_level_stay_finite():
    transform = Anscombe(2.0, -500.0)
    assert np.isfinite(transform.inverse(transform.forward(np.array([-1e4, 0.0, 250.0])))).all()


def test_the_inverse_begins_at_the_stabilised_value_of_no_counts_and_goes_no_lower():
    transform = Anscombe(2.0, 3.0)
    nothing = 2 * np.sqrt(3 / 8)
    assert np.allclose(transform.inverse([-5.0, 0.0, nothing]), -1.5)
    assert transform.inverse(nothing + 0.01) > -1.5 + 1e-3


@pytest.mark.parametrize(("offset", "sigma"), [(0.25, 0.5), (4.0, 2.0), (0.0, 1.0)])
def test_noise_that_does_not_grow_is_divided_out_and_no_noise_leaves_intensities_as_they_are(offset, sigma):
    image = np.array([[0.0, 1.0, 100.0]])
    assert np.allclose(Anscombe(0.0, offset).forward(image), image / sigma)
    assert np.allclose(Anscombe(0.0, offset).inverse(image), image * sigma)
