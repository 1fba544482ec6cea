"""Stacks: which planes share networks, in which order, and that an interruption changes no pixel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot import Control, Settings, denoise, denoise_stack, load, save
from napari_blindspot.core.errors import ImageError, SettingsError
from napari_blindspot.core.events import Finished, Started, Step
from napari_blindspot.engine.inr_of_image import inr_at_pixels
from napari_blindspot.files.model_file import model_from_bytes, model_to_bytes
from napari_blindspot.method.siren import Siren
from napari_blindspot.samples import z_stack
from napari_blindspot.stack import chains, fit_stack, plane_indices

TINY = Settings.from_preset("paper", unet_width=6, iterations=3, passes=2, device="cpu")

QUICK = Settings.from_preset(
    "auto",
    device="cpu",
    iterations=10,
    refine_iterations=(3,),
    unet_width=8,
    inr_features=8,
    patch_size=32,
    batch_size=2,
    symmetries=1,
)


def stack(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape)


def cells(*leading: int, size: int = 40) -> np.ndarray:
    """Return planes of a z-stack with photon noise."""
    count = int(np.prod(leading))
    return z_stack((max(count, 2), size, size)).noisy[:count].reshape(*leading, size, size)


def finished(array: np.ndarray, settings: Settings = QUICK, **options) -> dict[tuple[int, ...], Finished]:
    return {e.plane: e for e in fit_stack(array, settings, **options) if isinstance(e, Finished)}


def same(a: Finished, b: Finished) -> bool:
    return np.array_equal(a.result.denoised, b.result.denoised) and np.array_equal(
        a.result.inr, b.result.inr
    )


def test_no_inr_is_fitted_to_a_plane_of_a_stack_before_its_image_is_read(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("An INR is fitted that nobody has asked for.")

    array = cells(2)
    with monkeypatch.context() as patch:
        patch.setattr(Siren, "__init__", refuse)
        events = finished(array)
    for event in events.values():
        assert list(event.result.images) == ["denoised", "inr"]
        assert np.isnan(event.result.history["consistency"]).all()
        assert not event.model.has_inr
        first = event.result.inr
        assert event.result.inr is first
        assert np.array_equal(first, inr_at_pixels(event.result.denoised, QUICK))
        assert np.abs(first - event.result.denoised).mean() < 0.1 * event.result.denoised.std()
    whole = denoise_stack(array, settings=QUICK)
    assert all(np.array_equal(whole.inr[index], event.result.inr) for index, event in events.items())


def test_a_plane_by_itself_and_those_of_paper_have_an_inr_from_their_fit():
    (alone,) = finished(cells(1)).values()
    assert alone.model.has_inr
    assert np.isfinite(alone.result.history["consistency"][-1])
    results = [event.result for event in finished(stack(2, 20, 24), TINY).values()]
    assert all(np.isfinite(result.history["inr"]).all() for result in results)


def test_a_plane_whose_inr_nobody_wants_has_the_same_pixels_and_an_inr_once_that_is_read():
    wanted, unwanted = (finished(cells(), wants_inr=wants)[()].result for wants in (True, False))
    assert np.array_equal(unwanted.denoised, wanted.denoised)
    assert np.isnan(unwanted.history["inr"]).all()
    assert np.isfinite(wanted.history["inr"]).any()
    assert np.array_equal(unwanted.inr, inr_at_pixels(unwanted.denoised, unwanted.settings))


def test_a_model_of_a_stack_that_is_saved_has_an_inr(tmp_path):
    event = finished(cells(2))[1,]
    save(event.model, tmp_path / "cells.safetensors")
    sampled = load(tmp_path / "cells.safetensors").sample().values
    assert np.abs(sampled - event.result.inr).mean() < 0.05 * event.result.denoised.std()
    with pytest.raises(ImageError, match="no INR"):
        event.model.sample()


def with_strategy(strategy: str, settings: Settings = QUICK) -> Settings:
    return settings.model_copy(update={"stack_start": strategy})


def test_a_plane_by_itself_has_the_empty_index_and_a_stack_one_for_each_plane():
    assert plane_indices((20, 30)) == [()]
    assert plane_indices((2, 2, 20, 30)) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_planes_of_one_channel_make_a_chain_and_keep_their_order():
    indices = plane_indices((2, 2, 3, 20, 30))
    groups = chains(indices, "TCZYX")
    assert [index[1] for chain in groups for index in chain] == [0] * 6 + [1] * 6
    assert groups[0] == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (1, 0, 0), (1, 0, 1), (1, 0, 2)]
    assert chains(indices) == [indices]


def test_positions_and_whatever_is_neither_time_nor_z_are_chains_of_their_own():
    indices = plane_indices((2, 2, 3, 8, 8))
    groups = chains(indices, "PCZYX")
    assert [{index[:2] for index in group} for group in groups] == [{(0, 0)}, {(0, 1)}, {(1, 0)}, {(1, 1)}]
    assert [len(group) for group in chains(indices, "ATZYX")] == [6, 6]


def test_every_plane_of_paper_gets_the_pixels_that_it_would_get_alone():
    array = stack(2, 2, 20, 24)
    results = {e.plane: e.result for e in fit_stack(array, TINY) if isinstance(e, Finished)}
    assert list(results) == plane_indices(array.shape)
    for index, result in results.items():
        assert np.array_equal(result.denoised, denoise(array[index], settings=TINY).denoised)


def test_planes_fitted_anew_get_the_pixels_that_they_would_get_alone():
    array = cells(2)
    for index, event in finished(array, with_strategy("anew")).items():
        alone = denoise(array[index], settings=QUICK)
        assert np.array_equal(event.result.denoised, alone.denoised)
        assert event.result.origin == "anew"
        assert event.model is None


@pytest.mark.parametrize("strategy", ["warm", "shared", "anew"])
def test_a_single_plane_is_the_same_whatever_the_strategy(strategy):
    array = cells(1)
    alone = denoise(array[0], settings=QUICK)
    for image in (array, array[0]):
        (event,) = finished(image, with_strategy(strategy)).values()
        assert np.array_equal(event.result.denoised, alone.denoised)


def test_a_warm_plane_needs_fewer_iterations_and_says_where_it_started():
    events = finished(cells(3), QUICK.model_copy(update={"gap": 0}))
    assert [e.result.origin for e in events.values()] == ["anew", "warm", "warm"]
    assert [e.result.iterations for e in events.values()] == [13, 5, 5]


@pytest.mark.slow
def test_a_warm_plane_is_as_good_as_one_fitted_anew():
    sample = z_stack((6, 48, 48))
    noisy, truth = sample.noisy[2:4], sample.truth[3]
    settings = Settings.from_preset("fast", device="cpu", inr_features=8)
    warm = finished(noisy, with_strategy("warm", settings))[1,].result.denoised
    anew = denoise(noisy[1], settings=settings).denoised
    # Over five seeds both are equally good, but on so small a plane each may be a tenth better by chance.
    assert np.mean((warm - truth) ** 2) < 1.15 * np.mean((anew - truth) ** 2)


def test_channels_never_share_a_network():
    array = cells(2, 2)
    events = finished(array, axes="CZYX")
    assert [e.result.origin for e in events.values()] == ["anew", "warm"] * 2
    for channel in (0, 1):
        alone = finished(array[channel], axes="ZYX")
        for z in (0, 1):
            assert same(events[channel, z], alone[z,])


@pytest.mark.parametrize("strategy", ["warm", "shared"])
def test_a_stack_that_goes_on_from_saved_models_gives_the_pixels_of_an_uninterrupted_one(strategy):
    array = cells(2, 2)
    settings = with_strategy(strategy)
    whole = finished(array, settings, axes="ZCYX")
    order = list(whole)
    for done in (1, 3):
        saved = [model_from_bytes(model_to_bytes(whole[index].model)) for index in order[:done]]
        rest = finished(array, settings, axes="ZCYX", indices=order[done:], initial_models=saved)
        assert list(rest) == order[done:]
        assert all(same(rest[index], whole[index]) for index in rest)


def test_one_shared_fit_is_trained_once_on_the_plane_with_most_structure():
    array = np.stack([np.full((40, 40), 30), *cells(3)])
    array[0] += np.random.default_rng(0).poisson(20, (40, 40)).astype(array.dtype)
    events = finished(array, with_strategy("shared"))
    starts = [e.result.origin for e in events.values()]
    assert starts == ["anew", "model", "model", "model"]
    assert next(iter(events)) != (0,)
    assert sorted(events) == plane_indices(array.shape)
    assert len({id(e.model) for e in events.values()}) == 1


def test_constant_planes_are_passed_over_and_do_not_break_the_chain():
    array = cells(3)
    array[1] = 7
    events = finished(array)
    assert [e.result.origin for e in events.values()] == ["anew", "anew", "warm"]
    assert (events[1,].result.denoised == 7).all()
    assert events[1,].model is None
    assert same(events[2,], finished(array[[0, 2]])[1,])


def test_a_plane_with_other_noise_is_fitted_anew_with_the_pixels_that_it_would_get_alone():
    from scipy.ndimage import gaussian_filter

    array = cells(2, size=96).astype(float)
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(96, 96)), 1.2)
    array[1] = array[1].mean() + 30 * noise / noise.std()
    events = finished(array)
    assert events[1,].result.origin == "anew"
    assert np.array_equal(events[1,].result.denoised, denoise(array[1], settings=QUICK).denoised)


def test_a_start_that_is_no_help_is_given_up_for_a_fit_from_nothing(monkeypatch):
    from napari_blindspot.engine import warm_start

    monkeypatch.setattr(warm_start, "LOSS_FALL_FOR_REFIT", -1.0)
    monkeypatch.setattr(warm_start, "STANDARD_ERRORS_FOR_REFIT", -1e9)
    array = cells(2)
    settings = QUICK.model_copy(update={"iterations": 40})
    events = finished(array, settings)
    assert events[1,].result.origin == "anew"
    assert np.array_equal(events[1,].result.denoised, denoise(array[1], settings=settings).denoised)


def test_only_the_planes_asked_for_are_read():
    class Watched:
        shape = (3, 20, 20)

        def __init__(self):
            self.read = []

        def __getitem__(self, index):
            self.read.append(index)
            return stack(20, 20)

    array = Watched()
    list(fit_stack(array, TINY, indices=[(2,)]))
    assert array.read == [(2,)]


def test_stop_keeps_the_plane_at_work_and_starts_no_other():
    control = Control()
    events = []
    for event in fit_stack(stack(4, 20, 20), TINY, control=control):
        events.append(event)
        if isinstance(event, Started) and event.plane == (1,):
            control.stop()
    planes = [event.plane for event in events if isinstance(event, Finished)]
    assert planes == [(0,), (1,)]


def test_a_plane_that_was_stopped_leaves_no_model_to_go_on_from():
    control = Control()
    events = []
    for event in fit_stack(cells(2), QUICK, control=control):
        events.append(event)
        if isinstance(event, Step) and event.plane == (1,):
            control.stop()
    assert events[-1].result.stopped
    assert events[-1].model is None


def test_axes_that_do_not_fit_are_refused_in_one_sentence():
    for axes in ("ZYX", "ZZYX", "YXZT", "TZCYX"):
        with pytest.raises(ImageError, match="do not fit an array of shape"):
            list(fit_stack(stack(2, 2, 20, 20), TINY, axes=axes))


def test_paper_cannot_share_a_fit_or_look_at_neighbours():
    with pytest.raises(SettingsError, match="fits each plane anew, because its INR holds one plane"):
        Settings.from_preset("paper", stack_start="shared")
    with pytest.raises(
        SettingsError, match="'paper' has no setting 'neighbours'; it is one of: auto, fast, best"
    ):
        Settings.from_preset("paper", neighbours=1)


class Counted:
    """An array on a disk, which notes each plane that is read."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.reads = pixels, pixels.shape, []

    def __getitem__(self, index: tuple[int, ...]) -> np.ndarray:
        self.reads.append(index)
        return self.pixels[index]


