"""MASH: a blind-spot fit whose masking ratio, and a local shuffle, follow from how correlated the noise is.

Chihaoui and Favaro, "Masked and Shuffled Blind Spot Denoising for Real-World Images" (CVPR 2024). Two probe
fits, with 80 % and 20 % of the pixels masked, differ in spread when the noise is correlated: then much is
masked and pixels are shuffled within small tiles where the estimate is flat, else little is masked.
On the U-Net of this project; L1 on the masked pixels, a cosine from 4e-4, the mean of 10 predictions. Where
the thresholds on the spread and on flatness are set is our reading: the text gives the rule, not its scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.method_protocol import Method

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request
    from napari_blindspot.benchmark.peers.shared.learning import PeerImage

__all__ = ["METHODS", "mash", "shuffle_tiles"]

METHODS = (Method("mash", f"{__name__}:mash", place=60, needs=("torch",)),)

ITERATIONS = 800
LEARNING_RATE = 4e-4
DROPOUT = 0.3
PASSES = 10
MASKED_HIGH, MASKED_LOW, MASKED_MEDIUM = 0.8, 0.2, 0.5
"""Fractions of pixels that are masked: in the two probes, and where neither decides."""

CORRELATED_SPREAD, WHITE_SPREAD = 2.0 / 255.0, 1.0 / 255.0
"""Difference in standard deviation of the two probes, on the scale [0, 1], above which the noise counts as
correlated, and up to which it counts as white."""

TILE_SIDE = 4
"""Side of a tile in pixels."""

FLAT_SHARE = 0.5
"""Share of the tiles, the ones with the least variance in the probe's estimate, that is shuffled."""


def mash(request: Request) -> Denoiser:
    """Return MASH with the request's device, seed and number of iterations."""
    from napari_blindspot.benchmark.peers.shared.learning import PeerImage

    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        peer = PeerImage(image, request)
        high, low = (_fit(peer, ratio, iterations) for ratio in (MASKED_HIGH, MASKED_LOW))
        gap = abs(float(high.std() - low.std()))
        if gap <= WHITE_SPREAD:
            return peer.to_image(low)
        if gap <= CORRELATED_SPREAD:
            return peer.to_image(_fit(peer, MASKED_MEDIUM, iterations))
        return peer.to_image(_fit(peer, MASKED_HIGH, iterations, guide=high))

    return denoise


def _fit(peer: PeerImage, ratio: float, iterations: int, guide: torch.Tensor | None = None) -> torch.Tensor:
    """Fit with this fraction masked, shuffling where `guide` is flat, and average the predictions."""
    import torch

    from napari_blindspot.benchmark.peers.shared.learning import cosine_steps

    network = peer.unet(dropout=DROPOUT)

    def source() -> torch.Tensor:
        return peer.noisy if guide is None else shuffle_tiles(peer.noisy, guide, peer)

    def loss(step: int) -> torch.Tensor:
        noisy = source()
        masked = (peer.uniform() < ratio).float()
        error = (network(noisy * (1.0 - masked)) - noisy).abs() * masked
        mean: torch.Tensor = error.sum() / masked.sum().clamp(min=1.0)
        return mean

    for _ in cosine_steps(network, iterations, LEARNING_RATE, loss):
        pass
    total = torch.zeros_like(peer.noisy)
    with torch.no_grad():
        for _ in range(PASSES):
            total += network(source() * (peer.uniform() >= ratio))
    return total / PASSES


def shuffle_tiles(noisy: torch.Tensor, guide: torch.Tensor, peer: PeerImage) -> torch.Tensor:
    """Permute the pixels within each 4×4 tile in which `guide` is flat; other tiles stay.

    Parameters
    ----------
    noisy, guide : Tensor
        (1, 1, Y, X). What is left of the last whole tile stays as it is.
    peer : PeerImage
        Draws the permutations.
    """
    import torch
    import torch.nn.functional as F

    height, width = (side // TILE_SIDE * TILE_SIDE for side in noisy.shape[-2:])
    tiles = F.pixel_unshuffle(noisy[..., :height, :width], TILE_SIDE)
    spread = F.pixel_unshuffle(guide[..., :height, :width], TILE_SIDE).std(dim=1, keepdim=True)
    order = peer.uniform(*tiles.shape).argsort(dim=1)
    flat = spread <= spread.quantile(FLAT_SHARE)
    shuffled = noisy.clone()
    shuffled[..., :height, :width] = F.pixel_shuffle(
        torch.where(flat, tiles.gather(1, order), tiles), TILE_SIDE
    )
    return shuffled
