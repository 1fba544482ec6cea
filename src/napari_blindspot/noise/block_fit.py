"""Noise from the quietest blocks of one size: line of variance, correlation, and the bias of the choice.

Texture that leaves no block quiet belongs to `napari_blindspot.noise.texture`. Which size of blocks is used
for an image belongs to `napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from napari_blindspot.noise.blocks import (
    QUIET_SHARE,
    VarianceLine,
    detrend,
    line_through,
    quiet_blocks,
    standard_errors,
)
from napari_blindspot.noise.correlation import autocorrelation, scan_line_share

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.noise.blocks import Floats, Members

__all__ = ["BlockFit", "fit_blocks"]

SIMULATED_BLOCKS = 1500
"""Blocks of pure noise that go through the same steps as the image's, to learn their bias. A convention:
many enough that the tests of the correlation in tests/noise/test_estimate.py hold within 0.03."""

CORRECTION_ROUNDS = 4
"""How often the correlation is corrected by the bias that was found. The error falls by a factor of about 5
each time; seen on the noise of tests/noise/test_estimate.py, no table."""

MIN_VARYING_BLOCKS = 4
"""Blocks that must vary at all. A convention: fewer have no quietest tenth."""


@dataclass(frozen=True, slots=True)
class BlockFit:
    """What one size of blocks gives.

    Attributes
    ----------
    line : VarianceLine
        Variance of the noise over intensity.
    slope_error, intercept_error : float
        Standard errors of the line.
    least : float
        Squared intensities; where the line lies lower than that, this is the variance to use instead.
    correlation : ndarray
        (2L+1, 2L+1) autocorrelation of the noise, 1 in the middle.
    correlation_error : float
        Standard error of its values at lag 1.
    scan_line : float
        Share of the variance that the pixels of a row have in common.
    means : ndarray
        (M,) mean intensity of each block that varies.
    residuals : ndarray
        (M, side, side) those blocks without their trend, in the order of the image.
    """

    line: VarianceLine
    slope_error: float
    intercept_error: float
    least: float
    correlation: Floats
    correlation_error: float
    scan_line: float
    means: Floats
    residuals: Floats


def fit_blocks(blocks: Floats, lags: int) -> BlockFit | None:
    """Measure line and correlation together.

    Detrending blocks and choosing the quietest makes variance and correlation too small, the more so the
    longer the correlation. So pure noise of the correlation found so far goes through the same steps, and
    the difference corrects the measurement.

    Parameters
    ----------
    blocks : ndarray
        (M, side, side) float64 without NaN, in the order of the image.
    lags : int
        Longest lag of the correlation, in pixels.

    Returns
    -------
    BlockFit or None
        None where fewer than `MIN_VARYING_BLOCKS` blocks vary at all.
    """
    if len(blocks) == 0:
        return None
    means = blocks.mean((1, 2))
    residuals = detrend(blocks)
    variances = (residuals**2).mean((1, 2))
    usable = variances > 0
    if usable.sum() < MIN_VARYING_BLOCKS:
        return None
    means, variances, residuals = means[usable], variances[usable], residuals[usable]
    quiet = quiet_blocks(means, variances)
    line, least = line_through(means, variances, quiet)
    members = np.concatenate(quiet)
    scaled = _in_sigmas(means[members], residuals[members], line, least)
    slope_error, intercept_error, *rho_errors = _errors_of_fit(means, variances, residuals)
    seen = autocorrelation(scaled, lags)
    rho, kept = seen.copy(), 1.0
    for _ in range(CORRECTION_ROUNDS):
        kept, expected = _simulated(rho, blocks.shape[1])
        rho = np.clip(rho + seen - expected, -1.0, 1.0)
    return BlockFit(
        line=line.scaled(1 / kept),
        slope_error=slope_error / kept,
        intercept_error=intercept_error / kept,
        least=least / kept,
        correlation=rho,
        correlation_error=max(rho_errors),
        scan_line=scan_line_share(scaled),
        means=means,
        residuals=residuals,
    )


def _in_sigmas(means: Floats, residuals: Floats, line: VarianceLine, least: float) -> Floats:
    """Return (M, side, side) residuals in units of the noise's standard deviation at (M,) intensities."""
    scaled: Floats = residuals / np.sqrt(np.maximum(line.at(means), least))[:, None, None]
    return scaled


def _errors_of_fit(means: Floats, variances: Floats, residuals: Floats) -> list[float]:
    """Return the standard errors of slope, intercept, and the correlations at lag 1 in x and in y.

    `means` and `variances` are (M,), `residuals` (M, side, side), all in the order of the image.
    """

    def figures(band: Members) -> tuple[float, ...]:
        quiet = quiet_blocks(means[band], variances[band])
        line, least = line_through(means[band], variances[band], quiet)
        members = band[np.concatenate(quiet)]
        rho = autocorrelation(_in_sigmas(means[members], residuals[members], line, least), 1)
        return line.slope, line.intercept, float(rho[1, 2]), float(rho[2, 1])

    return standard_errors(len(means), figures)


def _simulated(rho: Floats, side: int) -> tuple[float, Floats]:
    """Return what the steps of `fit_blocks` make of noise of variance 1 and a known correlation.

    The noise is white noise filtered in Fourier space, on a torus of twice the side of a block.

    Parameters
    ----------
    rho : ndarray
        (2L+1, 2L+1) true autocorrelation.
    side : int
        Side of a block in pixels.

    Returns
    -------
    variance : float
        Mean variance of the quietest blocks; less than 1.
    correlation : ndarray
        (2L+1, 2L+1) autocorrelation of those blocks.
    """
    lags = len(rho) // 2
    torus = 2 * side
    kernel = np.zeros((torus, torus))
    offsets = np.arange(-lags, lags + 1)
    kernel[np.ix_(offsets % torus, offsets % torus)] = rho
    filtered = _white_spectra(torus) * np.sqrt(np.maximum(fft.rfft2(kernel).real, 0.0)).astype(np.float32)
    noise = fft.irfft2(filtered, s=(torus, torus), overwrite_x=True)
    residuals = detrend(noise[:, :side, :side] / noise.std())
    variances = (residuals**2).mean((1, 2))
    quiet = variances <= np.quantile(variances, QUIET_SHARE)
    return float(variances[quiet].mean()), autocorrelation(residuals[quiet], lags)


@functools.lru_cache(maxsize=1)
def _white_spectra(torus: int) -> npt.NDArray[np.complex64]:
    """Return the Fourier transforms of the white noise that is filtered, the same for every correlation.

    Kept for the next round and plane: making them is half of the work of measuring a small plane.

    Parameters
    ----------
    torus : int
        Side in pixels.

    Returns
    -------
    ndarray
        (SIMULATED_BLOCKS, torus, torus // 2 + 1), read-only. Single precision is a thousand times
        finer than a mean over so many blocks.
    """
    white = np.random.default_rng(0).standard_normal((SIMULATED_BLOCKS, torus, torus))
    spectra: npt.NDArray[np.complex64] = fft.rfft2(white.astype(np.float32))
    spectra.flags.writeable = False
    return spectra
