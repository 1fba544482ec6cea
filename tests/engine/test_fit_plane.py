"""Whole fits on small planes: quality, determinism, control, odd pixels."""

import itertools
import threading
import time

import numpy as np
import pytest
import torch

from napari_blindspot import Control, Settings, denoise, denoise_stack
from napari_blindspot.core.errors import (
    CancelledError,
    DeviceError,
    DivergedError,
    ImageError,
    SettingsError,
)
from napari_blindspot.core.events import Cancelled, Finished, Paused, Predicting, Preview, Started, Step
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.paper_run import STOPPED_PASSES

QUICK = {
    "iterations": 2,
    "refine_iterations": (1,),
    "symmetries": 1,
    "inr_features": 8,
    "device": "cpu",
}
TINY = {"preset": "paper", "unet_width": 6, "iterations": 6, "passes": 3, "device": "cpu"}


def blobs(size: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth image of about 20-220 and the same with Gaussian noise of 30."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    truth = 120 + 60 * np.sin(7 * x) * np.cos(5 * y) + 40 * np.cos(9 * (x + y))
    return truth, truth + rng.normal(0, 30, truth.shape)


def psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((estimate - truth) ** 2)))


@pytest.mark.slow
def test_a_fit_gains_at_least_3_db_over_the_noisy_image():
    truth, noisy = blobs()
    result = denoise(noisy, "paper", iterations=250, passes=20, device="cpu")
    assert psnr(result.denoised, truth) > psnr(noisy, truth) + 3
    assert result.history["denoising"][-20:].mean() < result.history["denoising"][:20].mean()


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others():
    _, noisy = blobs(32)
    first, second = denoise(noisy, **TINY, seed=5), denoise(noisy, **TINY, seed=5)
    assert np.array_equal(first.denoised, second.denoised)
    assert np.array_equal(first.inr, second.inr)
    assert not np.array_equal(first.denoised, denoise(noisy, **TINY, seed=6).denoised)


def test_the_settings_of_a_result_repeat_it_through_json():
    _, noisy = blobs(32)
    first = denoise(noisy, **TINY, seed=3)
    again = denoise(noisy, settings=Settings.parse(first.settings.model_dump_json()))
    assert np.array_equal(first.denoised, again.denoised)


def test_previews_and_others_random_numbers_change_no_pixel():
    _, noisy = blobs(32)
    settings = Settings.from_preset(**TINY)
    for event in fit_plane(noisy, settings, preview_interval=0.0):
        torch.rand(3)
        if isinstance(event, Finished):
            watched = event.result
    assert np.array_equal(watched.denoised, denoise(noisy, settings=settings).denoised)


def test_events_come_in_order_and_carry_losses_and_time():
    _, noisy = blobs(32)
    events = list(fit_plane(noisy, Settings.from_preset(**TINY), preview_interval=0.0))
    kinds = [kind for kind, _ in itertools.groupby(type(event) for event in events)]
    assert kinds[0] is Started
    assert kinds[-2:] == [Predicting, Finished]
    assert set(kinds[1:-2]) == {Step, Preview}
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[0].iteration == 1
    assert steps[-1].iteration == steps[-1].iterations == 6
    assert all(s.losses[name] > 0 for s in steps for name in ("denoising", "inr", "consistency"))
    elapsed = [s.elapsed for s in steps]
    assert elapsed == sorted(elapsed)
    previews = [event for event in events if isinstance(event, Preview)]
    assert len(previews) == 6
    assert all(set(p.images) == {"denoised", "inr"} for p in previews)
    assert all(image.shape == (32, 32) for p in previews for image in p.images.values())
    assert all(image.dtype == np.float32 for p in previews for image in p.images.values())


def test_the_history_has_the_losses_of_every_iteration():
    _, noisy = blobs(32)
    result = denoise(noisy, **TINY, losses=("denoising", "consistency"))
    assert len(result.history) == result.iterations == 6
    assert np.isfinite(result.history["denoising"]).all()
    assert np.isnan(result.history["inr"]).all()


