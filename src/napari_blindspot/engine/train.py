"""What a step of the blind fit or of the refinement does to the network, whatever the loss.

Where the patches come from and what the loss is belongs to `napari_blindspot.engine.blind` and
`napari_blindspot.engine.refine`.
"""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_blindspot.engine import graph
from napari_blindspot.engine.adam import DeviceAdam, HostAdam, numbers_of

if TYPE_CHECKING:
    from napari_blindspot.method.compact import CompactUNet

__all__ = ["Trainer"]

BETA = 0.99
"""Memory of the squared gradients."""


class Trainer:
    """Adam with a one-cycle learning rate and a running mean of the weights.

    Parameters
    ----------
    network : CompactUNet
        Trained in place.
    iterations : int
        Length of the cycle.
    rate : float
        The highest learning rate, reached after 15 % of the cycle.
    memory : float
        Share of the running mean that the next iteration keeps, once it has got going.
    """

    def __init__(self, network: CompactUNet, iterations: int, rate: float, memory: float) -> None:
        self.network = network
        self.mean = copy.deepcopy(network).requires_grad_(False)
        self.memory = memory
        self.iteration = 0
        self.weights: list[torch.Tensor] = list(network.parameters())
        self.means: list[torch.Tensor] = list(self.mean.parameters())
        device = self.weights[0].device
        self.loss = torch.zeros((), device=device)
        self.follow = 0.0
        self.follow_there = torch.zeros((), device=device)
        cycle = functools.partial(
            torch.optim.lr_scheduler.OneCycleLR,
            max_lr=rate,
            total_steps=max(iterations, 2),
            pct_start=0.15,
            div_factor=10,
            final_div_factor=100,
        )
        self.optimizer: DeviceAdam | HostAdam
        if graph.on_gpu(device):
            self.optimizer = DeviceAdam(self.weights, numbers_of(cycle), BETA)
        else:
            adam = torch.optim.AdamW(
                self.weights, rate, weight_decay=0.0, betas=(0.9, BETA), fused=device.type != "mps"
            )
            self.optimizer = HostAdam(adam, cycle(adam))

    def advance(self) -> None:
        """Set the numbers that change from step to step, for the next one."""
        self.optimizer.advance()
        self.iteration += 1
        self.follow = 1 - min(self.memory, self.iteration / (self.iteration + 9))
        self.follow_there.fill_(self.follow)

    def step(self, loss: torch.Tensor) -> None:
        """Move the network down the gradient of `loss`, and its mean towards the network."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.loss.copy_(loss.detach())
            if isinstance(self.optimizer, HostAdam):
                torch._foreach_lerp_(self.means, self.weights, self.follow)
            else:
                # The same, with a weight that is on the device.
                change = torch._foreach_sub(self.weights, self.means)
                torch._foreach_mul_(change, self.follow_there)
                torch._foreach_add_(self.means, change)

    def tensors(self) -> list[torch.Tensor]:
        """Return what a step on a GPU changes: weights, their means, the optimiser's memory, the loss."""
        assert isinstance(self.optimizer, DeviceAdam)
        return [*self.optimizer.tensors(), *self.means, self.loss]
