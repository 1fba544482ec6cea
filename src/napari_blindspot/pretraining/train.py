"""Fit the denoiser to synthetic planes or stacks: how the weights of this package were made.

The network sees what it will see in a fit: half of the patches with holes punched into them, whose pixels
it must predict, and half of them whole, which it must denoise. What it should have said is known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.pretraining.batches import patch_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.method.compact_unet import CompactUNet
    from napari_blindspot.pretraining.batches import Source

__all__ = ["train"]

MEAN_MEMORY = 0.999
"""Weight of the old in each step of the mean weights."""

REPORT_EVERY = 100
"""Iterations between two reports."""


def train(
    network: CompactUNet,
    source: Source,
    iterations: int,
    peak_rate: float,
    report: Callable[[int, float, CompactUNet], None],
) -> CompactUNet:
    """Train on synthetic images, and return the network with its mean weights.

    Parameters
    ----------
    network : CompactUNet
        Trained in place.
    source : Source
        Of the patches.
    iterations : int
        Each sees a few patches.
    peak_rate : float
        Peak of the learning rate.
    report : callable
        Gets the number and the loss of every hundredth iteration, and the network with its mean weights.
    """
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(network, iterations, peak_rate, MEAN_MEMORY)
    for iteration in range(iterations):
        trainer.advance()
        trainer.step([lambda _: patch_loss(network, source)])
        if iteration % REPORT_EVERY == 0:
            report(iteration, float(trainer.loss), trainer.mean)
    return trainer.mean
