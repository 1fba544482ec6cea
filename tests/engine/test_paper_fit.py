"""The joint step: which loss reaches which network, and what each switch removes."""

import math

import pytest
import torch

from napari_blindspot.engine import paper_fit
from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.engine.paper_fit import PaperFit
from napari_blindspot.method.losses import LOSSES, Loss
from napari_blindspot.method.masks import sample_visible
from napari_blindspot.settings import Settings

SIZE = 32


def joint(**changes) -> PaperFit:
    given = {
        "preset": "paper",
        "iterations": 4,
        "unet_width": 6,
        "passes": 2,
        "visible_fraction": 0.2,
        "dilation": 1,
    }
    noisy = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    settings = Settings.from_preset(**(given | changes))
    return PaperFit(noisy, torch.ones(SIZE, SIZE, dtype=torch.bool), settings)


def gradients(fit: PaperFit) -> tuple[float, float]:
    """Run a step and return the size of the gradients of U-Net and INR."""
    fit.step()

    def size(network: torch.nn.Module) -> float:
        return sum(p.grad.abs().sum().item() for p in network.parameters() if p.grad is not None)

    return size(fit.unet), size(fit.inr)


def test_the_denoising_loss_reaches_both_networks():
    unet, inr = gradients(joint(losses=("denoising",)))
    assert unet > 0
    assert inr > 0


def test_with_a_detached_fill_the_denoising_loss_reaches_the_unet_alone():
    unet, inr = gradients(joint(losses=("denoising",), detach_fill=True))
    assert unet > 0
    assert inr == 0


def test_the_inr_loss_and_the_consistency_loss_reach_the_inr_alone():
    for name in ("inr", "consistency"):
        unet, inr = gradients(joint(losses=(name,)))
        assert unet == 0, name
        assert inr > 0, name


def test_switching_a_loss_off_removes_exactly_its_term():
    # Before the first step all fits of one seed have the same weights and draw the same sets; the shifts
    # of L_mc are drawn last, so that leaving it out does not move the other two.
    whole = joint()
    whole.step()
    terms = whole.losses.latest()
    assert list(terms) == ["denoising", "inr", "consistency"]
    for off in terms:
        others = tuple(name for name in terms if name != off)
        part = joint(losses=others)
        part.step()
        assert math.isnan(part.losses.of(off).item())
        left = part.losses.latest()
        assert left == pytest.approx({name: terms[name] for name in others}, rel=1e-5)


def test_a_loss_that_is_added_is_summed_and_recorded_by_its_name(monkeypatch):
    plain = joint()
    plain.step()
    evenness = Loss(
        "evenness", "L_ev", "evenness", ("#ffffff", "#000000"), lambda terms: terms.denoised.std()
    )
    monkeypatch.setitem(LOSSES, "evenness", evenness)
    fit = joint(losses=tuple(LOSSES))
    for _ in range(2):
        fit.step()
    assert list(fit.losses.latest()) == ["denoising", "inr", "consistency", "evenness"]
    assert (fit.losses.of("evenness") > 0).all()
    # The first step saw the same networks; the second shows that the loss moved them.
    assert torch.equal(fit.losses.of("denoising")[:1], plain.losses.of("denoising"))
    plain.step()
    assert not torch.equal(fit.losses.of("denoising"), plain.losses.of("denoising"))


def test_an_inr_that_is_not_trained_keeps_its_weights():
    fit = joint(train_inr=False)
    before = [p.clone() for p in fit.inr.parameters()]
    for _ in range(3):
        fit.step()
    assert all(torch.equal(a, b) for a, b in zip(before, fit.inr.parameters(), strict=True))


def test_zero_fill_hides_the_inr_from_the_denoiser():
    unet, inr = gradients(joint(losses=("denoising",), fill="zero"))
    assert unet > 0
    assert inr == 0


def test_the_unets_learning_rate_falls_on_half_a_cosine_and_the_inrs_stays():
    fit = joint(iterations=4, unet_learning_rate=1e-3, inr_learning_rate=2e-3)
    rates = []
    for _ in range(4):
        fit.step()
        rates.append(fit.unet_optimizer.rate)
    expected = [1e-3 * 0.5 * (1 + math.cos(math.pi * i / 4)) for i in range(4)]
    assert rates == pytest.approx(expected)
    assert fit.inr_optimizer.rate == 2e-3


def test_the_shift_of_the_consistency_loss_is_less_than_a_pixel_on_each_axis():
    fit = joint()
    shift = (fit.shifted(fit.coordinates) - fit.coordinates) / fit.pixel
    assert 0 <= shift.min() < 0.01
    assert 0.99 < shift.max() < 1.0 + 1e-4
    assert abs(shift.mean().item() - 0.5) < 0.05


