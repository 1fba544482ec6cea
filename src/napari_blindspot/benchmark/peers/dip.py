"""Deep Image Prior: a network fits the noisy image from noise, and is stopped before it fits the noise.

Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior" (CVPR 2018): fixed uniform input, perturbed in every step,
L2 to the noisy image, and the exponential mean of the outputs as the estimate. On the U-Net of this
project; the input has one channel where theirs has 32, and the number of steps is set by hand in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.method_protocol import Method

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["METHODS", "deep_image_prior"]

METHODS = (Method("dip", f"{__name__}:deep_image_prior", place=40, needs=("torch",)),)

ITERATIONS = 1800
LEARNING_RATE = 1e-3
PERTURBATION_SIGMA = 1.0 / 30.0
"""Standard deviation of the noise on the input in [0, 0.1], as in the authors' denoising example."""

MEAN_MEMORY = 0.99
"""Weight of the old in each step of the exponential mean, as in the authors' example."""


def deep_image_prior(request: Request) -> Denoiser:
    """Return DIP with the request's device, seed and number of iterations."""
    import torch

    from napari_blindspot.benchmark.peers.shared.learning import PeerImage

    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        peer = PeerImage(image, request)
        network = peer.unet(dropout=0.0)
        seed = 0.1 * peer.uniform()
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        mean = torch.zeros_like(seed)
        for _ in range(iterations):
            output = network(seed + PERTURBATION_SIGMA * peer.normal())
            optimizer.zero_grad(set_to_none=True)
            ((output - peer.noisy) ** 2).mean().backward()
            optimizer.step()
            mean.lerp_(output.detach(), 1.0 - MEAN_MEMORY)
        return peer.to_image(mean / (1.0 - MEAN_MEMORY**iterations))

    return denoise
