"""How the pretrained weights are made: what the training draws, and what it teaches."""

import numpy as np
import pytest
import torch

from napari_blindspot.engine.blind_fit import BlindFit
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.pretraining import train as training
from napari_blindspot.pretraining.synthetic import random_plane
from planned import planned


@pytest.mark.slow
def test_training_teaches_a_network_to_predict_hidden_pixels_of_planes_that_it_has_not_seen(monkeypatch):
    for name, value in {"PLANE_SIDE": 64, "PATCH_SIDE": 32, "BATCH_SIZE": 2}.items():
        monkeypatch.setattr(training, name, value)
    told = []
    trained = training.train("white", 8, 201, 16, lambda iteration, _: told.append(iteration))
    assert told == [0, 100, 200]
    untrained = CompactUNet(2, 8, torch.Generator().manual_seed(0))
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
    draw = torch.Generator().manual_seed(0)
    batches = training._Batches(torch.empty(0), torch.empty(0), draw, correlated=True)
    correlations = {1: [], 2: [], 3: []}
    for _ in range(30):
        noise, gap = batches._noise()
        assert noise.std() == pytest.approx(1, abs=0.1)
        correlations[gap].append(float((noise[..., 1:] * noise[..., :-1]).mean()))
    narrow, middle, wide = (np.mean(correlations[gap]) for gap in (1, 2, 3))
    assert 0.05 < narrow < middle < wide < 0.95
