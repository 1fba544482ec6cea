"""How the pretrained weights are made: what the training draws, and what it teaches."""

import copy

import numpy as np
import pytest
import torch

from napari_blindspot.engine.blind_fit import BlindFit
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.pretraining import plane_patches, stack_patches
from napari_blindspot.pretraining.batches import Draws
from napari_blindspot.pretraining.synthetic import random_plane
from napari_blindspot.pretraining.synthetic_stacks import random_stack
from napari_blindspot.pretraining.train import train
from planned import planned


@pytest.mark.slow
def test_training_teaches_a_network_to_predict_hidden_pixels_of_planes_that_it_has_not_seen(monkeypatch):
    for name, value in {"PLANE_SIDE": 64, "PATCH_SIDE": 32}.items():
        monkeypatch.setattr(plane_patches, name, value)
    told = []
    draw = torch.Generator().manual_seed(0)
    untrained = CompactUNet(0, 8, draw)
    source = plane_patches.PlanePatches(Draws(draw, correlated=False), 16)
    start = copy.deepcopy(untrained)
    trained = train(start, source, 201, 3e-3, lambda iteration, *_: told.append(iteration))
    assert told == [0, 100, 200]
    settings = planned(device="cpu", unet_width=8)
    gains = []
    for seed in range(1000, 1008):
        unseen = random_plane(seed, 64)
        clean = torch.from_numpy(unseen.clean)
        draw = torch.Generator().manual_seed(seed)
        noisy = clean + unseen.sigma * torch.randn(clean.shape, generator=draw)
        fit = BlindFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings)
        errors = []
        for denoiser in (trained, untrained):
            *_, estimate = fit.predict_hidden(denoiser, 1)
            errors.append(float((estimate[0, 0] - clean).square().mean()))
        gains.append(errors[0] / errors[1])
    # The geometric mean is about 0.82.
    assert np.exp(np.mean(np.log(gains))) < 0.9


def test_the_correlated_noise_of_the_training_has_unit_strength_and_a_gap():
    draws = Draws(torch.Generator().manual_seed(0), correlated=True)
    correlations = {1: [], 2: [], 3: []}
    for _ in range(30):
        noise, gap = draws.noise(4, 1, 128)
        assert noise.std() == pytest.approx(1, abs=0.1)
        correlations[gap].append(float((noise[..., 1:] * noise[..., :-1]).mean()))
    narrow, middle, wide = (np.mean(correlations[gap]) for gap in (1, 2, 3))
    assert 0.05 < narrow < middle < wide < 0.95


@pytest.mark.parametrize("seed", range(5))
def test_a_synthetic_stack_is_finite_and_its_next_planes_are_more_alike_than_far_ones(seed):
    stack = random_stack(seed, 12, 64)
    assert stack.shape == (12, 64, 64)
    assert np.isfinite(stack).all()
    assert stack.min() >= 0
    assert np.array_equal(stack, random_stack(seed, 12, 64))
    near, far = (
        np.nanmean([np.corrcoef(stack[i].ravel(), stack[i + step].ravel())[0, 1] for i in range(4)])
        for step in (1, 8)
    )
    assert near >= far - 0.05


def test_patches_of_stacks_have_neighbours_of_which_some_are_absent_and_a_truth_that_is_their_mean(
    monkeypatch,
):
    for name, value in {"STACK_SIDE": 64, "PATCH_SIDE": 48}.items():
        monkeypatch.setattr(stack_patches, name, value)
    draws = Draws(torch.Generator().manual_seed(0), correlated=False)
    source = stack_patches.StackPatches(draws, 6, 4)
    absent, off = [], []
    for _ in range(12):
        noisy, clean, neighbours, sigma, gap = source.patches()
        assert neighbours.shape == (4, 8, 48, 48)
        assert gap == 0
        gone = neighbours.isnan()
        assert torch.equal(gone.all(-1).all(-1), gone.any(-1).any(-1))
        absent.append(float(gone.float().mean()))
        assert noisy.isfinite().all()
        off += ((noisy - clean).mean((1, 2, 3)) / sigma.flatten()).tolist()
    assert 0.1 < np.mean(absent) < 0.6
    # The mean of 48² pixels of noise is uncertain by 0.02 of its standard deviation.
    assert abs(np.mean(off)) < 0.02


@pytest.mark.parametrize("read", [0.0, 0.8])
def test_the_mean_of_stabilised_counts_is_that_of_many_draws(read):
    rng = np.random.default_rng(0)
    expected = np.array([0.1, 1.0, 8.0, 60.0])
    counts = rng.poisson(expected, (100_000, 4)) + read * rng.standard_normal((100_000, 4))
    roots = 2 * np.sqrt((counts + 0.375 + read**2).clip(0))
    assert stack_patches.mean_root(expected, read) == pytest.approx(roots.mean(0), abs=0.02)
