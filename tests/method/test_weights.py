"""The weights of the package: what they are for, and what they know."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot import Control, Settings, denoise, samples
from napari_blindspot.benchmark.metrics import score
from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.events import Preview
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.method import weights
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.fill import denoiser_input, fill_weights
from napari_blindspot.method.weights import (
    put_pretrained,
    read_pretrained,
    take_weights,
    write_pretrained,
)
from napari_blindspot.settings import MOST_NEIGHBOURS, PRETRAINED_WIDTH


def network(neighbours=0):
    return CompactUNet(neighbours, PRETRAINED_WIDTH, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stacks", [False, True])
@pytest.mark.parametrize("noise", ["white", "correlated"])
def test_the_package_has_weights_for_every_parameter_of_the_usual_denoiser(noise, stacks):
    loaded = read_pretrained(noise, stacks=stacks)
    usual = network(2 * MOST_NEIGHBOURS * stacks)
    assert {name: value.shape for name, value in loaded.items()} == {
        name: tuple(parameter.shape) for name, parameter in usual.named_parameters()
    }
    assert all(np.isfinite(value).all() and value.any() for value in loaded.values())


def test_what_was_saved_is_read_in_half_precision(tmp_path, monkeypatch):
    kept = take_weights({"": network()})
    write_pretrained(kept, tmp_path, "white")
    monkeypatch.setattr(weights.resources, "files", lambda _: tmp_path)
    loaded = read_pretrained("white")
    assert loaded.keys() == kept.keys()
    assert all(np.allclose(loaded[name], kept[name], rtol=1e-3, atol=1e-6) for name in kept)


@torch.no_grad()
def test_more_of_a_flat_noisy_scene_makes_its_estimate_flatter_and_absent_planes_do_no_harm():
    denoiser = network(2 * MOST_NEIGHBOURS)
    put_pretrained(denoiser, "white")
    draw = torch.Generator().manual_seed(1)
    plane = torch.randn(1, 1, 64, 64, generator=draw)
    visible = torch.ones_like(plane, dtype=torch.bool)
    spreads = []
    for there in ((), (3,), range(8)):
        neighbours = torch.full((1, 8, 64, 64), torch.nan)
        for slot in there:
            neighbours[:, slot] = torch.randn(64, 64, generator=draw)
        features, fill = denoiser_input(plane, visible, neighbours, fill_weights(0.0))
        spreads.append(float((fill + denoiser(features)).std()))
    assert spreads[0] < 0.25
    assert spreads[2] < spreads[0]
    assert spreads[1] < 1.1 * spreads[0]


def test_what_looks_at_neighbours_adds_nothing_before_it_has_learned():
    drawn = network(8)
    with torch.no_grad():
        for parameter in drawn.output.parameters():
            parameter.fill_(0.1)
        x = torch.randn(1, 10, 32, 32, generator=torch.Generator().manual_seed(2))
        absent = x.clone()
        absent[:, 2:] = torch.nan
        assert torch.equal(drawn(x), drawn(absent))


def test_the_first_preview_of_a_fit_is_denoised_already():
    sample = samples.confocal((128, 128))

    def first_preview(**changes):
        control = Control()
        settings = Settings.from_preset("auto", device="cpu", **changes)
        for event in fit_plane(sample.noisy, settings, control=control, preview_interval=0.0):
            if isinstance(event, Preview):
                return score(event.images["denoised"], sample.truth).si_psnr
        raise AssertionError

    assert first_preview() > first_preview(unet_weights="random") + 2


@pytest.mark.parametrize(("width", "start"), [(PRETRAINED_WIDTH, "pretrained"), (8, "random")])
def test_a_fit_starts_from_pretrained_weights_where_they_exist_and_records_it(width, start):
    noisy = samples.confocal((48, 48)).noisy
    result = denoise(noisy, "fast", device="cpu", iterations=2, refine_iterations=(), unet_width=width)
    assert result.settings.unet_weights == start


def test_pretrained_weights_of_another_width_are_declined_in_a_sentence():
    with pytest.raises(SettingsError, match="for a U-Net width of 16 only, and it is 8"):
        Settings.from_preset("auto", unet_weights="pretrained", unet_width=8)


def test_the_published_method_starts_from_random_weights():
    assert "unet_weights" not in Settings.from_preset("paper").model_dump()
    with pytest.raises(SettingsError, match="'paper' has no setting 'unet_weights'"):
        Settings.from_preset("paper", unet_weights="pretrained")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blur", "side", "share"),
    [
        (0.0, 64, 0.05),
        # So few pixels say less of how their noise is correlated: six draws left 0.04 to 0.08 of it.
        (0.7, 64, 0.1),
        pytest.param(0.0, 192, 0.05, marks=pytest.mark.endurance),
        pytest.param(0.7, 192, 0.05, marks=pytest.mark.endurance),
    ],
)
def test_nothing_is_seen_in_a_plane_that_holds_noise_alone(blur, side, share):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(side, side))
    noise = gaussian_filter(noise, blur, mode="wrap") if blur else noise
    noise /= noise.std()
    result = denoise(1000 + 50 * noise, "auto", device="cpu")
    # What is left is coarse: the noise's own local means, which are kept.
    fine = result.denoised - gaussian_filter(result.denoised, 8)
    assert fine.std() < share * 50
