"""Self2Self: predict dropped pixels from kept ones, and average many predictions with dropout on.

Quan et al., "Self2Self with Dropout: Learning Self-Supervised Denoising from Single Image" (CVPR 2020):
Bernoulli sampling keeps 70 % of the pixels, L2 on the others, dropout of 0.3 in the decoder, random flips,
the mean of 50 predictions. On the U-Net of this project, without partial convolutions, with a cosine in
place of 450,000 steps at a constant rate of 1e-4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_blindspot.benchmark.peers.neural import Bench, cosine_steps

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.benchmark.methods import Denoiser, Request

__all__ = ["self2self"]

ITERATIONS = 3000
RATE = 4e-4
KEPT = 0.7
DROPOUT = 0.3
PASSES = 50


def self2self(request: Request) -> Denoiser:
    """Return Self2Self with the request's device, seed and number of iterations."""
    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        bench = Bench(image, request)
        network = bench.unet(dropout=DROPOUT)
        flips = torch.randint(4, (iterations,), generator=bench.generator, device=bench.device).tolist()

        def loss(step: int) -> torch.Tensor:
            axes = [axis for axis, bit in ((2, 1), (3, 2)) if flips[step] & bit]
            noisy = bench.noisy.flip(axes)
            kept = (bench.uniform(*noisy.shape) < KEPT).float()
            error = (network(noisy * kept) - noisy) ** 2 * (1.0 - kept)
            mean: torch.Tensor = error.sum() / (1.0 - kept).sum().clamp(min=1.0)
            return mean

        for _ in cosine_steps(network, iterations, RATE, loss):
            pass
        total = torch.zeros_like(bench.noisy)
        with torch.no_grad():
            for _ in range(PASSES):
                total += network(bench.noisy * (bench.uniform() < KEPT))
        return bench.to_image(total / PASSES)

    return denoise