@pytest.mark.parametrize("shape", [(16, 16), (16, 75), (33, 17)])
def test_planes_of_any_size_from_16_and_any_aspect_keep_their_shape(shape):
    noisy = np.random.default_rng(0).random(shape)
    result = denoise(noisy, **TINY)
    assert result.denoised.shape == result.inr.shape == shape


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint8", 5, 250), ("uint16", 100, 4000), ("uint16", 30000, 65000), ("int16", -900, 900)],
)
def test_integers_come_back_on_their_own_scale_and_on_request_in_their_own_dtype(dtype, low, high):
    _, noisy = blobs(32)
    scaled = (noisy - noisy.min()) / np.ptp(noisy) * (high - low) + low
    image = scaled.astype(dtype)
    as_float = denoise(image, **TINY)
    assert as_float.denoised.dtype == np.float32
    assert low - (high - low) < as_float.denoised.mean() < high + (high - low)
    as_input = denoise(image, **TINY, output_dtype="input")
    assert as_input.denoised.dtype == image.dtype
    limits = np.iinfo(dtype)
    expected = np.clip(np.rint(as_float.denoised), limits.min, limits.max)
    assert np.abs(as_input.denoised.astype(float) - expected).max() <= 1


def test_the_estimate_scales_with_the_image():
    _, noisy = blobs(32)
    plain = denoise(noisy, **TINY).denoised
    scaled = denoise(noisy * 1e6 - 3e7, **TINY).denoised
    assert np.allclose((scaled + 3e7) / 1e6, plain, atol=0.05)


def test_nan_pixels_stay_nan_and_do_not_spread():
    _, noisy = blobs(32)
    noisy[3:6, 10:14] = np.nan
    result = denoise(noisy, **TINY)
    assert np.array_equal(np.isnan(result.denoised), np.isnan(noisy))
    assert np.array_equal(np.isnan(result.inr), np.isnan(noisy))
    assert result.warnings == ("12 NaN pixels were left out and stay NaN.",)


def test_a_constant_plane_comes_back_unchanged_with_a_warning():
    plane = np.full((20, 30), 7, np.uint16)
    result = denoise(plane, output_dtype="input")
    assert result.denoised.dtype == np.uint16
    assert np.array_equal(result.denoised, plane)
    assert result.warnings == ("All pixels are equal, so the plane was left as it is.",)


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_plane_without_any_value_comes_back_unchanged_with_a_warning(preset):
    result = denoise(np.full((20, 30), np.nan, np.float32), preset)
    assert np.isnan(result.denoised).all()
    assert result.warnings == ("The plane holds no value, only NaN, so it was left as it is.",)


def test_a_plane_with_a_handful_of_values_comes_back_unchanged_with_a_warning():
    plane = np.full((20, 30), np.nan)
    plane[3, 4:15] = np.arange(11)
    result = denoise(plane)
    assert np.array_equal(result.denoised, plane.astype(np.float32), equal_nan=True)
    assert result.warnings == ("Only 11 pixels of the plane have a value, so it was left as it is.",)


def test_a_plane_with_a_few_single_photons_comes_back_unchanged_with_a_warning():
    plane = np.zeros((48, 48), np.uint8)
    plane[::9, ::9], plane[0, 0] = 1, 2
    result = denoise(plane, output_dtype="input")
    assert np.array_equal(result.denoised, plane)
    assert result.warnings == ("All but 36 pixels of the plane have the value 0, so it was left as it is.",)


def test_frames_without_a_value_pass_through_a_stack_and_the_others_are_denoised():
    stack = np.stack([blobs(32, seed)[1] for seed in range(4)])
    stack[1], stack[2] = np.nan, 0
    result = denoise_stack(stack, "fast", neighbours=0, **QUICK)
    assert np.isnan(result.denoised[1]).all()
    assert not result.denoised[2].any()
    for index in (0, 3):
        assert np.isfinite(result.denoised[index]).all()
        assert not np.array_equal(result.denoised[index], stack[index].astype(np.float32))
    assert result.warnings == [
        "The plane holds no value, only NaN, so it was left as it is. (1 of 4 planes)",
        "All pixels are equal, so the plane was left as it is. (1 of 4 planes)",
    ]


@pytest.mark.parametrize("overrides", [QUICK | {"preset": "auto"}, TINY], ids=["auto", "paper"])
def test_the_zero_borders_of_a_registration_stay_as_they_are_and_nothing_rings_beside_them(overrides):
    counts = np.random.default_rng(0).poisson(blobs(48)[0]).astype(np.uint16)
    counts[:9], counts[:, -4:] = 0, 0
    result = denoise(counts, **overrides, output_dtype="input")
    assert result.denoised.dtype == result.inr.dtype == np.uint16
    assert not result.denoised[:9].any()
    assert not result.denoised[:, -4:].any()
    if overrides["preset"] == "auto":
        # Zeros that took part in the fit would pull down what is next to them.
        edge = result.denoised[9:11, :-4].mean()
        assert edge == pytest.approx(counts[9:11, :-4].mean(), rel=0.1)
    assert result.warnings == (
        "Areas of exactly one value (0; 26% of the plane), as a registration or a mosaic leaves them, were "
        "left out and stay as they are.",
    )


