"""Noise2VST: a transform, learned on the one image, that lets a frozen denoiser of white noise suit it.

Herbreteau and Unser, "Noise2VST" (2024). The transform is increasing and linear between knots; its inverse
is followed by an affine map. Both are fitted so that FFDNet predicts pixels that were taken out, every
fourth one of every fourth row; then it is shown the whole image. Rate, iterations, knots, patches and the
noise that FFDNet is told are its authors'; the rest follows their description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from napari_blindspot.benchmark.peers.shared.ffdnet import FFDNet

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["noise2vst"]

KNOTS = 128
SIGMA = 25 / 255
"""Standard deviation that FFDNet is told."""

ITERATIONS, RATE, PATCHES, PATCH_SIDE = 2000, 1e-2, 4, 64
STRIDE = 4
"""Distance of pixels that are taken out at once."""


class Stabiliser(nn.Module):
    """An increasing function of [0, 1], linear between knots, and its inverse with an affine map behind."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(()))
        self.steps = nn.Parameter(torch.full((KNOTS - 1,), 1 / (KNOTS - 1)).log())
        self.scale = nn.Parameter(torch.ones(()))
        self.offset = nn.Parameter(torch.zeros(()))

    def values(self) -> torch.Tensor:
        """Return the value at each knot, (KNOTS,)."""
        return torch.cat([self.first[None], self.first + self.steps.exp().cumsum(0)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the function of any tensor."""
        place = x * (KNOTS - 1)
        left = place.detach().floor().clamp(0, KNOTS - 2).long()
        values = self.values()
        return values[left] + (place - left) * (values[left + 1] - values[left])

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        """Return its inverse, and the affine map of that."""
        values = self.values()
        left = (torch.searchsorted(values.detach(), y.detach().contiguous()) - 1).clamp(0, KNOTS - 2)
        share = (y - values[left]) / (values[left + 1] - values[left])
        return self.scale * (left + share) / (KNOTS - 1) + self.offset


def noise2vst(request: Request) -> Denoiser:
    """Return Noise2VST around FFDNet with the weights that the request names."""
    network = FFDNet(request)
    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        generator = torch.Generator().manual_seed(request.seed)
        low, span = float(image.min()), float(np.ptp(image)) or 1.0
        noisy = torch.from_numpy((image - np.float32(low)) / np.float32(span))[None, None]
        stabiliser = Stabiliser()
        optimizer = torch.optim.Adam(stabiliser.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, max(1, iterations // 3), 0.1)
        for _ in range(iterations):
            optimizer.zero_grad(set_to_none=True)
            patches = _patches(noisy, generator)
            loss = _blind_loss(network, stabiliser, patches, generator)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            estimate = stabiliser.inverse(network(stabiliser(noisy), SIGMA))
        return estimate[0, 0].numpy() * span + low

    return denoise


def _blind_loss(
    network: FFDNet, stabiliser: Stabiliser, patches: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return the mean squared error of pixels that the network did not see."""
    y, x = torch.randint(STRIDE, (2,), generator=generator).tolist()
    hidden = torch.zeros(patches.shape[-2:], dtype=torch.bool)
    hidden[y::STRIDE, x::STRIDE] = True
    ring = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])[None, None] / 8
    around = F.conv2d(F.pad(patches, (1, 1, 1, 1), mode="reflect"), ring)
    seen = torch.where(hidden, around, patches)
    estimate = stabiliser.inverse(network(stabiliser(seen), SIGMA))
    return F.mse_loss(estimate[..., hidden], patches[..., hidden])


def _patches(noisy: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw patches of an image, (PATCHES, 1, side, side)."""
    sides = [min(PATCH_SIDE, length) for length in noisy.shape[-2:]]
    found = []
    for _ in range(PATCHES):
        top, left = (
            int(torch.randint(length - side + 1, (), generator=generator))
            for length, side in zip(noisy.shape[-2:], sides, strict=True)
        )
        found.append(noisy[0, :, top : top + sides[0], left : left + sides[1]])
    return torch.stack(found)
