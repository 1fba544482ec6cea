"""Neighbouring planes: which are taken, whether their noise is independent, and what they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot import Settings, denoise, fit
from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.core.words import sentences_of
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.noise.shared_noise import shared_noise
from napari_blindspot.samples import confocal
from napari_blindspot.stack import fit_stack

QUICK = {
    "device": "cpu",
    "iterations": 8,
    "refine_iterations": (3,),
    "unet_width": 8,
    "inr_features": 8,
    "patch_size": 32,
    "batch_size": 2,
    "symmetries": 1,
}


def captures(count: int, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return a scene and exposures of it, each with Poisson noise of its own."""
    truth = confocal((size, size)).truth.astype(float)
    rng = np.random.default_rng(3)
    return truth, 15.0 * rng.poisson(truth / 15, (count, size, size))


def last(events) -> Finished:
    *_, event = events
    assert isinstance(event, Finished)
    return event


def test_independent_noise_is_told_from_a_running_mean_over_frames():
    _, frames = captures(4, 128)
    assert abs(shared_noise(frames[0], frames[1:])) < 0.06
    means = (frames[1:] + frames[:-1]) / 2
    assert shared_noise(means[0], means[1:2]) == pytest.approx(0.5, abs=0.08)
    assert shared_noise(frames[0], frames[:1]) == pytest.approx(1.0)
    assert shared_noise(frames[0], frames[:0]) == 0.0


def test_structure_that_planes_share_is_not_taken_for_noise():
    _, frames = captures(2, 128)
    assert shared_noise(frames[0], frames[1:]) < 0.1
    y, x = np.mgrid[:128, :128]
    waves = 300 * np.sin(y / 5) * np.cos(x / 7)
    noise = np.random.default_rng(0).normal(0, 20, (2, 128, 128))
    assert shared_noise(waves + noise[0], (waves + noise[1])[None]) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "share"),
    [pytest.param("random", 0.95, marks=pytest.mark.endurance), ("pretrained", 0.98)],
)
def test_two_independent_captures_beside_a_plane_bring_it_closer_to_the_truth(start, share):
    truth, frames = captures(3, 48)
    settings = Settings.from_preset("fast", device="cpu", unet_weights=start, inr_features=8)
    alone = last(fit_plane(frames[0], settings)).result.denoised
    beside = last(fit_plane(frames[0], settings, neighbours=frames[1:])).result.denoised
    assert np.mean((beside - truth) ** 2) < share * np.mean((alone - truth) ** 2)


def test_neighbours_with_the_same_noise_are_not_used_and_the_run_says_so():
    _, frames = captures(2)
    settings = Settings.from_preset(**QUICK, neighbours=1)
    same = frames[:1]
    events = list(fit_plane(frames[0], settings, neighbours=same))
    alone = last(fit_plane(frames[0], settings)).result.denoised
    result = events[-1].result
    assert np.array_equal(result.denoised, alone)
    assert (
        "1 neighbouring plane shares noise with this one (correlation 1.00) and was not used"
        in " ".join(result.warnings)
    )
    assert result.neighbours == 0
    assert result.shared_noise == pytest.approx(1.0)


def test_a_run_with_neighbours_says_that_it_looks_at_them():
    _, frames = captures(3)
    settings = Settings.from_preset(**QUICK, neighbours=1)
    events = list(fit_plane(frames[1], settings, neighbours=frames[[0, 2]]))
    assert isinstance(events[0], Started)
    assert "sees 2 neighbouring planes as well, whose noise is independent" in " ".join(
        sentences_of([events[0].notices])
    )
    assert events[-1].result.neighbours == 2
    assert events[-1].result.warnings == ()


def test_a_stack_reads_neighbours_along_z_within_the_channel_and_frame():
    class Watched:
        shape = (2, 3, 2, 40, 40)
        data = np.random.default_rng(0).poisson(20, shape)

        def __init__(self):
            self.read = []

        def __getitem__(self, index):
            self.read.append(index)
            return self.data[index]

    array = Watched()
    settings = Settings.from_preset(**QUICK, neighbours=1)
    list(fit_stack(array, settings, axes="QZCYX", indices=[(1, 1, 0)]))
    assert array.read == [(1, 1, 0), (1, 0, 0), (1, 2, 0)]
    array.read.clear()
    list(fit_stack(array, settings, axes="CZQYX", indices=[(1, 2, 0)]))
    assert array.read == [(1, 2, 0), (1, 1, 0)]


def test_time_is_taken_where_there_is_no_z_and_a_plane_without_neighbours_is_fitted_alone():
    _, frames = captures(3, 40)
    settings = Settings.from_preset(**QUICK, neighbours=1)
    counts = [
        e.result.neighbours
        for e in fit_stack(frames[:, None], settings, axes="TCYX")
        if isinstance(e, Finished)
    ]
    assert counts == [1, 2, 1]
    alone = last(fit_stack(frames[:1], settings, axes="CYX"))
    assert alone.result.neighbours == 0


def test_missing_pixels_of_a_neighbour_do_not_spread():
    _, frames = captures(2, 40)
    frames[1, 10:20, 10:20] = np.nan
    result = last(fit_plane(frames[0], Settings.from_preset(**QUICK), neighbours=frames[1:])).result
    assert np.isfinite(result.denoised).all()


def test_neighbours_of_another_size_or_too_many_are_refused():
    _, frames = captures(3, 40)
    settings = Settings.from_preset(**QUICK)
    with pytest.raises(ImageError, match=r"\(N, 40, 40\) is needed"):
        list(fit_plane(frames[0], settings, neighbours=frames[1:, :30]))
    with pytest.raises(ImageError, match="at most 8 can be looked at"):
        list(fit_plane(frames[0], settings, neighbours=np.repeat(frames[1:], 5, axis=0)))


def test_a_model_serves_planes_with_and_without_neighbours():
    _, frames = captures(3, 40)
    model = last(fit_plane(frames[0], Settings.from_preset(**QUICK), neighbours=frames[1:])).model
    assert denoise(frames[1], model=model, neighbours=frames[[0, 2]]).neighbours == 2
    assert denoise(frames[1], model=model).neighbours == 0
    alone = fit(frames[0], **QUICK)
    assert denoise(frames[1], model=alone, neighbours=frames[2:]).neighbours == 0
