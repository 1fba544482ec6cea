"""Noise that differs from place to place by more than intensity explains.

Tiles that were exposed differently, or corners that a flat-field correction has brightened, have more noise
than pixels of the same intensity elsewhere. A model by intensity alone describes the quiet part, and what
is far beyond it elsewhere passes for structure that an estimate has lost.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from napari_blindspot.noise.blocks import MEDIAN_OF_SQUARES

__all__ = ["unevenness"]

BLOCK = 32
"""Side of the blocks in which the noise is compared with its model, in pixels."""

CLEARLY_MORE = 2.0
"""Variance over that of the model from which on a block tells of uneven noise. Of 21 real and textured
planes a single block exceeded it, by 0.01 (docs/benchmarks/kinds.md)."""

LEAST_SHARE, LEAST_BLOCKS = 0.08, 4
"""Such blocks that there must be. Conventions: what one thing in the image has lost is no noise."""

MOST_ALIKE = 0.15
"""Correlation of next residuals up to which they are noise: lost structure is alike in next pixels. In a
block of noise it is within 0.06 of 0 by two standard errors."""

NO_MORE, ALL_OF_IT = 1.3, 1.7
"""Variances over that of the model between which they are believed more and more."""


@torch.no_grad()
def unevenness(
    noisy: torch.Tensor, estimate: torch.Tensor, first: torch.Tensor, sigma: float, valid: torch.Tensor
) -> torch.Tensor | None:
    """Return by how much the standard deviation of white noise exceeds its model at every pixel.

    Whether it does is read from an estimate that knows the noisy pixels, because it keeps texture, which
    hidden pixels lose; by how much, from the prediction of hidden pixels, because it keeps no noise.

    Parameters
    ----------
    noisy, estimate, first : Tensor
        (1, 1, Y, X): the plane, what the fit has come to, and every pixel as predicted while it was hidden.
    sigma : float
        Standard deviation of the noise by the model, on the same scale.
    valid : Tensor
        (1, 1, Y, X) bool.

    Returns
    -------
    Tensor or None
        (1, 1, Y, X), 1 or more; None where the model explains the noise.
    """
    height, width = noisy.shape[-2:]
    if min(height, width) < BLOCK:
        return None
    level, alike = _blocks(torch.where(valid, (noisy - estimate) / sigma, torch.nan))
    noise = alike < MOST_ALIKE
    telling = noise & (level > CLEARLY_MORE)
    if int(telling.sum()) < max(LEAST_BLOCKS, LEAST_SHARE * telling.numel()):
        return None
    hidden, _ = _blocks(torch.where(valid, (noisy - first) / sigma, torch.nan))
    more = torch.where(noise, hidden, 1.0).clamp_min(1.0)
    belief = ((more - NO_MORE) / (ALL_OF_IT - NO_MORE)).clamp(0, 1)
    factor = (1 + belief * (more - 1)).sqrt()[None, None]
    whole = [side // BLOCK * BLOCK for side in (height, width)]
    factor = F.interpolate(factor, size=whole, mode="bilinear")
    return F.pad(factor, (0, width - whole[1], 0, height - whole[0]), mode="replicate").to(noisy.device)


def _blocks(residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the variance of residuals in each block, and the correlation of next ones, (rows, columns).

    `residual` is (1, 1, Y, X), NaN where there is none; not every device has a median. The variance is that
    of normal numbers with the same median square, so that single pixels far from it do not count; a block
    without pixels has NaN.
    """
    residual = residual[0, 0].cpu()
    rows, columns = (side // BLOCK for side in residual.shape)
    blocks = residual[: rows * BLOCK, : columns * BLOCK].view(rows, BLOCK, columns, BLOCK).transpose(1, 2)
    level = (blocks.flatten(2) ** 2).nanmedian(dim=-1).values / MEDIAN_OF_SQUARES
    limit = 3 * level.sqrt()[..., None, None]
    within = torch.minimum(torch.maximum(blocks, -limit), limit)
    power = (within**2).nanmean(dim=(-2, -1))
    down = (within[..., 1:, :] * within[..., :-1, :]).nanmean(dim=(-2, -1))
    along = (within[..., 1:] * within[..., :-1]).nanmean(dim=(-2, -1))
    return level, torch.maximum(down, along) / power.clamp_min(1e-12)
