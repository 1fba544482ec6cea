"""The noise model on synthetic noise of known parameters."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot.noise.estimate import estimate_noise

SIZE = 256


def structure(size: int = SIZE) -> np.ndarray:
    """Return a scene of smooth waves with sharp discs on it, 10-200."""
    y, x = np.mgrid[:size, :size] / size
    image = 60 + 45 * np.sin(6 * x) * np.cos(5 * y)
    rng = np.random.default_rng(3)
    for _ in range(25):
        cy, cx, r = rng.random(), rng.random(), 0.01 + 0.03 * rng.random()
        image[(y - cy) ** 2 + (x - cx) ** 2 < r**2] += 60 * rng.random() + 20
    return image


def correlated(sigma: float, blur: float, seed: int = 0) -> tuple[np.ndarray, float, float]:
    """Return Gaussian noise, blurred, and its true correlations at lags 1 and 2."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(SIZE, SIZE)), blur, mode="wrap")
    impulse = np.zeros((65, 65))
    impulse[32, 32] = 1
    kernel = gaussian_filter(impulse, blur)
    table = np.fft.ifft2(np.abs(np.fft.fft2(kernel)) ** 2).real
    table /= table[0, 0]
    return sigma * noise / noise.std(), table[0, 1], table[0, 2]


@pytest.mark.parametrize(("gain", "read"), [(2.0, 5.0), (0.5, 3.0), (8.0, 4.0), (4.0, 0.0)])
def test_gain_is_found_within_5_percent_and_the_variance_at_every_intensity(gain, read):
    rng = np.random.default_rng(0)
    truth = structure()
    noisy = gain * rng.poisson(truth / gain) + rng.normal(0, read, truth.shape)
    model = estimate_noise(noisy)
    assert model.gain == pytest.approx(gain, rel=0.05)
    for intensity in (30, 60, 120):
        assert model.variance(intensity) == pytest.approx(gain * intensity + read**2, rel=0.08)
    assert abs(model.gain - gain) < 5 * model.gain_error + 0.02 * gain


def test_a_black_level_shows_as_a_negative_offset():
    rng = np.random.default_rng(0)
    noisy = 3 * rng.poisson(structure() / 3) + 100 + rng.normal(0, 4, (SIZE, SIZE))
    model = estimate_noise(noisy)
    assert model.gain == pytest.approx(3, rel=0.05)
    assert model.offset == pytest.approx(4**2 - 3 * 100, rel=0.1)


def test_noise_that_does_not_depend_on_the_signal_has_its_sigma_found():
    noisy = structure() + np.random.default_rng(0).normal(0, 10, (SIZE, SIZE))
    model = estimate_noise(noisy)
    assert model.sigma == pytest.approx(10, rel=0.05)
    assert model.gain < 0.1


def test_independent_noise_is_found_independent_even_under_structure():
    noisy = structure() + np.random.default_rng(0).normal(0, 10, (SIZE, SIZE))
    model = estimate_noise(noisy)
    assert abs(model.neighbour_correlation) < 0.03
    assert not model.is_correlated
    assert model.reach == 0


@pytest.mark.parametrize("blur", [0.45, 0.6, 0.75])
def test_the_correlation_of_the_noise_is_found_within_3_hundredths(blur):
    noise, one, two = correlated(10, blur)
    model = estimate_noise(structure() + noise)
    c = len(model.correlation) // 2
    for axis in (model.correlation[c, c:], model.correlation[c:, c]):
        assert axis[0] == 1.0
        assert axis[1] == pytest.approx(one, abs=0.03)
        assert axis[2] == pytest.approx(two, abs=0.03)
    assert model.sigma == pytest.approx(10, rel=0.06)


def test_the_axes_are_told_apart():
    rng = np.random.default_rng(0)
    white = rng.normal(size=(SIZE, SIZE + 1))
    noise = (white[:, 1:] + white[:, :-1]) / np.sqrt(2)
    model = estimate_noise(structure() + 10 * noise)
    c = len(model.correlation) // 2
    assert model.correlation[c, c + 1] == pytest.approx(0.5, abs=0.03)
    assert model.correlation[c + 1, c] == pytest.approx(0.0, abs=0.03)
    assert model.is_correlated


def test_flickering_scan_lines_are_seen_in_rows_and_not_in_columns():
    rng = np.random.default_rng(0)
    pixels, rows = rng.normal(0, 10, (SIZE, SIZE)), rng.normal(0, 5, (SIZE, 1))
    smooth = 60 + 45 * np.sin(np.mgrid[:SIZE, :SIZE][0] / 40)
    assert estimate_noise(smooth + pixels + rows).scan_line == pytest.approx(0.2, abs=0.07)
    assert estimate_noise(smooth + pixels + rows.T).scan_line == 0.0


