"""What detrended blocks say about how pixels share their noise: autocorrelation and scan lines.

Only sums over blocks belong here. Which blocks are free of structure, and what detrending does to the
figures, belongs to `napari_blindspot.noise.block_fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_blindspot.noise.blocks import Floats

__all__ = ["MAX_LAG", "autocorrelation", "scan_line_share"]

MAX_LAG = 4
"""Longest lag of the autocorrelation in pixels, on blocks of the usual size. A convention: noise that
reaches further is measured on blocks of twice the side, up to twice the lag."""

TREND_DEGREES_OF_FREEDOM = 3
"""A quadratic surface takes three degrees of freedom from the row means of a block (1, y and y²), and three
from its column means."""


def autocorrelation(blocks: Floats, lags: int) -> Floats:
    """Return the autocorrelation of blocks, the mean over all of them.

    Parameters
    ----------
    blocks : ndarray
        (M, side, side) float64 of mean about 0, such as residuals of a trend.
    lags : int
        Longest lag in y and in x, in pixels.

    Returns
    -------
    ndarray
        (2 * lags + 1, 2 * lags + 1) float64; lag 0 is in the middle, where the value is 1.
    """
    side = blocks.shape[1]
    rho = np.zeros((2 * lags + 1, 2 * lags + 1))
    for dy in range(lags + 1):
        for dx in range(-lags, lags + 1):
            here = blocks[:, : side - dy, max(0, -dx) : side - max(0, dx)]
            there = blocks[:, dy:, max(0, dx) : side + min(0, dx)]
            rho[lags + dy, lags + dx] = rho[lags - dy, lags - dx] = (here * there).mean()
    rho /= rho[lags, lags]
    return rho


def scan_line_share(blocks: Floats) -> float:
    """Return the share of the variance that the pixels of a row have in common.

    It is the variance of row means less that of column means. White noise makes the two equal; a line
    scanner that flickers adds to the first only.

    Parameters
    ----------
    blocks : ndarray
        (M, side, side) float64, residuals of a quadratic trend.

    Returns
    -------
    float
        In [0, 1].
    """
    side = blocks.shape[1]
    rows, columns = (
        (blocks.mean(axis) ** 2).sum(1).mean() / (side - TREND_DEGREES_OF_FREEDOM) for axis in (2, 1)
    )
    return float(np.clip((rows - columns) / (blocks**2).mean(), 0.0, 1.0))
