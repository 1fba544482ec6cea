"""What a pretraining shows the denoiser: patches with noise and holes, and what it should have said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F

from napari_blindspot.engine.hardware.backends import BACKENDS
from napari_blindspot.method.fill import denoiser_input, gaussian
from napari_blindspot.method.masks import DiscHoles
from napari_blindspot.noise.gap_choice import DENSE, SPARSE

if TYPE_CHECKING:
    from napari_blindspot.method.compact_unet import CompactUNet

__all__ = ["BATCH_SIZE", "SIGMA_JITTER", "Draws", "Source", "TrainingBatch", "patch_loss"]

BATCH_SIZE = 4
"""Patches of an iteration. A convention; all of the constants here made the weights of the package, whose
figures are in docs/benchmarks/pretraining.md."""

SIGMA_JITTER = 0.3
"""Logarithm of the factor by which the noise of a patch, or its blur, differs from its plane's at most."""

BLUR_SIGMAS = (0.35, 1.3)
"""Correlated noise is white noise blurred by a Gaussian with a sigma in this range, in pixels."""

BLUR_REACH = 5
"""Pixels at which that Gaussian is cut off."""

GAP_OF_BLUR, GAP_JITTER = 2.4, 0.5
"""Gap for each pixel of that sigma, and by how much it differs at most, in pixels, before it is rounded."""


class TrainingBatch(NamedTuple):
    """A batch on the scale of a fit, (N, channels, side, side) float32 each."""

    noisy: torch.Tensor
    """(N, 1, …), the plane that is to be denoised."""
    clean: torch.Tensor
    """(N, 1, …), what the network should say."""
    neighbours: torch.Tensor
    """(N, K, …), noisy planes beside it, NaN where there is none; K may be 0."""
    sigma: torch.Tensor
    """(N, 1, 1, 1), standard deviation of the noise."""
    gap: int
    """Pixels between a target and the nearest visible one that suit the noise."""


class Source(Protocol):
    """Where patches come from."""

    draws: Draws

    def patches(self) -> TrainingBatch:
        """Return new patches."""


class Draws:
    """Random numbers, noise and holes.

    Parameters
    ----------
    generator : Generator
        Draws all that is random.
    correlated : bool
        Whether the noise is.
    """

    def __init__(self, generator: torch.Generator, *, correlated: bool) -> None:
        self.generator = generator
        self.correlated = correlated

    def below(self, limit: int) -> int:
        """Draw a whole number from 0 to below `limit`."""
        return int(torch.randint(limit, (), generator=self.generator))

    def uniform(self, low: float, high: float) -> float:
        """Draw a number between two."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def jitter(self) -> float:
        """Draw a factor by which a strength differs from what it would be."""
        return float(np.exp(self.uniform(-SIGMA_JITTER, SIGMA_JITTER)))

    def noise(self, count: int, channels: int, side: int) -> tuple[torch.Tensor, int]:
        """Return noise of standard deviation 1, and a gap in pixels that more or less suits it.

        The noise is (count, channels, side, side) float32.
        """
        white = torch.randn(count, channels, side, side, generator=self.generator)
        if not self.correlated:
            return white, 0
        blur = self.uniform(*BLUR_SIGMAS)
        gap = int(np.clip(round(GAP_OF_BLUR * blur + self.uniform(-GAP_JITTER, GAP_JITTER)), 1, 3))
        kernels = [torch.tensor(gaussian(blur * self.jitter(), BLUR_REACH)) for _ in range(2)]
        kernel = kernels[0][:, None] * kernels[1]
        kernel = (kernel / kernel.square().sum().sqrt())[None, None]
        padded = F.pad(white.view(-1, 1, side, side), (BLUR_REACH,) * 4, mode="circular")
        return F.conv2d(padded, kernel).view_as(white), gap

    def visible(self, mask: DiscHoles, count: int, side: int) -> torch.Tensor:
        """Return masks of which the first half has holes, (count, 1, side, side) bool."""
        half = count // 2
        _, visible = mask.draw(half, side, side, self.generator)
        whole = torch.ones(count - half, 1, side, side, dtype=torch.bool)
        return torch.cat([visible, whole])


def patch_loss(network: CompactUNet, source: Source) -> torch.Tensor:
    """Return the loss of new patches, (): squares in units between those of noise and of structure.

    In units of the noise alone, planes with little of it would decide.
    """
    noisy, clean, neighbours, sigma, gap = source.patches()
    mask = DiscHoles(gap, DENSE if gap else SPARSE)
    visible = source.draws.visible(mask, len(noisy), noisy.shape[-1])
    features, fill = denoiser_input(noisy, visible, neighbours, mask.fill_weights)
    with torch.autocast("cpu", torch.bfloat16, enabled=BACKENDS["cpu"].is_exact_in_bfloat16()):
        correction = network(features.contiguous(memory_format=torch.channels_last))
    estimate = fill + correction.float()
    # What is asked of a patch: its hidden pixels, or all if none is hidden.
    asked = (~visible | visible.all(dim=-1, keepdim=True).all(dim=-2, keepdim=True)).float()
    weight = asked / asked.mean(dim=(1, 2, 3), keepdim=True)
    loss: torch.Tensor = (weight * (estimate - clean) ** 2 / sigma).mean()
    return loss
