"""MASH: a blind-spot fit whose masking ratio, and a local shuffle, follow from how correlated the noise is.

Chihaoui and Favaro, "Masked and Shuffled Blind Spot Denoising for Real-World Images" (CVPR 2024). Two probe
fits, with 80 % and 20 % of the pixels masked, differ in spread when the noise is correlated: then much is
masked and pixels are shuffled within small tiles where the estimate is flat, else little is masked.
On the U-Net of this project; L1 on the masked pixels, a cosine from 4e-4, the mean of 10 predictions. Where
the thresholds on the spread and on flatness are set is our reading: the text gives the rule, not its scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from napari_blindspot.benchmark.peers.neural import Bench, cosine_steps

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.benchmark.methods import Denoiser, Request

__all__ = ["mash", "shuffle_tiles"]

ITERATIONS = 800
RATE = 4e-4
DROPOUT = 0.3
PASSES = 10
HIGH, LOW, MEDIUM = 0.8, 0.2, 0.5
"""Fractions of masked pixels."""

CORRELATED, WHITE = 2.0 / 255.0, 1.0 / 255.0
"""Differences in spread of the two probes above and below which the noise counts as such."""

TILE = 4
FLAT = 0.5
"""Share of the tiles, the ones with the least variance in the probe's estimate, that is shuffled."""


def mash(request: Request) -> Denoiser:
    """Return MASH with the request's device, seed and number of iterations."""
    iterations = request.iterations or ITERATIONS

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        bench = Bench(image, request)
        high, low = (_fit(bench, ratio, iterations) for ratio in (HIGH, LOW))
        gap = abs(float(high.std() - low.std()))
        if gap <= WHITE:
            return bench.to_image(low)
        if gap <= CORRELATED:
            return bench.to_image(_fit(bench, MEDIUM, iterations))
        return bench.to_image(_fit(bench, HIGH, iterations, guide=high))

    return denoise


def _fit(bench: Bench, ratio: float, iterations: int, guide: torch.Tensor | None = None) -> torch.Tensor:
    """Fit with this fraction masked, shuffling where `guide` is flat, and average the predictions."""
    network = bench.unet(dropout=DROPOUT)

    def source() -> torch.Tensor:
        return bench.noisy if guide is None else shuffle_tiles(bench.noisy, guide, bench)

    def loss(step: int) -> torch.Tensor:
        noisy = source()
        masked = (bench.uniform() < ratio).float()
        error = (network(noisy * (1.0 - masked)) - noisy).abs() * masked
        mean: torch.Tensor = error.sum() / masked.sum().clamp(min=1.0)
        return mean

    for _ in cosine_steps(network, iterations, RATE, loss):
        pass
    total = torch.zeros_like(bench.noisy)
    with torch.no_grad():
        for _ in range(PASSES):
            total += network(source() * (bench.uniform() >= ratio))
    return total / PASSES


def shuffle_tiles(noisy: torch.Tensor, guide: torch.Tensor, bench: Bench) -> torch.Tensor:
    """Permute the pixels within each 4×4 tile in which `guide` is flat; other tiles stay.

    Parameters
    ----------
    noisy, guide : Tensor
        (1, 1, Y, X). What is left of the last whole tile stays as it is.
    bench : Bench
        Draws the permutations.
    """
    height, width = (side // TILE * TILE for side in noisy.shape[-2:])
    tiles = F.pixel_unshuffle(noisy[..., :height, :width], TILE)
    spread = F.pixel_unshuffle(guide[..., :height, :width], TILE).std(dim=1, keepdim=True)
    order = bench.uniform(*tiles.shape).argsort(dim=1)
    flat = spread <= spread.quantile(FLAT)
    shuffled = noisy.clone()
    shuffled[..., :height, :width] = F.pixel_shuffle(torch.where(flat, tiles.gather(1, order), tiles), TILE)
    return shuffled
