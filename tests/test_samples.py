from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot.samples import Sample, confocal, two_photon, wide_field, z_stack

PLANES = [confocal, two_photon, wide_field]


def noise(sample: Sample) -> np.ndarray:
    return sample.noisy.astype(float) - sample.truth


def correlation(values: np.ndarray, dy: int, dx: int) -> float:
    height, width = values.shape[-2:]
    first, second = values[..., : height - dy, : width - dx], values[..., dy:, dx:]
    return float((first * second).mean() / values.var())


@pytest.mark.parametrize("make", [*PLANES, z_stack])
def test_the_same_seed_gives_the_same_image_and_another_seed_another(make):
    assert np.array_equal(make(seed=3).noisy, make(seed=3).noisy)
    assert not np.array_equal(make(seed=3).noisy, make(seed=4).noisy)


@pytest.mark.parametrize("make", [*PLANES, z_stack])
def test_the_noise_has_no_bias_and_the_variance_that_its_parameters_say(make):
    sample = make(seed=1)
    values = noise(sample)
    expected = float(np.mean(sample.gain * (sample.truth - sample.offset) + sample.read_noise**2))
    assert abs(values.mean()) < 0.05 * np.sqrt(expected)
    assert values.var() == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("make", [confocal, two_photon])
def test_shot_noise_grows_with_the_light(make):
    sample = make(seed=2)
    values, bright = noise(sample), sample.truth > np.percentile(sample.truth, 90)
    dark = sample.truth < np.percentile(sample.truth, 30)
    ratio = values[bright].var() / values[dark].var()
    expected = sample.gain * (sample.truth - sample.offset) + sample.read_noise**2
    assert ratio == pytest.approx(expected[bright].mean() / expected[dark].mean(), rel=0.15)
    assert ratio > 3


@pytest.mark.parametrize("make", [confocal, two_photon, z_stack])
def test_scanned_images_have_white_noise(make):
    assert abs(correlation(noise(make()), 0, 1)) < 0.03


def test_wide_field_noise_is_shared_by_neighbours_and_mostly_signal_independent():
    sample = wide_field()
    values = noise(sample)
    assert not confocal().correlated
    assert sample.correlated
    assert correlation(values, 0, 1) == pytest.approx(0.6, abs=0.03)
    assert correlation(values, 1, 1) == pytest.approx(0.37, abs=0.05)
    assert correlation(values, 0, 2) == pytest.approx(0.15, abs=0.05)
    assert sample.read_noise**2 > 0.7 * values.var()


@pytest.mark.parametrize("make", PLANES)
@pytest.mark.parametrize("shape", [(16, 16), (33, 150), (512, 512)])
def test_planes_come_in_any_size(make, shape):
    sample = make(shape)
    assert sample.noisy.shape == sample.truth.shape == shape
    assert sample.noisy.dtype == np.uint16
    assert sample.truth.dtype == np.float32
    assert np.ptp(sample.truth) > 20
    assert len(sample.voxel_size) == 2


def test_neighbouring_planes_of_the_stack_resemble_each_other_more_than_distant_ones():
    truth = z_stack().truth

    def alike(a: int, b: int) -> float:
        return float(np.corrcoef(truth[a].ravel(), truth[b].ravel())[0, 1])

    assert truth.shape == (12, 128, 128)
    assert alike(5, 6) > 0.7
    assert alike(5, 6) > alike(1, 10) + 0.2
