"""The blind fit ends when pixels that it has not learned from gain nothing more."""

import numpy as np
import pytest
import torch

from napari_blindspot import denoise
from napari_blindspot.engine import networks
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.samples import confocal
from planned import planned

LENGTHS = {"iterations": 48, "least_iterations": 12, "refine_iterations": (2,), "gap": 0}
QUICK = {"device": "cpu", "symmetries": 1, **LENGTHS}


@pytest.fixture(scope="module")
def noisy():
    return confocal((64, 64)).noisy


def test_a_fit_whose_weights_suit_the_image_ends_after_its_first_leg(noisy):
    result = denoise(noisy, **QUICK)
    assert result.iterations == result.planned_iterations == 12 + 2
    assert not result.stopped
    assert len(result.history.losses["denoising"]) == 14


def test_a_fit_that_has_to_learn_goes_on(noisy, monkeypatch):
    put_pretrained = networks.put_pretrained

    def put_others(network, kind):
        put_pretrained(network, kind)
        with torch.no_grad():
            network.output.bias += 1.0

    monkeypatch.setattr(networks, "put_pretrained", put_others)
    result = denoise(noisy, **QUICK)
    assert 12 + 2 < result.iterations <= 48 + 2
    assert result.planned_iterations == result.iterations
    assert not result.stopped


def test_the_blind_loss_learns_nothing_from_pixels_that_are_held_out():
    noisy = torch.from_numpy(np.random.default_rng(0).normal(size=(48, 48)).astype(np.float32))
    valid = torch.ones_like(noisy, dtype=torch.bool)
    fit = BlindFit(noisy, valid, planned(patch_size=32))
    half = torch.ones(1, 1, 48, 48, dtype=torch.bool)
    half[..., 24:] = False
    loss = BlindLoss(fit, half)
    fit.patches.places = [[8, 8, 0]]
    state = fit.generator.get_state()
    (piece,) = loss.pieces()
    targets, _ = fit.mask.draw(1, 32, 32, torch.Generator().set_state(state))
    weight = piece.args[4]
    assert torch.equal(weight[..., :16] > 0, targets[..., :16])
    assert targets[..., 16:].any() and not weight[..., 16:].any()