@pytest.mark.parametrize(("strategy", "neighbours"), [("warm", 0), ("warm", 1), ("shared", 0)])
def test_each_plane_is_read_once_also_where_neighbours_are_seen(strategy, neighbours):
    array = Counted(cells(1, 3, size=24))
    moment = {"iterations": 1, "refine_iterations": (1,), "neighbours": neighbours, "stack_start": strategy}
    list(fit_stack(array, QUICK.model_copy(update=moment), axes="TZYX"))
    assert sorted(array.reads) == plane_indices(array.shape)


def test_nothing_but_the_plane_at_work_and_its_neighbours_is_read_before_its_fit():
    array = Counted(cells(4, size=24))
    moment = QUICK.model_copy(update={"iterations": 1, "refine_iterations": (1,)})
    started = (event for event in fit_stack(array, moment) if isinstance(event, Started))
    seen = {event.plane: list(array.reads) for event in started}
    assert seen == {(k,): [(i,) for i in range(k + 1)] for k in range(4)}


def test_a_plane_that_cannot_be_denoised_is_named_when_its_turn_comes():
    array = cells(3, size=24).astype(np.float32)
    array[2, 4, 5] = np.inf
    done = []
    with pytest.raises(ImageError, match=r"^Plane Z=2: The image has 1 infinite pixel; set them"):
        for event in fit_stack(array, TINY, axes="ZYX"):
            done += [event.plane] * isinstance(event, Finished)
    assert done == [(0,), (1,)]