def test_borders_of_zeros_and_of_nan_give_the_same_pixels_inside():
    noisy = blobs(48)[1].astype(np.float32)
    zeros, missing = noisy.copy(), noisy.copy()
    zeros[:9], missing[:9] = 0, np.nan
    results = [denoise(plane, "fast", **QUICK) for plane in (zeros, missing)]
    assert np.array_equal(results[0].denoised[9:], results[1].denoised[9:])
    assert not results[0].denoised[:9].any()
    assert results[0].noise.sigma == results[1].noise.sigma


def test_previews_have_the_borders_too():
    noisy = blobs(32)[1].astype(np.float32)
    noisy[:6] = 0
    events = list(fit_plane(noisy, Settings.from_preset(**TINY), preview_interval=0.0))
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    assert not any(image[:6].any() for event in previews for image in event.images.values())


def odd_planes() -> dict[str, np.ndarray]:
    """Return planes with hardly anything to measure, of 31×38 pixels like a real file's."""
    rng = np.random.default_rng(0)
    shape = (31, 38)
    counts = rng.poisson(8.0, shape)
    holes = np.where(rng.random(shape) < 0.9, np.nan, counts)
    every_second = counts.astype(np.float32)
    every_second[::2] = np.nan
    return {
        "a few photons": rng.poisson(0.01, shape).astype(np.uint16),
        "sparse photons": rng.poisson(0.2, shape).astype(np.uint16),
        "three values": rng.integers(0, 3, shape).astype(np.uint8),
        "one pixel and its neighbour differ": np.eye(31, 38, 5) * np.arange(38) // 36 + 7,
        "half of it saturated": np.where(np.arange(38) < 19, 4095, counts * 100).astype(np.uint16),
        "a huge offset": counts + 1e9,
        "negative": (counts - 5000).astype(np.int32),
        "tiny": counts * 1e-30,
        "mostly missing": holes,
        "every second line missing": every_second,
        "a ramp": np.broadcast_to(3 * np.arange(38), shape).astype(np.uint16),
        "a checkerboard": (np.indices(shape).sum(0) % 2 * 100 + rng.integers(0, 2, shape)).astype(
            np.uint16
        ),
    }


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("kind", odd_planes())
def test_every_plane_comes_back_whatever_its_values(kind):
    plane = odd_planes()[kind]
    result = denoise(plane, "auto", **QUICK | {"gap": None}, output_dtype="input")
    assert result.denoised.shape == plane.shape
    assert result.denoised.dtype == plane.dtype
    assert np.array_equal(np.isnan(result.denoised), np.isnan(plane))


def test_stop_keeps_what_the_fit_has_by_then():
    _, noisy = blobs(32)
    control = Control()
    settings = Settings.from_preset(**TINY | {"iterations": 100_000, "passes": 500})
    for event in fit_plane(noisy, settings, control=control):
        if isinstance(event, Step) and event.iteration > 3:
            control.stop()
        if isinstance(event, Finished):
            result = event.result
    assert result.stopped
    assert 3 < result.iterations < 1000
    assert len(result.history) == result.iterations
    assert result.passes == STOPPED_PASSES
    assert np.isfinite(result.denoised).all()


def test_stop_while_predicting_ends_the_average_early():
    _, noisy = blobs(32)
    control = Control()
    settings = Settings.from_preset(**TINY | {"passes": 50_000})
    for event in fit_plane(noisy, settings, control=control):
        if isinstance(event, Predicting):
            control.stop()
        if isinstance(event, Finished):
            result = event.result
    assert result.stopped
    assert result.passes < 50_000
    assert result.iterations == 6


def test_cancel_ends_without_a_result():
    _, noisy = blobs(32)
    control = Control()
    events = []
    for event in fit_plane(noisy, Settings.from_preset(**TINY), control=control):
        events.append(event)
        control.cancel()
    assert isinstance(events[-1], Cancelled)
    assert not any(isinstance(event, Finished) for event in events)
    with pytest.raises(CancelledError, match="cancelled"):
        denoise(noisy, **TINY, control=control)


