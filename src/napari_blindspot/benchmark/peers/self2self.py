"""Self2Self: predict dropped pixels from kept ones, and average many predictions with dropout on.

Quan et al., "Self2Self with Dropout: Learning Self-Supervised Denoising from Single Image" (CVPR 2020):
Bernoulli sampling keeps 70 % of the pixels, L2 on the others, dropout of 0.3 in the decoder, random flips,
the mean of 50 predictions. On the U-Net of this project, without partial convolutions, with a cosine in
place of 450,000 steps at a constant rate of 1e-4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.method_protocol import Method

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["METHODS", "self2self"]

METHODS = (Method("self2self", f"{__name__}:self2self", place=50, needs=("torch",)),)

ITERATIONS = 3000
LEARNING_RATE = 4e-4
KEPT_SHARE = 0.7
DROPOUT = 0.3
PASSES = 50


def self2self(request: Request) -> Denoiser:
    """Return Self2Self with the request's device, seed and number of iterations."""
    import torch

    from napari_blindspot.benchmark.peers.shared.learning import PeerImage, cosine_steps

    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        peer = PeerImage(image, request)
        network = peer.unet(dropout=DROPOUT)
        flips = torch.randint(4, (iterations,), generator=peer.generator, device=peer.device).tolist()

        def loss(step: int) -> torch.Tensor:
            axes = [axis for axis, bit in ((2, 1), (3, 2)) if flips[step] & bit]
            noisy = peer.noisy.flip(axes)
            kept = (peer.uniform(*noisy.shape) < KEPT_SHARE).float()
            error = (network(noisy * kept) - noisy) ** 2 * (1.0 - kept)
            mean: torch.Tensor = error.sum() / (1.0 - kept).sum().clamp(min=1.0)
            return mean

        for _ in cosine_steps(network, iterations, LEARNING_RATE, loss):
            pass
        total = torch.zeros_like(peer.noisy)
        with torch.no_grad():
            for _ in range(PASSES):
                total += network(peer.noisy * (peer.uniform() < KEPT_SHARE))
        return peer.to_image(total / PASSES)

    return denoise
