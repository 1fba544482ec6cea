"""Adam in two forms: torch's own, and one whose numbers are on the device, so that a step can be replayed.

Both take the same steps but for rounding. What is optimised belongs to the modules of the fits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch.optim.lr_scheduler import OneCycleLR

__all__ = ["DeviceAdam", "HostAdam", "numbers_of"]

EPSILON = 1e-8


class HostAdam:
    """An optimiser of torch's and its schedule, whose numbers are Python's: the fastest form on a CPU.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Moves the parameters.
    schedule : OneCycleLR
        Of that optimiser.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: OneCycleLR) -> None:
        self.optimizer = optimizer
        self.schedule = schedule
        self.taken = 0

    def advance(self) -> None:
        """Set learning rate and momentum for the next step."""
        if 0 < self.taken < self.schedule.total_steps:
            self.schedule.step()
        self.taken += 1

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move the parameters."""
        self.optimizer.step()


class DeviceAdam:
    """Adam (Kingma and Ba, ICLR 2015) that reads learning rate and momentum from a tensor.

    torch's own takes a learning rate from the device, but no momentum, which a one-cycle schedule changes
    with every step.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those that need no gradient are left alone.
    numbers : sequence of (float, float)
        Learning rate and momentum (β₁) of every step; later steps take the last.
    beta : float
        β₂, the memory of the squared gradients.
    """

    def __init__(
        self, parameters: Iterable[torch.Tensor], numbers: Sequence[tuple[float, float]], beta: float
    ) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.beta = beta
        self.first = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.second = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        rows = [
            (1.0 - momentum, rate / (1.0 - momentum**t), 1.0 / math.sqrt(1.0 - beta**t))
            for t, (rate, momentum) in enumerate(numbers, start=1)
        ]
        device = self.parameters[0].device if self.parameters else None
        self.table = torch.tensor(rows, device=device)
        self.row = self.table[0].clone()
        self.taken = 0

    def advance(self) -> None:
        """Copy the next step's row of the table to where `step` reads it."""
        self.row.copy_(self.table[min(self.taken, len(self.table) - 1)])
        self.taken += 1

    def zero_grad(self) -> None:
        """Forget the gradients, so that a recorded step has its own."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters that have a gradient."""
        moved = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        if not moved:
            return
        parameters, first, second = (
            [tensors[i] for i in moved] for tensors in (self.parameters, self.first, self.second)
        )
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

    def tensors(self) -> list[torch.Tensor]:
        """Return what a step changes and the next one reads."""
        return [*self.parameters, *self.first, *self.second]


def numbers_of(cycle: Callable[[torch.optim.Optimizer], OneCycleLR]) -> list[tuple[float, float]]:
    """Return learning rate and momentum of every step of a one-cycle schedule.

    Parameters
    ----------
    cycle : callable
        Gives an optimiser that schedule.
    """
    adam = torch.optim.Adam([torch.zeros(())])
    schedule = cycle(adam)
    # Once, or the schedule warns.
    adam.step()
    numbers = []
    for step in range(schedule.total_steps):
        if step:
            schedule.step()
        group = adam.param_groups[0]
        numbers.append((float(group["lr"]), float(group["betas"][0])))
    return numbers
