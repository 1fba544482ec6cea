"""The formulas against Monte Carlo."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot.noise.risk import blind_spot_risk, linear_risk, signal_covariance


@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize(("shared", "spread"), [(0.0, 0.5), (0.4, 0.3), (0.8, 0.0)])
@pytest.mark.parametrize("signal", [1.0, 2.5])
def test_the_corrected_proposition_agrees_with_monte_carlo(count, shared, spread, signal):
    sigma, draws = 0.8, 200_000
    rng = np.random.default_rng(count)
    centre = rng.normal(0, sigma, draws)
    own = rng.normal(0, sigma, (draws, count))
    noise = shared * centre[:, None] + np.sqrt(1 - shared**2) * own
    values = (1 - rng.normal(0, spread * sigma, (draws, count))) * signal + noise
    weights = np.linalg.lstsq(values, signal + centre, rcond=None)[0]
    monte_carlo = np.mean((values @ weights - signal) ** 2)
    formula = linear_risk(count, signal, sigma, shared, spread)
    assert formula == pytest.approx(monte_carlo, rel=0.03, abs=2e-3)


def test_correlated_noise_sets_a_floor_that_no_number_of_pixels_lifts():
    signal, sigma, shared = 1.0, 0.7, 0.5
    floor = shared**2 * sigma**2 * (sigma**2 + signal**2) / (signal**2 + shared**2 * sigma**2)
    assert linear_risk(10**7, signal, sigma, shared, 0.3) == pytest.approx(floor, rel=1e-4)


def table(kernel_sigma: float, reach: int) -> np.ndarray:
    """Return the autocorrelation of white noise blurred with a Gaussian, (2 * reach + 1)²."""
    offsets = np.arange(-reach, reach + 1)
    squared = offsets[:, None] ** 2 + offsets**2
    return np.exp(-squared / (4 * kernel_sigma**2))


@pytest.mark.parametrize(("blur", "gap"), [(0.0, 0), (0.9, 0), (0.9, 2)])
def test_the_kriging_risk_agrees_with_a_trained_linear_denoiser(blur, gap):
    rng = np.random.default_rng(0)
    side, k, variance, amplitude = 1536, 3, 1.0, 2.0
    signal = gaussian_filter(rng.normal(size=(side, side)), 3.0, mode="wrap")
    signal *= amplitude / signal.std()
    noise = rng.normal(size=(side, side))
    if blur:
        noise = gaussian_filter(noise, blur, mode="wrap")
        noise /= noise.std()
    y, x = np.mgrid[-k : k + 1, -k : k + 1]
    visible = np.hypot(y, x) > (gap + 0.3 if gap else 0)
    shifts = np.argwhere(visible) - k
    noisy = signal + noise
    seen = np.stack([np.roll(noisy, tuple(-s), (0, 1))[::3, ::3].ravel() for s in shifts], axis=1)
    weights = np.linalg.lstsq(seen, noisy[::3, ::3].ravel(), rcond=None)[0]
    trained = np.mean((seen @ weights - signal[::3, ::3].ravel()) ** 2)
    correlation = table(blur, 6) if blur else np.ones((1, 1))
    risk = blind_spot_risk(amplitude**2 * table(3.0, 6), correlation, variance, visible)
    assert risk == pytest.approx(trained, rel=0.08)


def test_a_gap_pays_where_noise_is_correlated_and_costs_where_it_is_not():
    y, x = np.mgrid[-5:6, -5:6]
    covariance = 4 * table(4.0, 10)

    def risk(correlation: np.ndarray, gap: int) -> float:
        visible = np.hypot(y, x) > (gap + 0.3 if gap else 0)
        return blind_spot_risk(covariance, correlation, 1.0, visible)

    white, wide_field = np.ones((1, 1)), table(1.0, 6)
    assert risk(white, 0) < risk(white, 1) < risk(white, 2)
    assert risk(wide_field, 2) < 0.6 * risk(wide_field, 0)


def test_with_nothing_visible_the_risk_is_the_signals_variance():
    nothing = np.zeros((3, 3), bool)
    assert blind_spot_risk(5 * table(2.0, 4), np.ones((1, 1)), 1.0, nothing) == pytest.approx(5.0)


def test_signal_and_noise_are_told_apart_by_their_covariance():
    rng = np.random.default_rng(0)
    signal = gaussian_filter(rng.normal(size=(512, 512)), 4.0, mode="wrap")
    signal *= 2 / signal.std()
    covariance, variance = signal_covariance(
        signal + 0.8 * rng.normal(size=signal.shape), np.ones((1, 1)), 6
    )
    assert variance == pytest.approx(0.64, rel=0.05)
    assert covariance[6, 6] == pytest.approx(4.0, rel=0.12)
    assert np.linalg.eigvalsh(covariance[(np.arange(7)[:, None] - np.arange(7)) + 6, 6]).min() > -1e-9