def test_a_paused_fit_waits_and_its_time_does_not_count():
    _, noisy = blobs(32)
    control = Control()
    control.pause()
    events, times = [], [time.perf_counter()]
    for event in fit_plane(noisy, Settings.from_preset(**TINY), control=control):
        events.append(event)
        times.append(time.perf_counter())
        rests = [when for when, e in zip(times[1:], events, strict=True) if isinstance(e, Paused)]
        if control.paused and rests and times[-1] - rests[0] > 0.5:
            control.resume()
    paused = [event for event in events if isinstance(event, Paused)]
    assert len(paused) >= 3
    assert all(event.iteration == 1 for event in paused)
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[-1].iteration == 6
    # From before the first step to after the last, without what was certainly a pause: however slow the
    # computer is, the fit has had no more time than that.
    first, last = events.index(steps[0]), events.index(steps[-1])
    worked = times[last + 1] - times[first] - (rests[-1] - rests[0])
    assert steps[-1].elapsed - steps[0].elapsed < worked


def test_cancel_reaches_a_paused_fit():
    _, noisy = blobs(32)
    control = Control()
    control.pause()
    threading.Timer(0.2, control.cancel).start()
    last = list(fit_plane(noisy, Settings.from_preset(**TINY), control=control))[-1]
    assert isinstance(last, Cancelled)


def test_a_device_that_is_not_there_is_named():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(DeviceError, match=r"There is no cuda device here; choose one of: auto, .*cpu"):
        denoise(blobs(32)[0], **TINY | {"device": "cuda"})


def test_an_unknown_mask_is_refused_in_one_sentence_that_names_the_known_ones():
    with pytest.raises(SettingsError) as caught:
        denoise(blobs(32)[0], "auto", device="cpu", mask="star")
    assert str(caught.value) == "There is no mask 'star'; choose one of: disc."


def test_an_unknown_loss_is_refused_in_one_sentence_that_names_the_known_ones():
    for preset in ("auto", "paper"):
        with pytest.raises(SettingsError) as caught:
            denoise(blobs(32)[0], preset, device="cpu", losses=("denoising", "sharpness"))
        assert "'sharpness' is none of the losses: denoising, inr, consistency" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_fit_that_does_not_converge_says_so_instead_of_giving_an_image(preset):
    _, noisy = blobs(48)
    much = {"unet_learning_rate": 1.0, "device": "cpu"}
    auto, paper = {"iterations": 10, "symmetries": 2, "inr_features": 8}, {"iterations": 50, "passes": 2}
    much |= auto if preset == "auto" else paper
    with pytest.raises(DivergedError, match=r"did not converge.*a smaller learning rate"):
        denoise(noisy, preset, **much, unet_width=8)


def test_bfloat16_agrees_with_float32():
    _, noisy = blobs(32)
    changes = {"iterations": 8, "passes": 8, "unet_dropout": 0.0, "unet_width": 48}
    plain = denoise(noisy, **TINY | changes, precision="float32").denoised
    half = denoise(noisy, **TINY | changes, precision="bfloat16").denoised
    assert np.isfinite(half).all()
    assert np.abs(half - plain).mean() < 0.1 * plain.std() + 3


def test_bfloat16_is_refused_where_the_processors_convolutions_read_past_their_weights():
    _, noisy = blobs(32)
    with pytest.raises(SettingsError, match="a multiple of 48, and it is 24; choose"):
        denoise(noisy, **TINY | {"unet_width": 24}, precision="bfloat16")
    undilated = denoise(noisy, **TINY | {"unet_width": 24, "unet_dilation": 1}, precision="bfloat16")
    assert np.isfinite(undilated.denoised).all()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((32, 32, 3)), r"RGB.*choose red \(0\), green \(1\) or blue \(2\)"),
        (np.zeros((4, 32, 32)), r"3 axes.*a plane has two"),
        (np.zeros((15, 40)), r"15×40.*at least 16×16"),
        (np.zeros((0, 40)), "empty"),
        (np.zeros((32, 32), bool), "boolean"),
        (np.zeros((32, 32), complex), "complex"),
        (np.where(np.eye(32) > 0, np.inf, 1.0), "32 infinite pixels"),
        (np.full((32, 32), "a"), "integers or floats"),
    ],
)
def test_what_is_no_plane_of_intensities_is_refused_in_one_sentence(image, words):
    with pytest.raises(ImageError, match=words):
        denoise(image, **TINY)
