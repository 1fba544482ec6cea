"""Stacks by default: neighbours that help are looked at and filtered together, others change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_blindspot import Settings, denoise, denoise_stack
from napari_blindspot.engine.neighbour_choice import busiest_part
from napari_blindspot.engine.window_filter import coefficient_variances, window_filter
from napari_blindspot.samples import confocal

SHORT = {"device": "cpu", "iterations": 4, "refine_iterations": (4,), "symmetries": 1}
CPU = torch.device("cpu")


def frames(count: int, size: int = 96, drift: int = 0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return counts of a scene that moves by so many pixels a frame, and their expectations."""
    scene = confocal((size + 40, size + 40)).truth.astype(float)
    scene = 20 * scene / scene.max()
    places = [20 + drift * (number - count // 2) for number in range(count)]
    truth = np.stack([scene[place : place + size, 20 : 20 + size] for place in places])
    return np.random.default_rng(seed).poisson(truth).astype(np.uint16), truth


def error(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean((estimate - truth) ** 2))


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    return denoise(frames(5)[0][2], "fast", **SHORT).denoised


def test_a_still_series_is_much_better_than_its_frames_by_themselves(alone):
    noisy, truth = frames(5)
    result = denoise_stack(noisy, "fast", axes="TYX", **SHORT)
    assert error(result.denoised[2], truth[2]) < 0.6 * error(alone, truth[2])
    middle = result.planes[(2,)]
    assert middle.neighbours == 4
    kinds = [notice.kind for notice in middle.notices]
    assert {"neighbours-seen", "planes-filtered-together"} <= set(kinds)
    # At the ends there are neighbours on one side only.
    assert error(result.denoised[0], truth[0]) < 0.8 * error(alone, truth[2])


def test_drift_of_a_few_pixels_a_frame_keeps_most_of_what_neighbours_gain():
    drifting, still, alone = (
        sum(
            error(denoise(noisy[2], "fast", neighbours=beside, **SHORT).denoised, truth[2])
            for noisy, truth in (frames(5, drift=drift, seed=seed) for seed in (1, 2, 3))
            for beside in ([noisy[[0, 1, 3, 4]]] if seen else [None])
        )
        for drift, seen in ((3, True), (0, True), (0, False))
    )
    # By 0.5 dB on planes as small as these, of which a drift of 3 pixels takes 6 out of view.
    assert drifting < 1.2 * still
    assert alone - drifting > 0.6 * (alone - still)


def test_planes_that_do_not_belong_change_no_pixel(alone):
    noisy, _ = frames(5)
    strangers = np.stack([noisy[2], np.zeros_like(noisy[2]), noisy[2, ::-1, ::-1], noisy[2].T])
    result = denoise(noisy[2], "fast", neighbours=strangers, **SHORT)
    assert np.array_equal(result.denoised, alone)
    assert result.neighbours == 0
    assert {"neighbours-foreign", "neighbours-sharing"} <= {notice.kind for notice in result.notices}


def test_no_neighbours_are_looked_at_where_none_are_wanted(alone):
    noisy, _ = frames(5)
    result = denoise_stack(noisy[1:4], "fast", axes="TYX", neighbours=0, stack_start="anew", **SHORT)
    assert np.array_equal(result.denoised[1], alone)


def test_of_z_and_time_the_axis_with_more_in_common_is_taken():
    noisy, _ = frames(6, size=72)
    strange = np.stack([noisy, noisy[:, ::-1, ::-1]], axis=1)
    quick = SHORT | {"iterations": 1, "refine_iterations": (1,)}
    seen = denoise_stack(strange[:3], "fast", axes="TZYX", neighbours=1, **quick).planes
    assert seen[1, 0].neighbours == 2
    assert list(seen) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def test_the_window_filter_takes_off_the_noise_that_the_first_estimate_does_not_have():
    _, truth = frames(5)
    clean = torch.from_numpy(truth).float()
    noisy = clean + torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    filtered = window_filter(noisy, clean, torch.ones(clean.shape[1:]), torch.ones(8, 8))
    assert filtered.shape == clean.shape
    assert float((filtered - clean).square().mean()) < 0.2
    # A first estimate that is the noisy planes leaves nearly all of it.
    same = window_filter(noisy, noisy, torch.full(clean.shape[1:], 0.01), torch.ones(8, 8))
    assert torch.allclose(same, noisy, atol=0.02)


@pytest.mark.parametrize("size", [(16, 16), (31, 50)])
def test_the_window_filter_covers_planes_of_any_size(size):
    plane = torch.randn(2, *size, generator=torch.Generator().manual_seed(0))
    filtered = window_filter(plane, plane, torch.ones(size), torch.ones(8, 8))
    assert filtered.shape == plane.shape
    assert filtered.isfinite().all()


def test_the_variances_of_the_coefficients_are_those_of_drawn_noise():
    assert torch.allclose(coefficient_variances(None, CPU), torch.ones(8, 8))
    line = np.array([0.25, 0.5, 0.25])
    kernel = np.outer(line, line)
    correlation = np.array(
        [
            [(np.roll(np.pad(kernel, 2), (y, x), (0, 1)) * np.pad(kernel, 2)).sum() for x in range(-2, 3)]
            for y in range(-2, 3)
        ]
    )
    correlation /= correlation[2, 2]
    expected = coefficient_variances(torch.from_numpy(correlation), CPU).numpy()
    rng = np.random.default_rng(0)
    from scipy.fft import dctn
    from scipy.ndimage import convolve

    noise = convolve(rng.standard_normal((800, 800)), kernel, mode="wrap") / np.sqrt((kernel**2).sum())
    blocks = noise.reshape(100, 8, 100, 8).transpose(0, 2, 1, 3)
    drawn = (dctn(blocks, axes=(2, 3), norm="ortho") ** 2).mean((0, 1))
    assert expected == pytest.approx(drawn, rel=0.1, abs=0.01)


def test_of_a_large_plane_the_part_that_varies_most_is_compared():
    plane = np.zeros((600, 700))
    plane[500:, 600:] = np.random.default_rng(0).standard_normal((100, 100))
    rows, columns = busiest_part(plane)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (408, 600, 508, 700)
    assert busiest_part(plane[:190, :100]) == (slice(0, 190), slice(0, 100))


def test_settings_of_an_earlier_run_ask_for_the_same_look():
    settings = Settings.from_preset("fast", neighbours="2")
    assert settings.neighbours == 2
    assert Settings.parse(settings.model_dump_json()) == settings
    assert Settings.from_preset("fast").neighbours == "auto"