def test_the_blind_spot_is_blind(monkeypatch):
    """Whatever value a pixel has that is not visible, the estimate does not depend on it."""
    fit = joint(unet_dropout=0.0, inr_dropout=(0.0,) * 5)
    visible = torch.zeros(3, SIZE, SIZE, dtype=torch.bool)
    visible[:, ::3, ::3] = True
    monkeypatch.setattr(paper_fit, "sample_visible", lambda *_: visible)
    before = fit.predict()["denoised"]
    fit.noisy = torch.where(visible, fit.noisy, torch.rand(3, SIZE, SIZE) * 100)
    after = fit.predict()["denoised"]
    assert torch.equal(before, after)


@pytest.mark.parametrize("fill", ["inr", "zero"])
def test_what_stands_in_pixels_that_are_left_out_changes_nothing(fill):
    valid = torch.ones(SIZE, SIZE, dtype=torch.bool)
    valid[:7], valid[:, 25:] = False, False
    settings, estimates = joint(fill=fill).settings, []
    for stands_there in (0.0, 100.0):
        noisy = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(1))
        noisy[~valid] = stands_there
        fit = PaperFit(noisy, valid, settings)
        fit.step()
        fit.step()
        estimates.append(fit.predict())
    for name, image in estimates[0].items():
        assert torch.equal(image, estimates[1][name]), name


def test_the_mean_of_many_passes_is_unbiased_in_the_mask():
    """With an identity for D_θ and a fill of zero, the mean over the sets tends to p0 times the image."""
    fit = joint(fill="zero", visible_fraction=0.25, unet_dropout=0.0, inr_features=4, inr_octaves=0)
    fit.unet = torch.nn.Identity()
    passes = 2000
    mean = sum(fit.predict()["denoised"] for _ in range(passes)) / passes
    # Bernoulli sets: the standard error of each pixel is y * sqrt(p(1-p)/passes) < 0.0097.
    assert (mean - 0.25 * fit.noisy).abs().max().item() < 5 * 0.0097
    assert abs((mean - 0.25 * fit.noisy).mean().item()) < 0.001


def test_looking_at_the_running_mean_changes_no_pixel():
    blind, curious = joint(), joint()
    for _ in range(3):
        blind.step()
        curious.step()
        curious.running_mean()
    assert torch.equal(blind.predict()["denoised"], curious.predict()["denoised"])


def test_a_gray_plane_becomes_three_channels_with_visible_sets_of_their_own(monkeypatch):
    fit = joint()
    drawn = []

    def sample(*given):
        drawn.append(sample_visible(*given))
        return drawn[-1]

    monkeypatch.setattr(paper_fit, "sample_visible", sample)
    seen = []
    fit.unet.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = fit.predict()
    (visible,), (masked,) = drawn, seen
    assert visible.shape == (3, SIZE, SIZE)
    assert not torch.equal(visible[0], visible[1])
    # Each channel shows the same plane where its own set lets it.
    for channel in range(3):
        assert torch.equal(masked[0, channel][visible[channel]], fit.noisy[0][visible[channel]])
    assert images["denoised"].shape == images["inr"].shape == (SIZE, SIZE)


def test_one_input_channel_makes_networks_of_one_channel():
    fit = joint(input_channels=1)
    assert fit.unet(torch.rand(1, 1, SIZE, SIZE)).shape == (1, 1, SIZE, SIZE)
    assert fit.predict()["denoised"].shape == (SIZE, SIZE)


def test_the_image_is_the_mean_of_the_channels():
    fit = joint(fill="zero", unet_dropout=0.0)
    fit.unet = torch.nn.Identity()
    fit.noisy = torch.stack([torch.full((SIZE, SIZE), value) for value in (0.0, 3.0, 6.0)])
    levels = set((fit.predict()["denoised"] * 3).round().int().unique().tolist())
    assert levels == {0, 3, 6, 9}  # none, one or both of the channels that are not 0 were visible


def test_the_consistency_loss_asks_the_inr_only_where_a_pixel_is_visible(monkeypatch):
    fit = joint(inr_dropout=(0.0,) * 5)
    fit.pixel = torch.zeros(2)  # without a shift, so that the values are those at the centres
    visible = torch.zeros(3, SIZE, SIZE, dtype=torch.bool)
    visible[0, 5, 7] = visible[2, 20, 3] = True
    asked = []
    fit.inr.register_forward_hook(lambda _, inputs, out: asked.append(inputs[0]))
    shifted = fit.shifted_inr(visible)
    assert [len(points) for points in asked] == [2]
    centres = fit.inr(fit.coordinates).T.reshape(3, SIZE, SIZE)
    either = visible.any(dim=0)
    assert torch.allclose(shifted[:, either], centres[:, either], atol=1e-6)
    # Where a step is recorded, it is asked in as many places as can ever be visible: the same values there.
    monkeypatch.setattr(cuda_graph, "keeps_numbers", lambda device: True)
    assert torch.allclose(fit.shifted_inr(visible), shifted, atol=1e-6)
    drawn = sample_visible(fit.valid, fit.settings.visible_fraction, fit.generator)
    every = fit.shifted_inr(drawn)
    assert len(asked[-1]) == len(asked[-2]) < 0.6 * SIZE**2
    assert torch.equal(every.ne(0).any(dim=0), drawn.any(dim=0))
