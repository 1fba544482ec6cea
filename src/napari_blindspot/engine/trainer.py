"""What a step of the blind fit or of the refinement does to the network, whatever the loss.

Where the patches come from and what the loss is belongs to `napari_blindspot.engine.blind_fit` and
`napari_blindspot.engine.refinement`.
"""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_blindspot.engine.hardware.adam import make_adam, one_cycle
from napari_blindspot.engine.hardware.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_blindspot.method.compact_unet import CompactUNet

    Piece = Callable[[nn.Module], torch.Tensor]
    """Returns a term of a loss, (), of a network."""

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
        self.weights = nn.Parameter(_in_one_piece(network))
        self.means = _in_one_piece(self.mean)
        self.gradient = torch.zeros_like(self.means)
        self.gradients = _parts(self.gradient, network)
        self.weights.grad = self.gradient
        self._parameters = list(network.parameters())
        device = self.weights.device
        self.loss = torch.zeros((), device=device)
        self.follow = torch.zeros((), device=device)
        numbers = one_cycle(max(iterations, 2), rate, rise=0.15, below=10, last=100)
        self.optimizer = make_adam([self.weights], numbers, BETA, device)

    def advance(self) -> None:
        """Set the numbers that change from step to step, for the next one."""
        self.optimizer.advance()
        self.iteration += 1
        self.follow.fill_(1 - min(self.memory, self.iteration / (self.iteration + 9)))

    def step(self, pieces: Sequence[Piece], beside: Sequence[Callable[[], None]] = ()) -> None:
        """Move the network down the gradient of a loss, and its mean towards the network.

        Parameters
        ----------
        pieces : sequence of callable
            The terms of the loss, which are computed side by side and added in their order.
        beside : sequence of callable
            Other work that is done meanwhile and touches nothing of this.
        """
        terms: list[tuple[torch.Tensor, list[torch.Tensor]] | None] = [None] * len(pieces)

        def learn(number: int) -> None:
            term = pieces[number](self.network)
            terms[number] = term.detach(), list(torch.autograd.grad(term, self._parameters))

        work: list[Callable[[], None]] = [functools.partial(learn, n) for n in range(len(pieces))]
        side_by_side([*work, *beside], self.weights.device)
        (loss, slopes), *others = filter(None, terms)
        for term, more in others:
            loss = loss + term
            torch._foreach_add_(slopes, more)
        torch._foreach_copy_(self.gradients, slopes)
        # A step never has a gradient longer than 1.
        self.gradient.mul_((1 / (self.gradient.norm() + 1e-6)).clamp(max=1.0))
        self.optimizer.step()
        with torch.no_grad():
            self.loss.copy_(loss)
            self.means.lerp_(self.weights, self.follow)

    def tensors(self) -> list[torch.Tensor]:
        """Return what a step on a GPU changes: weights, their means, the optimiser's memory, the loss."""
        return [*self.optimizer.tensors(), self.means, self.loss]


def _in_one_piece(network: nn.Module) -> torch.Tensor:
    """Return all weights of a network in one tensor, of which its parameters become parts.

    A step then moves one tensor instead of dozens of small ones, which costs little more than one of them.
    """
    weights = [weight.detach() for weight in network.parameters()]
    piece = weights[0].new_zeros(sum(weight.numel() for weight in weights))
    for weight, part in zip(network.parameters(), _parts(piece, network), strict=True):
        part.copy_(weight.detach())
        weight.data = part
    return piece


def _parts(piece: torch.Tensor, network: nn.Module) -> list[torch.Tensor]:
    """Return the parts of a piece that belong to the parameters, in their shapes and memory layouts."""
    parts, start = [], 0
    for weight in network.parameters():
        parts.append(piece.as_strided(weight.shape, weight.stride(), start))
        start += weight.numel()
    return parts
