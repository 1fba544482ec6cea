"""Texture that leaves no block of an image quiet: how it is noticed, and what is measured all the same.

Two remedies. White noise is read from the flat floor of the spectrum
(`napari_blindspot.noise.white_floor`), and a fit is mixed with that floor here. Correlated noise has no
floor; there short blocks, which hold least of the texture, give an upper bound. The order in which they are
tried belongs to `napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.noise_model import next_pixel_correlation
from napari_blindspot.noise.block_fit import fit_blocks
from napari_blindspot.noise.blocks import VarianceLine, finite_blocks
from napari_blindspot.noise.correlation import MAX_LAG
from napari_blindspot.noise.white_floor import white_floor

if TYPE_CHECKING:
    from napari_blindspot.noise.block_fit import BlockFit
    from napari_blindspot.noise.blocks import Floats
    from napari_blindspot.noise.white_floor import WhiteFloor

__all__ = ["growth_of_variance", "on_white_floor", "short_blocks_under_texture", "total_variance"]

FLOOR_EXCESS = (0.03, 0.1)
"""Variance of the quietest blocks over that of the white floor, less 1. Up to the first value the
difference is chance and the blocks are believed; from the second on it is texture and the floor is
believed; between them the two are mixed. The table "What the thresholds separate" of
docs/benchmarks/noise.md, by ``docs/benchmarks/noise.py thresholds``, has the excess of images with and
without texture."""

ROUNDING_EXCESS = 4.0
"""Variance of a floor over that of rounding up to which it is taken for that of rounding. A convention: a
camera's noise is stronger than its rounding."""

SHORT_SIDE, LONG_SIDE = 12, 24
"""Sides in pixels of the two sizes of blocks whose variances are compared.

Detrending takes most of the texture out of a short block and least out of a long one, so the variance grows
from one to the other where the blocks hold texture. The table "What the thresholds separate" of
docs/benchmarks/noise.md has the growth.
"""

TEXTURE_GROWTH, TEXTURE_GROWTH_PER_CORRELATION = 1.1, 0.5
"""Variance of long blocks over that of short ones from which on the blocks are taken to hold texture: the
first value, and the second times the correlation of next pixels.

The limit rises with the correlation because the noise makes the variance grow as well: its own slow part is
taken for the trend of a short block. Same table.
"""

MAX_CORRELATION_TO_TEST = 0.72
"""Correlation of next pixels above which growth does not tell texture from noise: there the noise itself
makes nearly all of it. "What remains" of docs/benchmarks/kinds.md, by ``docs/benchmarks/kinds.py``, has
what this limit costs on fibres and what a higher one costs on cells."""

MIN_LONG_BLOCKS_ACROSS = 10
"""Long blocks that must fit side by side into a plane: their variance is not known well enough on smaller
ones. A convention, which no table chose; docs/benchmarks/noise.md names the planes that it leaves out."""


def short_blocks_under_texture(fit: BlockFit, planes: Floats) -> BlockFit | None:
    """Measure on short blocks where correlated noise is mixed with texture in every block.

    Parameters
    ----------
    fit : BlockFit
        Of blocks of the usual size.
    planes : ndarray
        (N, Y, X) float64; NaN where a pixel is missing.

    Returns
    -------
    BlockFit or None
        An upper bound of strength and correlation. None where the variance does not grow with the blocks as
        texture makes it grow, or where that cannot be told.
    """
    correlation = next_pixel_correlation(fit.correlation)
    if correlation > MAX_CORRELATION_TO_TEST or min(planes.shape[-2:]) < MIN_LONG_BLOCKS_ACROSS * LONG_SIDE:
        return None
    short = fit_blocks(finite_blocks(planes, SHORT_SIDE), MAX_LAG)
    long = fit_blocks(finite_blocks(planes, LONG_SIDE), MAX_LAG)
    if short is None or long is None:
        return None
    limit = TEXTURE_GROWTH + TEXTURE_GROWTH_PER_CORRELATION * correlation
    return short if growth_of_variance(short, long, planes) > limit else None


def growth_of_variance(short: BlockFit, long: BlockFit, planes: Floats) -> float:
    """Return the mean variance of long blocks over that of short ones, at the intensities of (N, Y, X)."""
    values = planes[np.isfinite(planes)]
    less, more = (np.maximum(each.line.at(values), each.least).mean() for each in (short, long))
    return float(more / less)


def on_white_floor(fit: BlockFit, rounding: float = 0.0, least_share: float = 0.0) -> BlockFit:
    """Replace a fit by the white floor under it, as far as that floor is flat and lies clearly lower.

    Parameters
    ----------
    fit : BlockFit
        Of the quietest blocks.
    rounding : float
        Variance that rounding to the steps between values gives, in squared intensities. Noise that was
        blurred and then rounded lies on a floor of that height, which is not the noise's.
    least_share : float
        Share of the variance of the quietest blocks that the floor must have.

    Returns
    -------
    BlockFit
        `fit` itself where the floor is not flat, not lower or not to be believed, the floor's figures where
        it is, and between them a mixture.
    """
    floor = white_floor(fit.means, fit.residuals)
    above, below = total_variance(fit.means, fit), total_variance(fit.means, floor)
    least = max(ROUNDING_EXCESS * rounding * len(fit.means), least_share * above)
    if below <= 0 or below < least:
        return fit
    share = floor.flatness * float(np.interp(above / below - 1, FLOOR_EXCESS, (0.0, 1.0)))
    white, c = np.zeros_like(fit.correlation), len(fit.correlation) // 2
    white[c, c] = 1.0
    if c:
        white[c - 1, c] = white[c + 1, c] = floor.along_y
        white[c, c - 1] = white[c, c + 1] = floor.along_x

    def mixed(of_fit: float, of_floor: float) -> float:
        return (1 - share) * of_fit + share * of_floor

    # Variances add; correlations do so with their variances.
    part = share * below / mixed(above, below)
    return replace(
        fit,
        line=VarianceLine(
            mixed(fit.line.slope, floor.line.slope), mixed(fit.line.intercept, floor.line.intercept)
        ),
        slope_error=mixed(fit.slope_error, floor.slope_error),
        intercept_error=mixed(fit.intercept_error, floor.intercept_error),
        least=mixed(fit.least, floor.least),
        correlation=(1 - part) * fit.correlation + part * white,
    )


def total_variance(means: Floats, measured: BlockFit | WhiteFloor) -> float:
    """Return the sum of the variances at (M,) intensities, in squared intensities."""
    return float(np.maximum(measured.line.at(means), measured.least).sum())
