"""Deep Image Prior: a network fits the noisy image from noise, and is stopped before it fits the noise.

Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior" (CVPR 2018): fixed uniform input, perturbed in every step,
L2 to the noisy image, and the exponential mean of the outputs as the estimate. On the U-Net of this
project; the input has one channel where theirs has 32, and the number of steps is set by hand in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_blindspot.benchmark.peers.neural import Bench

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.benchmark.methods import Denoiser, Request

__all__ = ["deep_image_prior"]

ITERATIONS = 1800
RATE = 1e-3
PERTURBATION = 1.0 / 30.0
"""Standard deviation of the noise on the input in [0, 0.1], as in the authors' denoising example."""

MEMORY = 0.99
"""Of the exponential mean, as in the authors' example."""


def deep_image_prior(request: Request) -> Denoiser:
    """Return DIP with the request's device, seed and number of iterations."""
    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        bench = Bench(image, request)
        network = bench.unet(dropout=0.0)
        seed = 0.1 * bench.uniform()
        optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
        mean = torch.zeros_like(seed)
        for _ in range(iterations):
            output = network(seed + PERTURBATION * bench.normal())
            optimizer.zero_grad(set_to_none=True)
            ((output - bench.noisy) ** 2).mean().backward()
            optimizer.step()
            mean.lerp_(output.detach(), 1.0 - MEMORY)
        return bench.to_image(mean / (1.0 - MEMORY**iterations))

    return denoise