def test_the_estimate_scales_with_the_image():
    rng = np.random.default_rng(0)
    noisy = 2.0 * rng.poisson(structure() / 2)
    one, ten = estimate_noise(noisy), estimate_noise(10 * noisy)
    assert ten.gain == pytest.approx(10 * one.gain, rel=1e-6)
    assert ten.sigma == pytest.approx(10 * one.sigma, rel=1e-6)
    assert np.allclose(ten.correlation, one.correlation)


def test_counts_over_their_greatest_are_still_counts():
    counts = np.random.default_rng(5).poisson(structure() / 100)
    whole, shares = estimate_noise(counts), estimate_noise((counts / counts.max()).astype(np.float32))
    assert whole.clipped_low == shares.clipped_low == 0
    assert shares.gain * counts.max() == pytest.approx(whole.gain, rel=0.01)
    assert shares.sigma * counts.max() == pytest.approx(whole.sigma, rel=0.01)


def test_clipped_pixels_are_counted_and_do_not_spoil_the_gain():
    rng = np.random.default_rng(0)
    noisy = np.clip(2.0 * rng.poisson(structure() / 2), 0, 120)
    model = estimate_noise(noisy)
    assert model.clipped_high == pytest.approx((noisy == 120).mean())
    assert model.clipped_low == 0.0
    assert model.gain == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize(("peak", "step"), [(0.3, 1), (2, 1), (2, 16), (20, 1)])
