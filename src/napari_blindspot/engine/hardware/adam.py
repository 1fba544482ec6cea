"""Adam in two forms: torch's own, and one whose numbers are on the device, so that a step can be replayed.

Both take the same steps but for rounding, by a list of learning rates and momenta. What is optimised
belongs to the modules of the fits.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch.optim.adam import adam

from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.engine.hardware.backends import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    Numbers: TypeAlias = Sequence[tuple[float, float]]

__all__ = ["Adam", "DeviceAdam", "HostAdam", "make_adam", "one_cycle"]

EPSILON = 1e-8

LEAST_MOMENTUM, MOST_MOMENTUM = 0.85, 0.95
"""Of a one-cycle schedule: at its highest learning rate, and at both ends."""


def one_cycle(steps: int, peak: float, rise: float, below: float, last: float) -> list[tuple[float, float]]:
    """Return learning rate and momentum of every step of one cycle, both on half cosines.

    Smith and Topin, "Super-Convergence" (arXiv:1708.07120); torch's OneCycleLR gives the same numbers.

    Parameters
    ----------
    steps : int
        At least 2.
    peak : float
        The highest learning rate.
    rise : float
        Share of the steps until then.
    below : float
        How many times smaller the first learning rate is.
    last : float
        How many times smaller than the first the last one is.
    """
    top, end = rise * steps - 1, steps - 1
    first = peak / below
    numbers = []
    for step in range(steps):
        rising = step <= top and top > 0
        progress = step / top if rising else (step - top) / (end - top)
        high = 0.5 * (1.0 + math.cos(math.pi * progress))
        if rising:
            high = 1.0 - high
        low = first if rising else first / last
        momentum = MOST_MOMENTUM - high * (MOST_MOMENTUM - LEAST_MOMENTUM)
        numbers.append((low + high * (peak - low), momentum))
    return numbers


def make_adam(
    parameters: Iterable[torch.Tensor], numbers: Numbers, beta: float, device: torch.device
) -> Adam:
    """Return the form for a device; see `Adam`."""
    form = DeviceAdam if cuda_graph.keeps_numbers(device) else HostAdam
    return form(parameters, numbers, beta)


class Adam(ABC):
    """Adam (Kingma and Ba, ICLR 2015) by a list of learning rates and momenta.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those that need no gradient are left alone.
    numbers : sequence of (float, float)
        Learning rate and momentum (β₁) of every step; later steps take the last.
    beta : float
        β₂, the memory of the squared gradients.
    """

    def __init__(self, parameters: Iterable[torch.Tensor], numbers: Numbers, beta: float) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.numbers = numbers
        self.beta = beta
        self.first = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.second = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.taken = 0

    def advance(self) -> None:
        """Go on to the learning rate and the momentum of the next step."""
        self._take(min(self.taken, len(self.numbers) - 1))
        self.taken += 1

    def zero_grad(self) -> None:
        """Forget the gradients; a recorded step has its own."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters that have a gradient."""
        moved = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        if moved:
            self._move(moved)

    def tensors(self) -> list[torch.Tensor]:
        """Return what a step changes and the next one reads."""
        return [*self.parameters, *self.first, *self.second]

    @abstractmethod
    def _take(self, step: int) -> None:
        """Put the numbers of a step where `_move` reads them."""

    @abstractmethod
    def _move(self, moved: list[int]) -> None:
        """Move the parameters of these places in the list."""

    @staticmethod
    def _picked(places: list[int], *lists: list[torch.Tensor]) -> list[list[torch.Tensor]]:
        return [[tensors[place] for place in places] for tensors in lists]


class HostAdam(Adam):
    """Torch's Adam with Python's numbers: the fastest form on a CPU.

    Its functional form, because the first optimiser object of a process loads torch's compiler, which takes
    a second.
    """

    def __init__(self, parameters: Iterable[torch.Tensor], numbers: Numbers, beta: float) -> None:
        super().__init__(parameters, numbers, beta)
        self.steps = [torch.zeros(()) for _ in self.parameters]
        self.fused = all(BACKENDS[p.device.type].fuses_adam for p in self.parameters)

    def tensors(self) -> list[torch.Tensor]:
        """Return what a step changes and the next one reads."""
        return [*super().tensors(), *self.steps]

    def _take(self, step: int) -> None:
        self.rate, self.momentum = self.numbers[step]

    def _move(self, moved: list[int]) -> None:
        parameters, first, second, steps = self._picked(
            moved, self.parameters, self.first, self.second, self.steps
        )
        adam(
            parameters,
            [p.grad for p in parameters if p.grad is not None],
            first,
            second,
            [],
            steps,
            fused=self.fused,
            amsgrad=False,
            beta1=self.momentum,
            beta2=self.beta,
            lr=self.rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )


class DeviceAdam(Adam):
    """Adam that reads learning rate and momentum from a tensor.

    torch's own takes a learning rate from the device, but no momentum, which a one-cycle schedule changes
    with every step.
    """

    def __init__(self, parameters: Iterable[torch.Tensor], numbers: Numbers, beta: float) -> None:
        super().__init__(parameters, numbers, beta)
        rows = [
            (1.0 - momentum, rate / (1.0 - momentum**t), 1.0 / math.sqrt(1.0 - beta**t))
            for t, (rate, momentum) in enumerate(numbers, start=1)
        ]
        device = self.parameters[0].device if self.parameters else None
        self.table = torch.tensor(rows, device=device)
        self.row = self.table[0].clone()

    def _take(self, step: int) -> None:
        self.row.copy_(self.table[step])

    def _move(self, moved: list[int]) -> None:
        parameters, first, second = self._picked(moved, self.parameters, self.first, self.second)
        gradients = [p.grad for p in parameters if p.grad is not None]
        share, rate, stretch = self.row.unbind()
        change = torch._foreach_sub(gradients, first)
        torch._foreach_mul_(change, share)
        torch._foreach_add_(first, change)
        torch._foreach_mul_(second, self.beta)
        torch._foreach_addcmul_(second, gradients, gradients, 1.0 - self.beta)
        size = torch._foreach_sqrt(second)
        torch._foreach_mul_(size, stretch)
        torch._foreach_add_(size, EPSILON)
        change = torch._foreach_div(first, size)
        torch._foreach_mul_(change, rate)
        torch._foreach_sub_(parameters, change)
