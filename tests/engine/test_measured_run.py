"""The presets that measure the noise, on small planes: what they promise, step by step."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot import Control, Settings, denoise, denoise_stack
from napari_blindspot.core.events import Finished, Preview, Started, Step
from napari_blindspot.core.words import sentence
from napari_blindspot.engine import run
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.fusion import guard, local_sigma, wiener
from napari_blindspot.engine.hardware import memory
from napari_blindspot.engine.hardware.adam import one_cycle
from napari_blindspot.engine.refinement import RefinementLoss
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.masks import MASKS, DiscHoles
from napari_blindspot.noise import gap_choice
from napari_blindspot.noise.estimate import estimate_noise
from planned import planned

QUICK = {
    "preset": "auto",
    "device": "cpu",
    "iterations": 6,
    "refine_iterations": (3,),
    "unet_width": 8,
    "patch_size": 32,
    "batch_size": 4,
    "symmetries": 2,
}

SHORT = {"iterations": 40, "patch_size": 64, "device": "cpu"}
"""A fit long enough to denoise a small plane well."""


def scene(size: int = 96, seed: int = 0, blur: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return discs on waves, and the same with Poisson noise, or blurred Gaussian noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    truth = 60 + 40 * np.sin(7 * x) * np.cos(5 * y)
    for cy, cx, r in rng.random((12, 3)):
        truth[(y - cy) ** 2 + (x - cx) ** 2 < (0.03 + 0.06 * r) ** 2] += 50
    if blur:
        noise = gaussian_filter(rng.normal(size=truth.shape), blur, mode="wrap")
        return truth, truth + 20 * noise / noise.std()
    return truth, 4.0 * rng.poisson(truth / 4)


def psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((estimate - truth) ** 2)))


def blind_fit(image: np.ndarray, **changes) -> BlindFit:
    settings = planned(**(QUICK | changes))
    noisy = torch.from_numpy(image.astype(np.float32))
    return BlindFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings)


@pytest.fixture(scope="module")
def white():
    """A fit to white noise; only to be looked at."""
    return denoise(scene()[1], "auto", **SHORT)


def assert_gain(result, blur: float, gain: float) -> None:
    truth, noisy = scene(blur=blur)
    assert psnr(result.denoised, truth) > psnr(noisy, truth) + gain
    assert psnr(result.inr, truth) > psnr(noisy, truth) + 3


@pytest.mark.slow
def test_auto_gains_many_db_on_white_noise(white):
    # It gains 11.6 dB, the INR 9.5.
    assert_gain(white, 0.0, 8.0)
    assert white.settings.gap == 0


@pytest.mark.slow
def test_auto_gains_many_db_on_correlated_noise(monkeypatch):
    monkeypatch.setattr(gap_choice, "CORRELATED_ROUNDS", (20, 12))
    result = denoise(scene(blur=0.8)[1], "auto", **SHORT)
    assert_gain(result, 0.8, 5.0)
    assert result.settings.gap > 0


@pytest.mark.slow
def test_the_refinement_gains_over_the_blind_estimate(white):
    truth, noisy = scene()
    blindly = denoise(noisy, "auto", **SHORT, refine_iterations=())
    assert psnr(white.denoised, truth) > psnr(blindly.denoised, truth) + 0.2


def test_the_blind_estimate_of_a_pixel_does_not_depend_on_the_pixel():
    _, noisy = scene(48)
    fit = blind_fit(noisy / 100)
    torch.nn.init.normal_(fit.network.output.weight, generator=fit.generator)
    orders = fit.generator.get_state()
    *_, before = fit.predict_hidden(fit.network, 1)
    fit.noisy[0, 0, 20, 31] += 50
    fit.generator.set_state(orders)
    *_, after = fit.predict_hidden(fit.network, 1)
    assert torch.equal(before[0, 0, 20, 31], after[0, 0, 20, 31])
    assert not torch.equal(before[0, 0, 20, 33], after[0, 0, 20, 33])


def test_a_mask_is_used_by_its_name_so_that_another_one_can_be_added(monkeypatch):
    _, noisy = scene(48)
    changes = QUICK | {"gap": 0}
    disc = denoise(noisy, **changes)
    assert disc.settings.mask == "disc"
    monkeypatch.setitem(MASKS, "likewise", DiscHoles)
    likewise = denoise(noisy, **changes, mask="likewise")
    assert likewise.settings.mask == "likewise"
    assert np.array_equal(likewise.denoised, disc.denoised)
    monkeypatch.setitem(MASKS, "wider", lambda gap, fraction: DiscHoles(gap + 1, fraction))
    wider = denoise(noisy, **changes, mask="wider")
    assert not np.array_equal(wider.denoised, disc.denoised)


def test_the_blind_loss_is_taken_at_hidden_valid_pixels_only():
    _, noisy = scene(48)
    fit = blind_fit(noisy / 100)
    pixels = fit.pixels.clone()
    pixels[:, 1] = 0
    assert [piece(fit.network).item() for piece in fit.pieces(pixels)] == [0.0]


def test_tiles_of_a_large_plane_give_the_pixels_of_one_pass():
    rng = np.random.default_rng(0)
    fit = blind_fit(rng.normal(size=(200, 328)), precision="float32")
    torch.nn.init.normal_(fit.network.output.weight, generator=fit.generator)
    whole = fit.apply(fit.network, fit.noisy, fit.valid, fit.neighbours)
    fit.tiling.side = 96
    tiled = fit.apply_tiled(fit.network, fit.noisy, fit.valid, fit.neighbours)
    assert torch.allclose(tiled, whole, atol=1e-4)


def test_a_smooth_ramp_shows_no_seam_between_tiles(monkeypatch):
    monkeypatch.setattr(memory, "TILE", 64)
    y, x = np.mgrid[:160, :210]
    ramp = 100 + 0.5 * y + 0.3 * x
    noisy = ramp + np.random.default_rng(0).normal(0, 2, ramp.shape)
    estimate = denoise(noisy, **QUICK | {"iterations": 20}).denoised
    error = estimate - ramp
    steps = np.abs(np.diff(error, axis=1)).mean(axis=0)
    at_seams, elsewhere = steps[[63, 127, 191]], np.delete(steps, [63, 127, 191])
    assert at_seams.mean() < elsewhere.mean() + 4 * elsewhere.std() / np.sqrt(3)


def test_the_same_seed_gives_the_same_pixels_and_previews_change_none():
    _, noisy = scene(48)
    settings = Settings.from_preset(**QUICK, seed=4)
    first = denoise(noisy, settings=settings)
    for event in fit_plane(noisy, settings, preview_interval=0.0):
        if isinstance(event, Finished):
            watched = event.result
    assert np.array_equal(first.denoised, watched.denoised)
    assert np.array_equal(first.inr, watched.inr)
    assert not np.array_equal(first.denoised, denoise(noisy, **QUICK, seed=5).denoised)


def test_the_settings_of_a_result_are_complete_and_repeat_it():
    _, noisy = scene(48)
    first = denoise(noisy, **QUICK)
    assert None not in first.settings.model_dump().values()
    again = denoise(noisy, settings=Settings.parse(first.settings.model_dump_json()))
    assert np.array_equal(first.denoised, again.denoised)


def test_events_say_what_was_measured_and_count_fit_and_refinement():
    _, noisy = scene(48)
    events = list(fit_plane(noisy, Settings.from_preset(**QUICK), preview_interval=0.0))
    started = events[0]
    assert isinstance(started, Started)
    (chosen,) = started.notices
    assert "gap" in sentence(chosen)
    assert not chosen.is_warning
    assert started.settings.gap is not None
    steps = [e for e in events if isinstance(e, Step)]
    assert steps[-1].iteration == steps[-1].iterations == 6 + 3
    previews = [e for e in events if isinstance(e, Preview)]
    assert len(previews) == 9
    assert all(set(p.images) == {"denoised", "inr"} for p in previews)
    assert all(image.shape == noisy.shape for p in previews for image in p.images.values())
    result = events[-1].result
    assert len(result.history) == result.iterations == 9
    assert np.isfinite(result.history["inr"][:6]).all()
    assert np.isfinite(result.history["consistency"][6:]).all()
    assert result.noise.measured
    assert result.noise.gain == pytest.approx(4, rel=0.4)


@pytest.mark.parametrize("factor", [10.0, 1 / 255])
def test_a_scaled_image_gives_the_scaled_estimate(factor):
    _, noisy = scene(48)
    plain = denoise(noisy, **QUICK, precision="float32").denoised
    scaled = denoise(noisy * factor, **QUICK, precision="float32").denoised
    assert np.abs(scaled / factor - plain).max() < 0.02 * np.ptp(plain)


BRIEF = {
    "preset": "fast",
    "device": "cpu",
    "iterations": 4,
    "refine_iterations": (),
    "symmetries": 1,
    "inr_features": 8,
}
"""A moment of the preset, from the weights of the package."""


def test_an_offset_of_a_camera_changes_nothing_but_the_offset():
    noisy = np.rint(scene(48)[1]).astype(np.uint16)
    plain = denoise(noisy, **BRIEF, precision="float32").denoised
    offset = denoise(noisy + np.uint16(32768), **BRIEF, precision="float32").denoised
    assert np.abs(offset - 32768 - plain).max() < 1e-4 * np.ptp(plain)


def test_nothing_is_invented_in_the_empty_half_of_a_plane():
    truth = scene(64)[0]
    truth[:, 32:] = 20
    noisy = 4.0 * np.random.default_rng(1).poisson(truth / 4)
    empty = denoise(noisy, **BRIEF).denoised[:, 38:]
    assert empty.std() < 0.15 * noisy[:, 38:].std()
    assert empty.mean() == pytest.approx(20, rel=0.02)


def test_the_means_of_a_series_that_bleaches_stay():
    rng = np.random.default_rng(2)
    frames = np.stack([4.0 * rng.poisson(scene(48)[0] * np.exp(-k) / 4) + 100 for k in (0, 0.55, 1.1)])
    found = denoise_stack(frames, **BRIEF).denoised
    assert found.mean((1, 2)) == pytest.approx(frames.mean((1, 2)), rel=0.003)


def test_local_means_are_kept():
    _, noisy = scene(128)
    estimate = denoise(noisy, **QUICK).denoised
    assert estimate.mean() == pytest.approx(noisy.mean(), rel=0.005)
    blocks = (noisy - estimate).reshape(4, 32, 4, 32).mean((1, 3))
    assert np.abs(blocks).max() < 0.05 * noisy.mean()


def test_an_image_without_noise_comes_back_without_visible_harm():
    y, x = np.mgrid[:96, :96] / 96
    clean = 100 + 80 * np.sin(9 * x) * np.cos(7 * y)
    clean[30:50, 30:60] += 60
    estimate = denoise(clean, **QUICK).denoised
    assert psnr(estimate, clean) > 45


@pytest.mark.parametrize("shape", [(16, 16), (16, 61), (37, 17)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_planes_of_any_size_and_type_come_back_in_theirs(shape, dtype):
    noisy = np.random.default_rng(0).poisson(30, shape).astype(dtype)
    result = denoise(noisy, **QUICK, output_dtype="input")
    assert result.denoised.shape == result.inr.shape == shape
    assert result.denoised.dtype == dtype
    assert abs(result.denoised.mean() - 30) < 3


def test_nan_pixels_stay_nan_and_do_not_spread():
    _, noisy = scene(64)
    noisy[10:20, 30:35] = np.nan
    result = denoise(noisy, **QUICK)
    assert np.array_equal(np.isnan(result.denoised), np.isnan(noisy))
    assert np.array_equal(np.isnan(result.inr), np.isnan(noisy))


def test_a_mask_is_left_as_it_is_with_a_warning():
    mask = (np.random.default_rng(0).random((40, 40)) > 0.5).astype(np.uint8) * 255
    result = denoise(mask, "auto", output_dtype="input")
    assert np.array_equal(result.denoised, mask)
    assert "only the values 0 and 255, as a mask does" in result.warnings[0]


def test_noise_that_cannot_be_measured_is_said_and_safely_denoised():
    noisy = np.random.default_rng(0).normal(100, 200, (64, 64)).clip(90, 110)
    result = denoise(noisy, **QUICK | {"refine_iterations": None})
    assert "could not be measured" in result.warnings[0]
    assert np.isfinite(result.denoised).all()


def test_stop_keeps_a_usable_estimate_at_once():
    _, noisy = scene(64)
    control = Control()
    settings = Settings.from_preset(**QUICK | {"iterations": 100_000})
    for event in fit_plane(noisy, settings, control=control):
        if isinstance(event, Step) and event.iteration >= 5:
            control.stop()
        if isinstance(event, Finished):
            result = event.result
    assert result.stopped
    assert 5 <= result.iterations < 1000
    assert psnr(result.denoised, scene(64)[0]) > psnr(noisy, scene(64)[0])


def test_cancel_ends_without_a_result_in_every_phase(monkeypatch):
    # Every step is reported, so that each run has as many events as the first.
    monkeypatch.setattr(run, "REPORT_INTERVAL", 0.0)
    _, noisy = scene(48)
    settings = Settings.from_preset(**QUICK)
    count = sum(1 for _ in fit_plane(noisy, settings, preview_interval=0.0))
    for stop_at in range(1, count - 1, 3):
        control = Control()
        kinds = []
        for index, event in enumerate(fit_plane(noisy, settings, control=control, preview_interval=0.0)):
            kinds.append(type(event).__name__)
            if index == stop_at:
                control.cancel()
        assert kinds[-1] == "Cancelled"
        assert "Finished" not in kinds


def test_the_sigma_is_measured_from_the_residual_and_never_above_the_model():
    rng = np.random.default_rng(0)
    estimate = torch.linspace(0, 1, 64 * 64).view(1, 1, 64, 64)
    noisy = estimate + torch.from_numpy(rng.normal(size=(1, 1, 64, 64))) * (0.1 + 0.4 * estimate)
    everywhere = torch.ones_like(estimate, dtype=torch.bool)
    sigma = local_sigma(noisy.float(), estimate, everywhere, model_sigma=0.4)
    assert sigma[0, 0, 2].mean().item() == pytest.approx(0.1, rel=0.25)
    assert sigma[0, 0, 32].mean().item() == pytest.approx(0.3, rel=0.15)
    assert sigma.max().item() <= 0.4 + 1e-6


def test_what_exceeds_the_noise_is_given_back_and_what_does_not_is_left():
    rng = np.random.default_rng(0)
    estimate = torch.zeros(1, 1, 64, 64)
    sigma = torch.full_like(estimate, 0.1)
    valid = torch.ones_like(estimate, dtype=torch.bool)
    noisy = torch.from_numpy(0.1 * rng.normal(size=(1, 1, 64, 64))).float()
    assert guard(noisy, estimate, sigma, valid).abs().mean() < 0.02 * noisy.abs().mean()
    assert wiener(noisy, estimate, sigma, valid).std() < 0.25 * noisy.std()
    noisy[0, 0, 30:36, 30:36] += 2.0
    for give_back in (guard, wiener):
        assert (give_back(noisy, estimate, sigma, valid)[0, 0, 31:35, 31:35] > 1.8).all()


def test_single_photons_in_the_dark_are_no_structure_that_was_missed():
    counts = np.random.default_rng(0).poisson(0.03, (96, 96)).astype(np.uint8)
    counts[40:44, 40:44] += 6
    found = denoise(counts, "fast", device="cpu").denoised
    beside = np.ones(counts.shape, bool)
    beside[32:52, 32:52] = False
    # Some hundred of them came back as whole photons before.
    assert found[beside].max() < 0.5
    assert found[beside].std() < 0.02
    assert found[40:44, 40:44].mean() > 3.0


def test_correlated_noise_that_stands_together_by_chance_is_not_given_back():
    rng = np.random.default_rng(0)
    drawn = gaussian_filter(rng.normal(size=(256, 256)), 0.8, mode="wrap")
    noisy = torch.from_numpy(drawn / drawn.std()).float()[None, None]
    correlation = estimate_noise(noisy[0, 0].numpy() + 100).correlation
    sigma, estimate = torch.ones_like(noisy), torch.zeros_like(noisy)
    valid = torch.ones_like(noisy, dtype=torch.bool)
    taken_for_white = guard(noisy, estimate, sigma, valid)
    assert (taken_for_white.abs() > 0.1).float().mean() > 0.002
    assert (guard(noisy, estimate, sigma, valid, correlation).abs() > 0.1).float().mean() < 0.0005
    # A speck that no noise explains is still given back.
    noisy[0, 0, 100:106, 100:106] += 10.0
    assert (guard(noisy, estimate, sigma, valid, correlation)[0, 0, 101:105, 101:105] > 6.0).all()


def test_refinement_noise_has_the_measured_strength_and_correlation():
    fit = blind_fit(np.random.default_rng(0).normal(size=(64, 64)), patch_size=64, batch_size=64)
    offsets = torch.arange(-4, 5)
    correlation = torch.exp(-(offsets[:, None] ** 2 + offsets**2) / 3.0)
    flat = torch.zeros(1, 1, 64, 64)
    refinement = RefinementLoss(fit, flat, flat, torch.full_like(flat, 0.3), correlation)
    noise = refinement._noise(torch.full((16, 1, 64, 64), 0.3))
    assert noise.std().item() == pytest.approx(0.3, rel=0.03)
    shared = (noise[..., 1:] * noise[..., :-1]).mean() / noise.var()
    assert shared.item() == pytest.approx(correlation[4, 5].item(), abs=0.03)


def test_white_refinement_noise_is_drawn_from_residuals_of_like_intensity():
    dark_and_bright = np.ones((64, 64))
    dark_and_bright[:, 32:] = 5
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(64, 64)) * np.where(dark_and_bright > 2, 0.5, 0.1)
    fit = blind_fit(dark_and_bright + noise)
    estimate = torch.from_numpy(dark_and_bright).float()[None, None]
    refinement = RefinementLoss(fit, estimate, estimate, estimate, None)
    rank = refinement.stack[:, 3:]
    drawn = refinement._noise(rank)[0, 0]
    assert drawn[:, 4:28].std().item() == pytest.approx(0.1, rel=0.15)
    assert drawn[:, 36:60].std().item() == pytest.approx(0.5, rel=0.15)


def test_the_running_mean_of_weights_follows_the_network():
    fit = blind_fit(np.random.default_rng(0).normal(size=(32, 32)))
    trainer = Trainer(fit.network, 30, 1e-3, 0.9)
    loss = BlindLoss(fit)
    for _ in range(30):
        fit.learn(trainer, loss)
    pairs = zip(trainer.mean.parameters(), trainer.network.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=0.05) for a, b in pairs)
    assert not any(p.requires_grad for p in trainer.mean.parameters())


def test_correlated_noise_is_fitted_for_fewer_iterations():
    image = np.random.default_rng(0).normal(100, 10, (48, 48))
    for gap, iterations in ((0, 10 + 3), (2, 3 + 3)):
        changes = QUICK | {"iterations": 10, "gap": gap}
        assert denoise(image, **changes).iterations == iterations


def test_a_fit_of_any_length_has_a_learning_rate_for_every_step_of_the_inr():
    _, noisy = scene(32)
    for iterations in (1, 2, 5, 50):
        changes = {"iterations": iterations, "refine_iterations": (), "inr_features": 4, "gap": 0}
        assert denoise(noisy, **QUICK | changes).iterations == iterations


@pytest.mark.parametrize(("rise", "below", "last"), [(0.15, 10, 100), (0.1, 25, 10_000)])
def test_learning_rates_and_momenta_are_those_of_torchs_one_cycle_schedule(rise, below, last):
    for steps in (2, 3, 7, 11, 40, 1000):
        optimizer = torch.optim.Adam([torch.zeros(())])
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 2e-3, steps, pct_start=rise, div_factor=below, final_div_factor=last
        )
        optimizer.step()
        for step, (rate, momentum) in enumerate(one_cycle(steps, 2e-3, rise, below, last)):
            group = optimizer.param_groups[0]
            assert (rate, momentum) == pytest.approx((group["lr"], group["betas"][0])), (steps, step)
            if step + 1 < steps:
                schedule.step()


def test_there_are_learning_rates_for_any_number_of_steps():
    for steps in range(2, 120):
        for rise in (0.1, 0.15):
            numbers = one_cycle(steps, 1.0, rise, 10, 100)
            assert len(numbers) == steps
            assert all(0 < rate <= 1 and 0.85 <= momentum <= 0.95 + 1e-9 for rate, momentum in numbers)


def test_the_inr_stands_on_the_estimate_even_before_it_has_learned_anything(white):
    clean, noisy = scene(96)
    untaught = denoise(noisy, **QUICK | {"train_inr": False, "gap": 0})
    images = (untaught.denoised, untaught.inr, white.denoised, white.inr, noisy)
    unet, inr, unet_too, taught, given = (float(((image - clean) ** 2).mean()) for image in images)
    assert inr < 1.3 * unet and taught < 1.3 * unet_too
    assert unet < given / 5


def test_a_small_plane_is_not_seen_more_often_than_four_times_its_side():
    image = np.random.default_rng(0).normal(100, 10, (16, 16))
    changes = QUICK | {"iterations": 5000, "batch_size": 2, "gap": 0, "refine_iterations": ()}
    assert denoise(image, **changes).iterations == 32
