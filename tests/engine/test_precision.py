"""Low precision must not show: the same run in bfloat16 and in float32, on a plane with known truth."""

import numpy as np
import pytest

from napari_blindspot import denoise
from napari_blindspot.samples import confocal

SHORT = {"device": "cpu", "iterations": 40, "refine_iterations": (5,), "unet_width": 16, "symmetries": 2}


def psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((estimate - truth) ** 2)))


@pytest.mark.slow
def test_bfloat16_denoises_as_well_as_float32_and_gives_nearly_the_same_image():
    sample = confocal((48, 48))
    full, half = (
        denoise(sample.noisy, "auto", precision=precision, **SHORT).denoised
        for precision in ("float32", "bfloat16")
    )
    gained = psnr(full, sample.truth) - psnr(sample.noisy, sample.truth)
    assert gained > 5
    assert psnr(half, sample.truth) == pytest.approx(psnr(full, sample.truth), abs=0.3)
    # The two differ by far less than either does from the truth.
    assert psnr(half, full) > psnr(full, sample.truth) + 6
