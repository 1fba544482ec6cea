"""The implicit neural representation F_φ: coordinates in, intensity out.

Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions" (NeurIPS 2020); its
place in the method is the paper's section 3.2 and supplement 2.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import nn

from napari_blindspot.method.layers import Dropout, Linear

__all__ = ["Siren", "encode", "pixel_coordinates"]


def pixel_coordinates(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Return the coordinates of all pixel centres, the first at -1 and the last at 1.

    Returns
    -------
    Tensor
        (height * width, 2) float32, (y, x) in row-major order.
    """
    y = torch.linspace(-1.0, 1.0, height, device=device)
    x = torch.linspace(-1.0, 1.0, width, device=device)
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).reshape(-1, 2)


def encode(coordinates: torch.Tensor, octaves: int) -> torch.Tensor:
    """Positional encoding γ(p) = (p, sin 2⁰πp, cos 2⁰πp, …, sin 2ᴸ⁻¹πp, cos 2ᴸ⁻¹πp).

    The supplement prints γ without cos 2⁰πp, which we take for a slip.

    Parameters
    ----------
    coordinates : Tensor
        (N, D) in [-1, 1].
    octaves : int
        The paper's L.

    Returns
    -------
    Tensor
        (N, D + 2 * D * octaves).
    """
    if octaves == 0:
        return coordinates
    scale = math.pi * 2.0 ** torch.arange(octaves, device=coordinates.device)
    phase = (coordinates[:, None, :] * scale[:, None]).flatten(1)
    return torch.cat([coordinates, phase.sin(), phase.cos()], dim=1)


class Siren(nn.Module):
    """F_φ: an MLP with sine activations, dropout between its layers and a linear output.

    Parameters
    ----------
    features : int
        Width of every hidden layer; the paper has 32.
    octaves : int
        L of the positional encoding.
    dropout : sequence of float
        Rate after each sine layer; five rates and the output make the paper's six layers.
    omega : float
        Frequency ω₀ of the sines; 30 in the SIREN paper.
    generator : torch.Generator
        Draws the initial weights, which follow the SIREN paper.
    channels : int
        C, intensities at each point.
    dimensions : int
        D, coordinates of a point; the paper's image has 2.
    """

    def __init__(
        self,
        features: int,
        octaves: int,
        dropout: tuple[float, ...],
        omega: float,
        generator: torch.Generator,
        channels: int = 1,
        dimensions: int = 2,
    ) -> None:
        super().__init__()
        self.octaves = octaves
        self.omega = omega
        inputs = dimensions * (1 + 2 * octaves)
        with torch.device(generator.device):
            widths = [inputs] + [features] * len(dropout)
            sizes = itertools.pairwise(widths)
            self.hidden = nn.ModuleList(Linear(n, m) for n, m in sizes)
            self.output = Linear(features, channels)
        self.dropout = nn.ModuleList(Dropout(rate) for rate in dropout)
        self._initialise(generator)

    def _initialise(self, generator: torch.Generator) -> None:
        """Spread the weights so that every layer's input to its sine is about normal (SIREN, sec. 3.2)."""
        with torch.no_grad():
            for index, layer in enumerate([*self.hidden, self.output]):
                assert isinstance(layer, nn.Linear)
                fan_in = layer.in_features
                bound = 1.0 / fan_in if index == 0 else math.sqrt(6.0 / fan_in) / self.omega
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)

    def forward(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Return the intensities at `coordinates`, (N, D) in [-1, 1], as (N, C)."""
        x = encode(coordinates, self.octaves)
        for layer, drop in zip(self.hidden, self.dropout, strict=True):
            x = drop(torch.sin(self.omega * layer(x)))
        intensity: torch.Tensor = self.output(x)
        return intensity
