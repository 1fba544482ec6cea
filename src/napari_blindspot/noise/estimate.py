"""The noise of an image, measured from the noisy pixels alone.

Variance against intensity (Poisson-Gaussian: gain and offset), autocorrelation, scan lines, clipping. This
module holds the order of the steps. The steps themselves are in modules of their own, and what follows from
the noise for a fit belongs to `napari_blindspot.noise.gap_choice`.

The idea is that structure only adds variance. Blocks are freed from their smooth part; in every range of
intensity the quietest tenth of them is taken to hold noise alone, and the bias of choosing the quietest
is undone (`napari_blindspot.noise.block_fit`). Where texture leaves no block quiet, the remedies of
`napari_blindspot.noise.texture` are tried, and correlated noise is measured once more by frequencies
(`napari_blindspot.noise.window_levels`). Foi et al., "Practical Poissonian-Gaussian Noise Modeling and
Fitting" (IEEE TIP 2008) fit the same line to level sets.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.noise_model import CORRELATED, NoiseModel, next_pixel_correlation
from napari_blindspot.noise.blank_areas import without_blank_areas
from napari_blindspot.noise.block_fit import fit_blocks
from napari_blindspot.noise.blocks import finite_blocks
from napari_blindspot.noise.correlation import MAX_LAG
from napari_blindspot.noise.photon_counts import MIN_BLOCKS, counts_photons
from napari_blindspot.noise.texture import on_white_floor, short_blocks_under_texture
from napari_blindspot.noise.window_levels import measured_by_windows

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.noise.block_fit import BlockFit

    Floats = npt.NDArray[np.float64]

__all__ = ["estimate_noise"]

BLOCK_SIDE = 16
"""Side of a block in pixels: long enough for the correlation, short enough for flat ones to exist. A
convention; the tables of docs/benchmarks/noise.md were measured with it."""

MIN_SIDE_FOR_LONG_BLOCKS = 4 * BLOCK_SIDE
"""Side in pixels of the smallest plane on which correlated noise is measured anew on blocks of twice the
side. A convention. Blocks of 32 pixels instead of 16 are worth 0.3 dB on WideField_BPAE_R
(docs/benchmarks/auto.md, "Kept")."""

MAX_GROWTH_ON_LONG_BLOCKS = 1.3
"""Variance of blocks of twice the side over that of the usual ones above which the longer blocks hold
structure, and are not used. docs/benchmarks/noise.md, "What the thresholds separate", has the growth of
images with and without texture."""

MIN_CLIPPED_LOW, MIN_CLIPPED_HIGH = 0.002, 0.0005
"""Fractions of pixels at the lowest and at the highest value from which on the image counts as clipped
there. Conventions, seen on the images of docs/benchmarks/noise.md and the clipped ones of
tests/noise/test_estimate.py; no table."""

MAX_BLOCK_CLIPPED_LOW, MAX_BLOCK_CLIPPED_HIGH = 0.08, 0.02
"""Fractions of a block's pixels that may be clipped before the block is left out, since its variance is
then too small. Conventions, seen on the same images; no table."""


STEP_SAMPLE = 2**16
"""Pixels among which the step between values is sought. A convention: among so many, next values are."""


def estimate_noise(image: npt.ArrayLike, lags: int = MAX_LAG, *, least_floor: float = 0.0) -> NoiseModel:
    """Measure the noise of one plane, or of a stack of planes of one kind.

    Parameters
    ----------
    image : array_like
        (…, Y, X) integer or float. Blocks with NaN are left out, and so are blocks with a part of a blank
        area, such as the borders that a registration leaves.
    lags : int
        Longest lag of the autocorrelation in pixels; at most half a block.
    least_floor : float
        Share of the variance of quiet blocks that white noise must have to be looked for under texture.

    Returns
    -------
    NoiseModel
        In the units of the image; `measured` is False where nothing could be measured (a constant, tiny
        or completely saturated plane), and the other figures are then 0.
    """
    planes = np.asarray(image, np.float64)
    planes = planes.reshape(-1, *planes.shape[-2:])
    given = list(planes)
    bare = [without_blank_areas(plane) for plane in given]
    if any(one is not other for one, other in zip(given, bare, strict=True)):
        planes = np.stack(bare)
    finite = planes[np.isfinite(planes)]
    if finite.size == 0 or finite.min() == finite.max():
        return _unmeasured()
    low, high, median = finite.min(), finite.max(), float(np.median(finite))
    side = min(BLOCK_SIDE, min(planes.shape[-2:]) // 2)
    lags = min(lags, side // 2 - 1)
    blocks = finite_blocks(planes, side)
    photons = counts_photons(blocks)
    rounding = 0.0 if photons else _rounding(finite)
    clipped_low = 0.0 if photons else _piled_up(finite, low, MIN_CLIPPED_LOW)
    clipped_high = _piled_up(finite, high, MIN_CLIPPED_HIGH)
    if clipped_high:
        blocks = blocks[(blocks >= high).mean((1, 2)) <= MAX_BLOCK_CLIPPED_HIGH]
    if clipped_low:
        lit = blocks[(blocks <= low).mean((1, 2)) <= MAX_BLOCK_CLIPPED_LOW]
        # What is dark everywhere is measured as it is: a little clipped, but not unmeasurable.
        blocks = lit if len(lit) >= MIN_BLOCKS else blocks
    fit = fit_blocks(blocks, lags)
    if fit is None:
        return _unmeasured(clipped_low, clipped_high)
    fit, textured = _for_its_correlation(on_white_floor(fit, rounding, least_floor), planes, median)
    middle = fit.line.at(median)
    noise = NoiseModel(
        gain=fit.line.slope,
        gain_error=fit.slope_error,
        offset=fit.line.intercept,
        offset_error=fit.intercept_error,
        sigma=math.sqrt(max(middle, fit.least)),
        correlation=fit.correlation,
        correlation_error=fit.correlation_error,
        scan_line=fit.scan_line,
        clipped_low=clipped_low,
        clipped_high=clipped_high,
        textured=textured,
    )
    return measured_by_windows(noise, planes) if noise.is_correlated else noise


def _for_its_correlation(fit: BlockFit, planes: Floats, median: float) -> tuple[BlockFit, bool]:
    """Measure correlated noise anew on blocks of a side that suits it.

    Parameters
    ----------
    fit : BlockFit
        Of blocks of the usual side.
    planes : ndarray
        (N, Y, X) float64.
    median : float
        Median intensity.

    Returns
    -------
    fit : BlockFit
        The given one where the noise is nearly white or nothing better is found.
    textured : bool
        Whether it is of short blocks, and an upper bound, because texture leaves no block quiet.
    """
    if (
        next_pixel_correlation(fit.correlation) <= CORRELATED
        or min(planes.shape[-2:]) < MIN_SIDE_FOR_LONG_BLOCKS
    ):
        return fit, False
    short = short_blocks_under_texture(fit, planes)
    if short is not None:
        return short, True
    # A long tail needs longer blocks: what a block is shorter than looks like its trend. But where the
    # image is full of structure, no long block is free of it, and the variance gives that away.
    long = fit_blocks(finite_blocks(planes, 2 * BLOCK_SIDE), 2 * MAX_LAG)
    if long is not None and long.line.at(median) <= MAX_GROWTH_ON_LONG_BLOCKS * fit.line.at(median):
        return long, False
    return fit, False


def _unmeasured(clipped_low: float = 0.0, clipped_high: float = 0.0) -> NoiseModel:
    """Return the model of a plane whose noise cannot be measured."""
    return NoiseModel(
        gain=0.0,
        gain_error=0.0,
        offset=0.0,
        offset_error=0.0,
        sigma=0.0,
        correlation=np.ones((1, 1)),
        correlation_error=0.0,
        scan_line=0.0,
        clipped_low=clipped_low,
        clipped_high=clipped_high,
        measured=False,
    )


def _rounding(values: Floats) -> float:
    """Return the variance that rounding to the steps between (N,) values gives; next to 0 without steps."""
    levels = np.unique(values[:: max(1, len(values) // STEP_SAMPLE)])
    return float(np.diff(levels).min()) ** 2 / 12 if len(levels) > 1 else 0.0


def _piled_up(values: Floats, limit: float, least: float) -> float:
    """Return the fraction of (N,) values at a limit; 0 up to `least`, which is no sign of clipping."""
    fraction = float((values == limit).mean())
    return fraction if fraction > least else 0.0
