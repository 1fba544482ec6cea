"""Patches of single synthetic planes."""

from __future__ import annotations

import numpy as np
import torch

from napari_blindspot.method.symmetry import SYMMETRIES, turn
from napari_blindspot.pretraining.batches import BATCH_SIZE, Draws, TrainingBatch
from napari_blindspot.pretraining.synthetic import random_plane

__all__ = ["PlanePatches"]

PLANE_SIDE, PATCH_SIDE = 384, 128
"""Sides of planes and patches in pixels. Conventions."""


class PlanePatches:
    """Draws patches of a number of planes.

    Parameters
    ----------
    draws : Draws
        Of the random numbers.
    planes : int
        How many planes the patches are cut from.
    """

    def __init__(self, draws: Draws, planes: int) -> None:
        drawn = [random_plane(seed, PLANE_SIDE) for seed in range(planes)]
        self.clean = torch.from_numpy(np.stack([plane.clean for plane in drawn]).astype(np.float16))
        self.sigmas = [plane.sigma for plane in drawn]
        self.draws = draws

    def patches(self) -> TrainingBatch:
        """Return new patches without neighbours."""
        draws = self.draws
        patches, sigmas = [], []
        for _ in range(BATCH_SIZE):
            plane = draws.below(len(self.clean))
            top, left = (draws.below(PLANE_SIDE - PATCH_SIDE + 1) for _ in range(2))
            patch = self.clean[plane, top : top + PATCH_SIDE, left : left + PATCH_SIDE].float()
            patches.append(turn(patch[None, None], draws.below(SYMMETRIES)))
            sigmas.append(self.sigmas[plane] * draws.jitter())
        clean, sigma = torch.cat(patches), torch.tensor(sigmas)[:, None, None, None]
        noise, gap = draws.noise(BATCH_SIZE, 1, PATCH_SIDE)
        return TrainingBatch(clean + sigma * noise, clean, clean[:, :0], sigma, gap)
