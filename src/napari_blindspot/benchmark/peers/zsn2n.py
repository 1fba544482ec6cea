"""ZS-N2N: two half-size images from one by diagonal averages, and a tiny network between them.

Mansour and Heckel, "Zero-Shot Noise2Noise: Efficient Image Denoising without any Data" (CVPR 2023), with
its own network of about 22,000 parameters: residual and consistency losses, 2000 steps of Adam at 1e-3,
halved after 1000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.method_protocol import Method

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import nn

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request
    from napari_blindspot.benchmark.peers.shared.learning import PeerImage

__all__ = ["METHODS", "downsample_pair", "zsn2n"]

METHODS = (Method("zsn2n", f"{__name__}:zsn2n", place=70, needs=("torch",)),)

ITERATIONS = 2000
LEARNING_RATE = 1e-3
CHANNELS = 48


def zsn2n(request: Request) -> Denoiser:
    """Return ZS-N2N with the request's device, seed and number of iterations."""
    import torch

    from napari_blindspot.benchmark.peers.shared.learning import PeerImage

    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        peer = PeerImage(image, request)
        network = _network(peer)
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, max(1, iterations // 2), 0.5)
        for _ in range(iterations):
            optimizer.zero_grad(set_to_none=True)
            _loss(network, peer.noisy).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            return peer.to_image(peer.noisy - network(peer.noisy))

    return denoise


def downsample_pair(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Average the two diagonals of every 2×2 block, (1, 1, Y, X) to two of (1, 1, Y/2, X/2)."""
    import torch
    import torch.nn.functional as F

    kernels = torch.tensor([[[[0.0, 0.5], [0.5, 0.0]]], [[[0.5, 0.0], [0.0, 0.5]]]], device=image.device)
    halves = F.conv2d(image, kernels, stride=2)
    return halves[:, :1], halves[:, 1:]


def _loss(network: nn.Module, noisy: torch.Tensor) -> torch.Tensor:
    """Each half predicts the other, and halves of the estimate equal estimates of the halves."""
    import torch.nn.functional as F

    one, other = downsample_pair(noisy)
    clean_one, clean_other = one - network(one), other - network(other)
    residual = 0.5 * (F.mse_loss(clean_one, other) + F.mse_loss(clean_other, one))
    half_one, half_other = downsample_pair(noisy - network(noisy))
    consistency = 0.5 * (F.mse_loss(clean_one, half_one) + F.mse_loss(clean_other, half_other))
    return residual + consistency


def _network(peer: PeerImage) -> nn.Module:
    from torch import nn

    from napari_blindspot.method.layers import he_uniform_

    network = nn.Sequential(
        nn.Conv2d(1, CHANNELS, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(CHANNELS, 1, 1),
    ).to(peer.device)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            he_uniform_(layer, 0.2, peer.generator)
    return network
