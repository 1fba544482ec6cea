"""Pixels that are hidden from a denoiser, and what its error on them says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_blindspot import NoiseModel
from napari_blindspot.inspection.blind_score import hide_pixels, score_hidden
from napari_blindspot.inspection.resolution import draw_noise

WHITE = NoiseModel(
    gain=2.0,
    gain_error=0.0,
    offset=30.0,
    offset_error=0.0,
    sigma=15.0,
    correlation=np.ones((1, 1)),
    correlation_error=0.0,
    scan_line=0.0,
    clipped_low=0.0,
    clipped_high=0.0,
)
SHARED = replace(WHITE, gain=0.0, offset=200.0, correlation=np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]))
TRUTH = 300 + 60 * gaussian_filter(np.random.default_rng(2).standard_normal((160, 160)), 6.0) * 15
RNG = np.random.default_rng(0)
NOISY = TRUTH + np.sqrt(WHITE.variance(TRUTH)) * RNG.standard_normal(TRUTH.shape)


@pytest.mark.parametrize(("noise", "radius", "spacing"), [(WHITE, 0.0, 7), (SHARED, 1.3, 7)])
def test_one_pixel_of_every_cell_is_asked_for_and_what_is_shown_there_does_not_know_it(
    noise, radius, spacing
):
    plane = NOISY.copy()
    plane[:10, :10] = np.nan
    hidden = hide_pixels(plane, noise, radius=radius, spacing=spacing)
    cells = hidden.places[:154, :154].reshape(22, 7, 22, 7).sum((1, 3))
    assert (cells[2:, 2:] == 1).all() and not hidden.places[:10, :10].any()
    assert np.array_equal(hidden.recorded, plane[hidden.places])
    assert np.array_equal(np.isnan(hidden.image), np.isnan(plane))
    changed = (hidden.image != plane) & np.isfinite(plane)
    assert changed[hidden.places].all()
    assert changed.sum() == pytest.approx(hidden.places.sum() * (5 if radius else 1), rel=0.06)
    # Whatever was recorded in the holes, the same is shown.
    again = hide_pixels(np.where(changed, 1e6, plane), noise, radius=radius, spacing=spacing)
    assert np.allclose(again.image, hidden.image, equal_nan=True)


def test_what_is_shown_has_noise_of_the_strength_that_was_measured():
    seen = [hide_pixels(NOISY, WHITE, radius=0.0, spacing=4, seed=seed) for seed in range(3)]
    away = [((h.image - TRUTH) / np.sqrt(WHITE.variance(TRUTH)))[h.places] for h in seen]
    # The mean of the others that stands below the noise is a twelfth as noisy.
    assert np.concatenate(away).std() == pytest.approx(1.04, abs=0.05)


def test_a_perfect_estimate_scores_1_the_plane_itself_more_than_2_and_errors_tell_how_far_scores_scatter():
    scores = []
    for seed in range(12):
        hidden = hide_pixels(NOISY, WHITE, radius=0.0, spacing=7, seed=seed)
        scores.append(score_hidden(hidden, {"truth": TRUTH, "itself": hidden.image}, "truth"))
    perfect = np.array([each["truth"].mean for each in scores])
    assert perfect.mean() == pytest.approx(1.0, abs=0.05)
    assert min(each["itself"].mean for each in scores) > 1.7
    said = np.mean([each["truth"].error for each in scores])
    assert said == pytest.approx(np.sqrt(2 / len(hidden.recorded)), rel=0.2)
    assert perfect.std() == pytest.approx(said, rel=0.6)
    assert all(each["truth"].above == each["truth"].above_error == 0.0 for each in scores)
    assert all(each["itself"].above > 5 * each["itself"].above_error for each in scores)


def test_where_neighbours_share_noise_the_order_by_score_is_the_order_by_true_error():
    noisy = TRUTH + draw_noise(TRUTH, SHARED, np.random.default_rng(1))
    hidden = hide_pixels(noisy, SHARED, radius=1.3, spacing=7)
    names = [0.4, 2.5, 9.0]
    scores = score_hidden(hidden, {f"{s}": gaussian_filter(hidden.image, s) for s in names}, "2.5")
    errors = {f"{s}": ((gaussian_filter(noisy, s) - TRUTH) ** 2).mean() / 200 for s in names}
    for name, score in scores.items():
        assert abs(score.above - (errors[name] - errors["2.5"])) < 3.5 * score.above_error + 0.02
    by_score = sorted(scores, key=lambda name: scores[name].mean)
    assert by_score == sorted(errors, key=lambda name: errors[name]) and by_score[0] == "2.5"
