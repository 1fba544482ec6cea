"""Fit the denoiser to synthetic planes: how the weights of this package were made, and can be made anew.

The network sees what it will see in a fit: half of the patches with holes punched into them, whose pixels
it must predict, and half of them whole, which it must denoise. What it should have said is known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.fill import denoiser_input, gaussian
from napari_blindspot.method.masks import DiscHoles
from napari_blindspot.method.symmetry import SYMMETRIES, turn
from napari_blindspot.noise.gap_choice import DENSE, SPARSE
from napari_blindspot.pretraining.synthetic import random_plane

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.method.weights import NoiseKind

__all__ = ["train"]

PLANE_SIDE, PATCH_SIDE, BATCH_SIZE = 384, 128, 4
"""Sides of planes and patches in pixels, and patches of an iteration. Conventions; all of the constants
here made the weights of the package, whose figures are in docs/benchmarks/pretraining.md."""

PEAK_RATE, MEAN_MEMORY = 3e-3, 0.999
"""Peak of the learning rate, and weight of the old in each step of the mean weights."""

SIGMA_JITTER = 0.3
"""Logarithm of the factor by which the noise of a patch, or its blur, differs from its plane's at most."""

BLUR_SIGMAS = (0.35, 1.3)
"""Correlated noise is white noise blurred by a Gaussian with a sigma in this range, in pixels."""

BLUR_REACH = 5
"""Pixels at which that Gaussian is cut off."""

GAP_OF_BLUR, GAP_JITTER = 2.4, 0.5
"""Gap for each pixel of that sigma, and by how much it differs at most, in pixels, before it is rounded."""

REPORT_EVERY = 100
"""Iterations between two reports."""


def train(
    noise: NoiseKind, width: int, iterations: int, planes: int, report: Callable[[int, float], None]
) -> CompactUNet:
    """Train on synthetic planes, and return the network with its mean weights.

    Parameters
    ----------
    noise : {"white", "correlated"}
        Kind of the noise on the planes.
    width : int
        Filters at full resolution.
    iterations : int
        Each sees a few patches.
    planes : int
        Number of planes that the patches are cut from.
    report : callable
        Gets the number and the loss of every hundredth iteration.
    """
    drawn = [random_plane(seed, PLANE_SIDE) for seed in range(planes)]
    clean = torch.from_numpy(np.stack([plane.clean for plane in drawn]).astype(np.float16))
    sigmas = torch.tensor([plane.sigma for plane in drawn])
    generator = torch.Generator().manual_seed(0)
    network = CompactUNet(2, width, generator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(network, iterations, PEAK_RATE, MEAN_MEMORY)
    batches = _Batches(clean, sigmas, generator, correlated=noise == "correlated")
    for iteration in range(iterations):
        trainer.advance()
        trainer.step(batches.loss(network))
        if iteration % REPORT_EVERY == 0:
            report(iteration, float(trainer.loss))
    return trainer.mean


class _Batches:
    """Draws patches, noise and holes.

    Parameters
    ----------
    clean : Tensor
        (N, PLANE_SIDE, PLANE_SIDE) float16, clean planes on the scale of a fit.
    sigmas : Tensor
        (N,), standard deviation of the noise of each plane.
    generator : Generator
        Draws all that is random.
    correlated : bool
        Whether the noise is.
    """

    def __init__(
        self, clean: torch.Tensor, sigmas: torch.Tensor, generator: torch.Generator, *, correlated: bool
    ) -> None:
        self.clean = clean
        self.sigmas = sigmas
        self.generator = generator
        self.correlated = correlated

    def loss(self, network: CompactUNet) -> torch.Tensor:
        """Return the loss of new patches: squares in units between those of noise and of structure.

        In units of the noise alone, planes with little of it would decide.
        """
        clean, sigma = self._patches()
        noise, gap = self._noise()
        noisy = clean + sigma * noise
        mask = DiscHoles(gap, DENSE if gap else SPARSE)
        visible = self._visible(mask)
        features, fill = denoiser_input(noisy, visible, noisy[:, :0], mask.fill_weights)
        with torch.autocast("cpu", torch.bfloat16):
            correction = network(features.contiguous(memory_format=torch.channels_last))
        estimate = fill + correction.float()
        # What is asked of a patch: its hidden pixels, or all if none is hidden.
        asked = (~visible | visible.all(dim=-1, keepdim=True).all(dim=-2, keepdim=True)).float()
        weight = asked / asked.mean(dim=(1, 2, 3), keepdim=True)
        loss: torch.Tensor = (weight * (estimate - clean) ** 2 / sigma).mean()
        return loss

    def _below(self, limit: int) -> int:
        """Draw a whole number from 0 to below `limit`."""
        return int(torch.randint(limit, (), generator=self.generator))

    def _uniform(self, low: float, high: float) -> float:
        """Draw a number between two."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def _patches(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return clean patches, and the standard deviation of the noise on each.

        They are (BATCH_SIZE, 1, PATCH_SIDE, PATCH_SIDE) and (BATCH_SIZE, 1, 1, 1), float32.
        """
        patches, sigmas = [], []
        for _ in range(BATCH_SIZE):
            plane = self._below(len(self.clean))
            top, left = self._below(PLANE_SIDE - PATCH_SIDE + 1), self._below(PLANE_SIDE - PATCH_SIDE + 1)
            patch = self.clean[plane, top : top + PATCH_SIDE, left : left + PATCH_SIDE].float()
            patches.append(turn(patch[None, None], self._below(SYMMETRIES)))
            sigmas.append(float(self.sigmas[plane]) * np.exp(self._uniform(-SIGMA_JITTER, SIGMA_JITTER)))
        return torch.cat(patches), torch.tensor(sigmas, dtype=torch.float32)[:, None, None, None]

    def _noise(self) -> tuple[torch.Tensor, int]:
        """Return noise of standard deviation 1, and a gap in pixels that more or less suits it.

        The noise is (BATCH_SIZE, 1, PATCH_SIDE, PATCH_SIDE) float32.
        """
        white = torch.randn(BATCH_SIZE, 1, PATCH_SIDE, PATCH_SIDE, generator=self.generator)
        if not self.correlated:
            return white, 0
        blur = self._uniform(*BLUR_SIGMAS)
        gap = int(np.clip(round(GAP_OF_BLUR * blur + self._uniform(-GAP_JITTER, GAP_JITTER)), 1, 3))
        kernels = [
            torch.tensor(gaussian(blur * np.exp(self._uniform(-SIGMA_JITTER, SIGMA_JITTER)), BLUR_REACH))
            for _ in range(2)
        ]
        kernel = kernels[0][:, None] * kernels[1]
        padded = F.pad(white, (BLUR_REACH,) * 4, mode="circular")
        return F.conv2d(padded, (kernel / kernel.square().sum().sqrt())[None, None]), gap

    def _visible(self, mask: DiscHoles) -> torch.Tensor:
        """Return masks of which the first half has holes, (BATCH_SIZE, 1, PATCH_SIDE, PATCH_SIDE) bool."""
        half = BATCH_SIZE // 2
        _, visible = mask.draw(half, PATCH_SIDE, PATCH_SIDE, self.generator)
        whole = torch.ones(BATCH_SIZE - half, 1, PATCH_SIDE, PATCH_SIDE, dtype=torch.bool)
        return torch.cat([visible, whole])
