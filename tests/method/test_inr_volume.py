"""One INR of a stack: right between its planes, and where it says it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from napari_blindspot import ImageError, fit_volume


def grid(volume) -> np.ndarray:
    """Return where the samples of a volume lie, (planes, rows, columns, 3)."""
    axes = [
        first + np.arange(count) * step
        for first, count, step in zip(volume.origin, volume.values.shape, volume.step, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def light(points: np.ndarray) -> np.ndarray:
    """A wave along all axes and a spot between two planes."""
    z, y, x = points[..., 0], points[..., 1], points[..., 2]
    spot = np.exp(-((z - 5.4) ** 2) / 4 - ((y - 15.2) ** 2 + (x - 12.6) ** 2) / 60)
    return 100 + 40 * np.sin(2 * np.pi * (z / 7 + 0.1)) * np.cos(2 * np.pi * (x - y / 3) / 24) + 30 * spot


PLACES = np.stack(np.meshgrid(np.arange(12), np.arange(24), np.arange(28), indexing="ij"), -1).astype(float)
STACK = light(PLACES)


def test_between_planes_it_is_nearer_to_the_truth_than_a_straight_line_is():
    volume = fit_volume(STACK, iterations=10).sample((4.0, 1.0, 1.0))
    where = grid(volume)
    assert volume.values.shape == (48, 24, 28) and volume.step == (0.25, 1.0, 1.0)
    inner = (slice(4, -4), slice(2, -2), slice(2, -2))
    truth = light(where)[inner]
    straight = map_coordinates(STACK, where.reshape(-1, 3).T, order=1).reshape(volume.values.shape)[inner]
    error, of_straight = (
        float(np.sqrt(((values - truth) ** 2).mean())) for values in (volume.values[inner], straight)
    )
    assert error < 0.6 * of_straight
    assert error < 0.01 * np.ptp(STACK)


def crest(values: np.ndarray, first: float, step: float, period: float) -> float:
    """Return where the crest of a wave of this period lies."""
    at = first + np.arange(len(values)) * step
    turn = np.angle(((values - values.mean()) * np.exp(-2j * np.pi * at / period)).sum())
    return float(-turn * period / (2 * np.pi))


def test_a_wave_of_known_phase_is_where_it_should_be_to_a_hundredth_of_a_pixel_along_all_axes():
    moved = (0.30, -0.45, 0.20)
    planes, rows, columns = 32, 24, 28
    places = np.stack(
        np.meshgrid(np.arange(planes), np.arange(rows), np.arange(columns), indexing="ij"), axis=-1
    )
    waves = [np.cos(2 * np.pi * (places[..., axis] - moved[axis]) / 8) for axis in range(3)]
    volume = fit_volume(sum(waves), iterations=0).sample((2.0, 2.0, 2.0), (4, 6, 20, 22))
    for axis in range(3):
        profile = volume.values.mean(tuple({0, 1, 2} - {axis}))
        # Whole periods, away from the ends of the stack.
        cut = (
            slice(round(4 / volume.step[axis]), round(12 / volume.step[axis])) if axis == 0 else slice(None)
        )
        start = volume.origin[axis] + (cut.start or 0) * volume.step[axis]
        assert abs(crest(profile[cut], start, volume.step[axis], 8) - moved[axis]) < 0.01


def test_it_runs_through_the_planes_and_learns_what_the_splines_blur_within_them():
    splines, learned = (fit_volume(STACK, iterations=count) for count in (0, 40))
    away = [
        float(np.abs(inr.at(PLACES.reshape(-1, 3)) - STACK.ravel()).mean()) for inr in (splines, learned)
    ]
    assert away[1] < 0.9 * away[0]
    wide = np.broadcast_to(np.array([3.0, 9.0, -2.0, 5.0])[:, None, None], (4, 20, 20))
    flat = fit_volume(wide, iterations=0)
    ends = flat.at([(0, 8, 8), (1, 8, 8), (2, 8, 8), (3, 8, 8), (-0.4, 8, 8), (3.4, 8, 8)])
    assert np.allclose(ends, [3, 9, -2, 5, 3, 5], atol=1e-4)


def test_what_is_no_stack_of_results_is_said_in_a_sentence():
    with pytest.raises(ImageError, match="two planes or more are needed"):
        fit_volume(STACK[0])
    with pytest.raises(ImageError, match="two planes or more are needed"):
        fit_volume(STACK[:1])
    with pytest.raises(ImageError, match="Plane 2 of the stack has no result"):
        fit_volume(np.where(np.arange(12)[:, None, None] == 2, np.nan, STACK))