def test_counted_photons_are_measured_beside_a_dark_in_which_there_are_none(peak, step):
    truth = peak * structure() / 200 * (np.arange(SIZE) > SIZE // 3)
    counted = (step * np.random.default_rng(0).poisson(truth)).astype(np.uint16)
    model = estimate_noise(counted)
    # A third without a single photon is a blank area: the rest is measured as if it were all there is.
    lit = estimate_noise(counted[:, SIZE // 3 + 1 :])
    assert model.gain == pytest.approx(lit.gain, rel=0.03)
    assert model.gain == pytest.approx(step, rel=0.06)
    assert model.clipped_low == pytest.approx(lit.clipped_low, abs=0.001) and model.clipped_low < 0.02


@pytest.mark.parametrize("sigma", [0.7, 1.2, 5.0])
def test_a_clipped_black_level_is_not_taken_for_counted_photons(sigma):
    noise = np.random.default_rng(0).normal(0, sigma, (SIZE, SIZE))
    noisy = np.clip(np.rint(0.1 * sigma * structure() * (np.arange(SIZE) > SIZE // 2) + noise), 0, None)
    model = estimate_noise(noisy)
    assert model.clipped_low == pytest.approx((noisy == 0).mean())
    assert model.variance(10 * sigma) == pytest.approx(sigma**2 + 1 / 12, rel=0.25)


def test_a_plane_that_is_clipped_nearly_everywhere_is_still_measured():
    noise = np.random.default_rng(0).normal(0, 5, (SIZE, SIZE))
    assert estimate_noise(np.clip(np.rint(noise - 3), 0, None)).measured


def test_nan_pixels_are_left_out():
    noisy = structure() + np.random.default_rng(0).normal(0, 10, (SIZE, SIZE))
    noisy[40:60, 40:90] = np.nan
    assert estimate_noise(noisy).sigma == pytest.approx(10, rel=0.05)


def test_a_stack_is_measured_like_its_planes_together():
    rng = np.random.default_rng(0)
    stack = 2.0 * rng.poisson(np.stack([structure(128)] * 4) / 2)
    assert estimate_noise(stack).gain == pytest.approx(2.0, rel=0.05)


def gravel() -> np.ndarray:
    """Return a texture that goes from edge to edge."""
    import skimage.data

    return skimage.data.gravel().astype(float)


@pytest.mark.parametrize("sigma", [10, 25, 50])
def test_texture_from_edge_to_edge_is_not_taken_for_noise(sigma):
    noise = np.random.default_rng(0).normal(0, sigma, (512, 512))
    model = estimate_noise(gravel() + noise)
    assert model.sigma == pytest.approx(sigma, rel=0.1)
    assert model.neighbour_correlation < 0.05
    assert model.reach == 0


def test_the_gain_is_found_under_texture_from_edge_to_edge():
    rng = np.random.default_rng(0)
    model = estimate_noise(8.0 * rng.poisson(gravel() / 8))
    assert model.gain == pytest.approx(8.0, rel=0.3)
    for intensity in (60, 100, 140):
        assert model.variance(intensity) == pytest.approx(8.0 * intensity, rel=0.1)


@pytest.mark.parametrize("blur", [0.6, 0.75, 1.0])
def test_correlated_noise_on_such_texture_is_still_found_correlated(blur):
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(512, 512)), blur, mode="wrap")
    model = estimate_noise(gravel() + 25 * noise / noise.std())
    assert model.is_correlated
    assert model.reach >= 1


@pytest.mark.parametrize(("blur", "step"), [(1.0, 1), (1.0, 16), (1.5, 1)])
def test_blurred_noise_is_not_overlooked_because_it_was_rounded(blur, step):
    # As where a plane was smoothed or registered, and written as integers: rounding is white, and all there
    # is at the highest frequencies.
    noise, next_pixel, _ = correlated(6.0, blur)
    rounded = step * np.round(structure() + noise).astype(np.uint16)
    model = estimate_noise(rounded)
    assert model.sigma == pytest.approx(6 * step, rel=0.25)
    assert model.correlation[len(model.correlation) // 2, 1 + len(model.correlation) // 2] == pytest.approx(
        next_pixel, abs=0.06
    )


@pytest.mark.parametrize("axis", ["y", "x"])
def test_weak_correlation_along_one_axis_is_found_under_texture(axis):
    rows = np.random.default_rng(0).normal(size=(512, 513))
    noise = rows[:, 1:] + 0.06 * rows[:, :-1]
    model = estimate_noise(gravel() + 25 * (noise if axis == "x" else noise.T))
    c = len(model.correlation) // 2
    in_y, in_x = model.correlation[c + 1, c], model.correlation[c, c + 1]
    along, across = (in_x, in_y) if axis == "x" else (in_y, in_x)
    assert along == pytest.approx(0.06, abs=0.03)
    assert across == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(
    "plane", [np.full((64, 64), 3.0), np.full((64, 64), np.nan), np.zeros((20, 20), np.uint8)]
)
def test_where_there_is_no_noise_to_measure_it_says_so(plane):
    model = estimate_noise(plane)
    assert not model.measured
    assert model.sigma == 0.0
    assert not model.is_correlated


def test_its_figures_are_plain_enough_for_json():
    import json

    figures = estimate_noise(structure() + np.random.default_rng(0).normal(0, 5, (SIZE, SIZE))).as_dict()
    assert json.loads(json.dumps(figures)) == figures


def test_real_confocal_and_two_photon_noise_is_nearly_white_and_wide_field_noise_is_not(shared_data):
    from skimage.io import imread

    kinds = {
        path.stem: estimate_noise(imread(path)).is_correlated
        for path in sorted((shared_data / "fmdd-dev" / "raw").glob("*"))
        if path.stem.endswith(("fov1", "fov19_1"))
    }
    assert len(kinds) == 7
    for name, is_correlated in kinds.items():
        assert is_correlated == name.startswith("WideField"), name


def test_the_variance_of_real_two_photon_noise_is_that_of_its_residual(shared_data):
    from skimage.io import imread

    folder = shared_data / "fmdd-dev"
    truth = imread(folder / "gt" / "TwoPhoton_BPAE_R_fov19.png").astype(float)
    for capture in (1, 2, 3, 4):
        noisy = imread(folder / "raw" / f"TwoPhoton_BPAE_R_fov19_{capture}.png").astype(float)
        slope, intercept = np.polyfit(truth.ravel(), noisy.ravel(), 1)
        scaled = slope * truth + intercept
        model = estimate_noise(noisy)
        for low, high in ((0.4, 0.6), (0.7, 0.9)):
            there = (scaled >= np.quantile(scaled, low)) & (scaled <= np.quantile(scaled, high))
            residual = (noisy - scaled)[there].var()
            assert model.variance(scaled[there]).mean() == pytest.approx(residual, rel=0.08)
        c = len(model.correlation) // 2
        assert model.correlation[c, c + 1] == pytest.approx(0.055, abs=0.02)
        assert model.correlation[c + 1, c] == pytest.approx(0.0, abs=0.02)


def test_real_wide_field_noise_keeps_its_correlation(shared_data):
    from skimage.io import imread

    model = estimate_noise(imread(shared_data / "fmdd-dev" / "raw" / "WideField_BPAE_R_fov19_1.png"))
    c = len(model.correlation) // 2
    assert model.neighbour_correlation == pytest.approx(0.65, abs=0.05)
    assert model.correlation[c, c + 2] == pytest.approx(0.26, abs=0.05)
