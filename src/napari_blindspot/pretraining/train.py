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

PLANE, PATCH, BATCH = 384, 128, 4
"""Sides in pixels of planes and patches, and patches of an iteration."""

RATE, MEMORY = 3e-3, 0.999
"""Peak of the learning rate, and memory of the mean weights."""

JITTER = 0.3
"""Noise varies between patches of a plane by so much, in its logarithm."""

BLURS = (0.35, 1.3)
"""Correlated noise is white noise blurred by a Gaussian of a sigma in this range, in pixels."""

REACH = 5
"""Of that Gaussian, in pixels."""


def train(
    noise: NoiseKind, width: int, iterations: int, planes: int, report: Callable[[int, float], None]
) -> CompactUNet:
    """Train on as many planes for as many iterations, and return the network with its mean weights.

    Parameters
    ----------
    noise : {"white", "correlated"}
        On the planes.
    width : int
        Filters at full resolution.
    iterations, planes : int
        Of which each sees a few patches of random ones.
    report : callable
        Is told every hundredth iteration and its loss.
    """
    drawn = [random_plane(seed, PLANE) for seed in range(planes)]
    clean = torch.from_numpy(np.stack([plane.clean for plane in drawn]).astype(np.float16))
    sigmas = torch.tensor([plane.sigma for plane in drawn])
    generator = torch.Generator().manual_seed(0)
    network = CompactUNet(2, width, generator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(network, iterations, RATE, MEMORY)
    batches = _Batches(clean, sigmas, generator, correlated=noise == "correlated")
    for iteration in range(iterations):
        trainer.advance()
        trainer.step(batches.loss(network))
        if iteration % 100 == 0:
            report(iteration, float(trainer.loss))
    return trainer.mean


class _Batches:
    """Draws patches, noise and holes."""

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
        return int(torch.randint(limit, (), generator=self.generator))

    def _uniform(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def _patches(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (BATCH, 1, PATCH, PATCH) clean patches, and the noise's standard deviation on each."""
        patches, sigmas = [], []
        for _ in range(BATCH):
            plane = self._below(len(self.clean))
            top, left = self._below(PLANE - PATCH + 1), self._below(PLANE - PATCH + 1)
            patch = self.clean[plane, top : top + PATCH, left : left + PATCH].float()
            patches.append(turn(patch[None, None], self._below(SYMMETRIES)))
            sigmas.append(float(self.sigmas[plane]) * np.exp(self._uniform(-JITTER, JITTER)))
        return torch.cat(patches), torch.tensor(sigmas, dtype=torch.float32)[:, None, None, None]

    def _noise(self) -> tuple[torch.Tensor, int]:
        """Return noise of standard deviation 1, and a gap that more or less suits it."""
        white = torch.randn(BATCH, 1, PATCH, PATCH, generator=self.generator)
        if not self.correlated:
            return white, 0
        blur = self._uniform(*BLURS)
        gap = int(np.clip(round(2.4 * blur + self._uniform(-0.5, 0.5)), 1, 3))
        kernels = [
            torch.tensor(gaussian(blur * np.exp(self._uniform(-JITTER, JITTER)), REACH)) for _ in range(2)
        ]
        kernel = kernels[0][:, None] * kernels[1]
        padded = F.pad(white, (REACH,) * 4, mode="circular")
        return F.conv2d(padded, (kernel / kernel.square().sum().sqrt())[None, None]), gap

    def _visible(self, mask: DiscHoles) -> torch.Tensor:
        """Return masks of which the first half has holes, (BATCH, 1, PATCH, PATCH) bool."""
        half = BATCH // 2
        _, visible = mask.draw(half, PATCH, PATCH, self.generator)
        whole = torch.ones(BATCH - half, 1, PATCH, PATCH, dtype=torch.bool)
        return torch.cat([visible, whole])
