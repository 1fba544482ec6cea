"""What both networks are built from: dropout with its own random numbers, and reproducible starts.

Torch's own dropout and initialisers draw from global generators, which other plugins in the same process
use as well. A fit that must give the same pixels for the same seed keeps its own.
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["Convolution", "Dropout", "Linear", "fan_in_uniform_", "he_uniform_", "use_generator"]


class Convolution(nn.Conv2d):
    """A convolution whose weights are left to its network, with random numbers of the network's own."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Linear(nn.Linear):
    """A matrix and a bias that are left to their network likewise."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Dropout(nn.Module):
    """Drop single features with probability `rate`, and scale the rest so that the mean stays.

    It is never switched off: the method predicts with dropout on and averages many passes.

    Parameters
    ----------
    rate : float
        In [0, 1); with 0 the layer does nothing.
    """

    generator: torch.Generator | None = None

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with random features set to zero."""
        if self.rate == 0.0:
            return x
        # Four 16-bit numbers from every 64-bit draw: on a CPU, where draws are serial, single ones would
        # cost as much as all convolutions together.
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), None, generator=self.generator)
        kept = round((1.0 - self.rate) * 2**16)
        keep = draws.view(torch.int16)[: x.numel()].view(x.shape) < kept - 2**15
        return x * (keep * (2.0**16 / kept)).to(x.dtype)


def use_generator(network: nn.Module, generator: torch.Generator) -> None:
    """Make every `Dropout` of a network draw from `generator`."""
    for layer in network.modules():
        if isinstance(layer, Dropout):
            layer.generator = generator


def fan_in_uniform_(layer: nn.Conv2d, generator: torch.Generator) -> None:
    """Initialise a convolution as torch does by default: weights and biases within ±1 / √fan-in.

    This is less than half of what `he_uniform_` draws: a deep network starts with an output that hardly
    depends on its input, which a blind-spot fit needs (docs/paper.md has the figures).
    """
    bound = 1.0 / math.sqrt(layer.in_channels * math.prod(layer.kernel_size))
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        if layer.bias is not None:
            layer.bias.uniform_(-bound, bound, generator=generator)


def he_uniform_(layer: nn.Conv2d, slope: float, generator: torch.Generator) -> None:
    """Initialise a convolution for LeakyReLU of this slope: variance kept, biases zero (He et al. 2015)."""
    fan_in = layer.in_channels * math.prod(layer.kernel_size)
    bound = math.sqrt(6.0 / ((1.0 + slope**2) * fan_in))
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
