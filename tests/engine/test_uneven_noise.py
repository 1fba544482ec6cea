"""Noise that is stronger in places than its intensity explains is found, taken into account, and told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot import Settings, denoise
from napari_blindspot.benchmark.metrics import best_affine
from napari_blindspot.benchmark.stacks import StackOptions, noisy_stack
from napari_blindspot.core.words import sentences_of
from napari_blindspot.engine.measurement import Measurement
from napari_blindspot.engine.restoration import FitScale, Restoration
from napari_blindspot.engine.steeper_noise import steepness
from napari_blindspot.engine.uneven_noise import unevenness
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.beside import look_beside
from napari_blindspot.noise.estimate import estimate_noise

SIDE = 128
EVERYWHERE = torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool)


def noise(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def found(residual: torch.Tensor, valid: torch.Tensor = EVERYWHERE) -> torch.Tensor | None:
    """Return the unevenness of a plane whose estimate is 0, with a model of standard deviation 1."""
    nothing = torch.zeros_like(residual)
    return unevenness(residual, nothing, nothing, 1.0, valid)


def test_noise_as_strong_as_its_model_is_even():
    assert all(found(noise(seed)) is None for seed in range(20))


def test_noise_that_is_twice_as_strong_in_one_half_is_found_there():
    residual = noise()
    residual[..., SIDE // 2 :] *= 2
    factor = found(residual)
    assert factor.shape == residual.shape
    assert factor[..., : SIDE // 4].max() == 1
    assert factor[..., 3 * SIDE // 4 :].mean() == pytest.approx(2, abs=0.1)


def test_pixels_without_a_value_do_not_count():
    residual, valid = noise(), EVERYWHERE.clone()
    residual[..., SIDE // 2 :] *= 2
    valid[..., 10:60, 70:120] = False
    residual[~valid] = 1e6
    assert found(residual, valid)[..., 100:, 3 * SIDE // 4 :].mean() == pytest.approx(2, abs=0.15)


def test_lost_structure_is_no_noise():
    lost = torch.from_numpy(gaussian_filter(noise(1).numpy(), (0, 0, 1, 1))).float()
    residual = noise()
    residual[..., SIDE // 2 :] += (3 * lost / lost.std())[..., SIDE // 2 :]
    assert found(residual) is None


def test_single_things_that_were_lost_are_no_noise():
    residual = noise()
    residual[..., 20:40, 20:40] += 10
    residual[..., ::9, ::7] += 30
    assert found(residual) is None


@pytest.mark.parametrize("shape", [(20, 90), (33, 90)])
def test_a_plane_of_any_size_gives_a_factor_for_every_pixel_or_none(shape):
    residual = 2 * torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(0))
    factor = found(residual, torch.ones(1, 1, *shape, dtype=torch.bool))
    assert factor is None if min(shape) < 64 else factor.shape == residual.shape


def test_two_tiles_of_other_exposures_are_both_denoised_and_it_is_said():
    y, x = np.mgrid[:SIDE, :SIDE]
    clean = 10 + 40 * (np.hypot(y - 60, x - 64) < 40) + 5 * np.sin(x / 6)
    rng = np.random.default_rng(0)
    dim = x >= SIDE // 2
    noisy = np.where(dim, 16 * rng.poisson(clean / 16), rng.poisson(clean)).astype(np.uint16)
    result = denoise(noisy, settings=Settings.from_preset("fast", device="cpu"))
    assert any("stronger than quiet parts of it tell" in line for line in sentences_of([result.notices]))
    error, before = (np.mean((image - clean)[dim] ** 2) for image in (result.denoised, noisy.astype(float)))
    smoothed = gaussian_filter(noisy.astype(float), 2)
    assert error < 0.05 * before
    assert error < np.mean((smoothed - clean)[dim] ** 2)
    bright = np.mean((result.denoised - clean)[~dim] ** 2)
    assert bright < np.mean((gaussian_filter(noisy.astype(float), 1) - clean)[~dim] ** 2)


def small_bright_things() -> tuple[np.ndarray, np.ndarray]:
    """Return counts of a plane of small bright things, and their expectation."""
    rng = np.random.default_rng(0)
    clean = np.zeros((SIDE, SIDE))
    clean[rng.integers(4, SIDE - 4, 60), rng.integers(4, SIDE - 4, 60)] = 1
    clean = gaussian_filter(clean, 2)
    clean = 1 + 40 * clean / clean.max()
    return rng.poisson(clean).astype(float), clean


@pytest.mark.parametrize(("told_gain", "steeper"), [(1.0, False), (0.1, True)])
def test_noise_that_grows_faster_than_it_was_told_is_found_by_what_an_estimate_leaves(told_gain, steeper):
    observed, clean = small_bright_things()
    noise = replace(estimate_noise(observed), gain=told_gain, offset=1.0 - told_gain)
    stabiliser = Anscombe.of(noise)
    stabilised = stabiliser.forward(observed)
    nothing = np.zeros(observed.shape, bool)
    beside = look_beside(stabilised, [], stabiliser.forward)
    measurement = Measurement(observed, nothing, noise, stabiliser, stabilised, beside, ())
    scale = FitScale.of(measurement)
    estimate = torch.from_numpy(scale.apply(stabiliser.forward(clean)))[None, None]
    factor = steepness(Restoration(measurement, scale, correlated=False), estimate, estimate)
    assert (factor is not None) == steeper
    if factor is not None:
        bright = clean > 20
        wanted = np.sqrt(clean / (told_gain * clean + 1 - told_gain))
        assert factor.numpy()[0, 0][bright].mean() == pytest.approx(wanted[bright].mean(), rel=0.15)


def test_single_photons_of_a_sparse_plane_are_not_given_back(shared_data):
    (path,) = shared_data.rglob("golgi_zyx*")
    clean = noisy_stack(path, 10.0, StackOptions()).clean[6, :128, :128]
    rng = np.random.default_rng(0)
    amplified = rng.gamma(np.maximum(rng.poisson(clean), 1e-9), 20.0)
    noisy = np.rint(100 + amplified + rng.normal(0, 5, clean.shape)).astype(np.uint16)
    result = denoise(noisy, settings=Settings.from_preset("fast", device="cpu"))
    assert any("stronger than quiet parts of it tell" in line for line in sentences_of([result.notices]))

    def error(image: np.ndarray) -> float:
        return float(np.mean((best_affine(np.asarray(image, float), clean) - clean) ** 2))

    best = min(error(gaussian_filter(noisy.astype(float), sigma)) for sigma in (0.7, 1.0, 1.4, 2.0))
    # When they were, it was 1.36 times that of the best Gaussian.
    assert error(result.denoised) < 0.85 * best
