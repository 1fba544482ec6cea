"""Images whose truth is known, and how they get into files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.io import imsave

if TYPE_CHECKING:
    from pathlib import Path


def smooth(shape=(64, 64), seed=0):
    field = gaussian_filter(np.random.default_rng(seed).random(shape), 4.0)
    return 30.0 + 180.0 * (field - field.min()) / np.ptp(field)


def noisy_version(truth, seed=1, sigma=20.0):
    return truth + np.random.default_rng(seed).normal(0.0, sigma, truth.shape)


def save(path: Path, image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, np.clip(np.rint(image), 0, 255).astype(np.uint8), check_contrast=False)
