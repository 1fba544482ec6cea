import numpy as np
import pytest
from benchmark_data import noisy_version, smooth
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_blindspot.benchmark.metrics import best_affine, score
from napari_blindspot.core.errors import ImageError


def test_psnr_and_ssim_are_scikit_images_own():
    truth = smooth()
    estimate = np.clip(noisy_version(truth), 0, 255)
    scores = score(estimate, truth)
    assert scores.psnr == pytest.approx(peak_signal_noise_ratio(truth, estimate, data_range=255), abs=1e-9)
    assert scores.ssim == pytest.approx(structural_similarity(truth, estimate, data_range=255), abs=1e-9)


def test_estimates_are_clipped_but_not_rounded():
    truth = np.full((16, 16), 255.0)
    truth[:8] = 0.0
    assert score(truth + np.where(truth > 0, 40.0, -40.0), truth).psnr == np.inf
    inside = np.where(truth > 0, truth - 0.25, truth + 0.25)
    assert score(inside, truth).psnr == pytest.approx(20 * np.log10(255 / 0.25))


def test_scale_invariant_psnr_ignores_gain_and_offset_but_not_noise():
    truth = smooth()
    drifted = 0.7 * truth + 5.0
    assert score(drifted, truth).psnr < 25
    assert score(drifted, truth).si_psnr > 100
    noisy = noisy_version(truth)
    assert score(noisy, truth).si_psnr >= score(noisy, truth).psnr
    assert score(noisy, truth).si_psnr < 25


def test_no_other_affine_fit_is_closer():
    truth = smooth()
    x = noisy_version(0.9 * truth)
    best = ((best_affine(x, truth) - truth) ** 2).sum()
    gain, offset = np.polyfit(x.ravel(), truth.ravel(), 1)
    assert best == pytest.approx(((gain * x + offset - truth) ** 2).sum(), rel=1e-9)
    assert best_affine(np.full_like(truth, 7.0), truth) == pytest.approx(np.full_like(truth, truth.mean()))


def test_what_cannot_be_scored_is_said():
    truth = smooth()
    with pytest.raises(ImageError, match="the truth has"):
        score(truth[1:], truth)
    broken = truth.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ImageError, match="1 of 4096 pixels of the estimate are not finite"):
        score(broken, truth)


def test_the_corners_are_scored_as_the_authors_of_fmd_do():
    truth = np.tile(smooth((64, 64)), (8, 8))
    estimate = truth.copy()
    estimate[:256, :256] += 4.0
    estimate[:256, 256:] += 2.0
    estimate[256:] += 1.0
    found = score(estimate, truth)
    assert found.psnr_corners == pytest.approx(
        20 * np.log10(255) - np.mean([20 * np.log10(e) for e in (4, 2, 1, 1)])
    )
    assert 0.9 < found.ssim_corners < 1.0
    assert score(estimate[:511], truth[:511]).psnr_corners is None
