"""What the learning peers share: device, scale, network and a step with a cosine learning rate.

The methods themselves are in modules of their own. All use the U-Net of the paper, whose authors compare
with other blind-spot methods on the same network; its weights start from the request's seed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_blindspot.engine.hardware.backends import choose_device
from napari_blindspot.method.layers import use_generator
from napari_blindspot.method.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Request

__all__ = ["PeerImage", "cosine_steps"]

UNET_WIDTH = 48
"""Filters of the U-Net at full resolution, as in the paper."""


class PeerImage:
    """One image on a device, with seeded random numbers.

    Parameters
    ----------
    image : ndarray
        (Y, X) in [0, 255]; `noisy` is the same in [0, 1] as (1, 1, Y, X).
    request : Request
        Device and seed.
    """

    def __init__(self, image: npt.NDArray[np.float32], request: Request) -> None:
        self.device = choose_device(request.device)
        self.generator = torch.Generator(self.device).manual_seed(request.seed)
        self.noisy = torch.from_numpy(np.ascontiguousarray(image, np.float32) / 255.0).to(self.device)[
            None, None
        ]

    def unet(self, dropout: float, dilation: int = 1) -> UNet:
        """Return a U-Net with new weights.

        Parameters
        ----------
        dropout : float
            Probability, after each pooling and each block of the decoder.
        dilation : int
            Of the convolutions, in pixels.
        """
        network = UNet(UNET_WIDTH, dilation, dropout, 1, self.generator)
        if self.device.type == "cuda":
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        use_generator(network, self.generator)
        return network

    def uniform(self, *shape: int) -> torch.Tensor:
        """Draw numbers from [0, 1)."""
        return torch.rand(shape or self.noisy.shape, device=self.device, generator=self.generator)

    def normal(self) -> torch.Tensor:
        """Draw standard normal numbers in the shape of the image."""
        return torch.randn(self.noisy.shape, device=self.device, generator=self.generator)

    def to_image(self, estimate: torch.Tensor) -> npt.NDArray[Any]:
        """Bring (1, 1, Y, X) back to (Y, X) in [0, 255]."""
        image: npt.NDArray[Any] = estimate.detach()[0, 0].float().cpu().numpy() * 255.0
        return image


def cosine_steps(
    network: torch.nn.Module, iterations: int, rate: float, loss: Callable[[int], torch.Tensor]
) -> Iterator[int]:
    """Minimise a loss with Adam, its rate falling to 0 on half a cosine; yield after every step.

    Parameters
    ----------
    network : Module
        What is trained.
    iterations : int
        Number of steps.
    rate : float
        Learning rate at the start.
    loss : callable
        Makes the loss from the number of the step.

    Yields
    ------
    int
        The number of the step that was taken, from 0.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for step in range(iterations):
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1.0 + math.cos(math.pi * step / iterations))
        optimizer.zero_grad(set_to_none=True)
        loss(step).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield step
