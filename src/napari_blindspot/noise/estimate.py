"""The noise of an image, measured from the noisy pixels alone.

Variance against intensity (Poisson-Gaussian: gain and offset), autocorrelation, scan lines, clipping. It
decides nothing: what follows from it for a fit belongs to `napari_blindspot.noise.gap_choice`.

The idea is that structure only adds variance. Blocks are freed from their smooth part; in every range of
intensity the quietest tenth of them is taken to hold noise alone, and the bias of choosing the quietest
is undone. Where texture leaves no block quiet, white noise is measured by
`napari_blindspot.noise.white_floor` instead. Foi et al., "Practical Poissonian-Gaussian Noise Modeling and
Fitting" (IEEE TIP 2008) fit the same line to level sets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.noise_model import CORRELATED, NoiseModel, next_pixel_correlation
from napari_blindspot.noise.blocks import (
    QUIETEST,
    Line,
    cut,
    detrend,
    line_through,
    quiet_blocks,
    standard_errors,
)
from napari_blindspot.noise.photon_counts import FEWEST, counts_photons
from napari_blindspot.noise.white_floor import white_floor

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["estimate_noise"]

BLOCK = 16
"""Side of a block in pixels: long enough for the correlation, short enough to find flat ones."""

LAGS = 4
"""Longest lag of the autocorrelation, in pixels."""

MOST_GROWTH = 1.3
"""How much more variance longer blocks may show before it is taken for structure."""

SHORT, LONG = 12, 24
"""Sides of the blocks that show by their difference how much texture there is."""

TEXTURED, TOLD = (1.1, 0.5), 0.72
"""How much more variance the long ones show where texture leaves none of them quiet, as a line over the
correlation of next neighbours, and up to which correlation that tells. A tail of the noise, which is the
trend of a short block, makes some of it too; of wide noise nearly all."""

ENOUGH = 10
"""Long blocks side by side below which their variance is known too badly for that."""

SIMULATED = 1500
"""Blocks of pure noise that are put through the procedure to learn its bias."""

CORRECTIONS = 4
"""How often the correlation is corrected by that; it converges by a factor of about 5 each time."""

EXCESS = (0.03, 0.1)
"""How much more variance than a white floor the quietest blocks may show by chance, and from which on that
is structure."""


def estimate_noise(image: npt.ArrayLike, lags: int = LAGS) -> NoiseModel:
    """Measure the noise of one plane, or of a stack of planes of one kind.

    Parameters
    ----------
    image : array_like
        (…, Y, X) integer or float. Blocks with NaN are left out.
    lags : int
        Longest lag of the autocorrelation.

    Returns
    -------
    NoiseModel
        In the units of the image; `measured` is False where nothing could be measured (a constant, tiny
        or completely saturated plane), and the other figures are then 0.
    """
    planes = np.asarray(image, np.float64)
    planes = planes.reshape(-1, *planes.shape[-2:])
    finite = planes[np.isfinite(planes)]
    if finite.size == 0 or finite.min() == finite.max():
        return _nothing()
    low, high, median = finite.min(), finite.max(), np.median(finite)
    side = min(BLOCK, min(planes.shape[-2:]) // 2)
    lags = min(lags, side // 2 - 1)
    blocks = cut(planes, side)
    clipped_low = 0.0 if counts_photons(blocks) else _piled_up(finite, low, 0.002)
    clipped_high = _piled_up(finite, high, 0.0005)
    blocks = blocks[((blocks >= high).mean((1, 2)) <= 0.02) | (clipped_high == 0)]
    free = blocks[((blocks <= low).mean((1, 2)) <= 0.08) | (clipped_low == 0)]
    # What is dark everywhere is measured as it is: a little clipped, but not unmeasurable.
    blocks = free if len(free) >= FEWEST else blocks
    fit = _fit_blocks(blocks, lags)
    if fit is None:
        return _nothing(clipped_low, clipped_high)
    fit, textured = _on_its_floor(fit), False
    if next_pixel_correlation(fit.correlation) > CORRELATED and min(planes.shape[-2:]) >= 4 * BLOCK:
        short = _short_under_texture(fit, planes)
        textured = short is not None
        # A long tail needs longer blocks: what a block is shorter than looks like its trend. But where the
        # image is full of structure, no long block is free of it, and the variance gives that away.
        wide = None if short else _fit_blocks(cut(planes, 2 * BLOCK), 2 * LAGS)
        if short:
            fit = short
        elif wide and wide.line.at(median) <= MOST_GROWTH * fit.line.at(median):
            fit = wide
    middle = float(fit.line.at(median))
    return NoiseModel(
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


@dataclass(frozen=True, slots=True)
class _Fit:
    """The line of variance over intensity and the correlation that one size of blocks gives."""

    line: Line
    slope_error: float
    intercept_error: float
    least: float
    correlation: Floats
    correlation_error: float
    scan_line: float
    means: Floats
    residuals: Floats


def _fit_blocks(blocks: Floats, lags: int) -> _Fit | None:
    """Measure line and correlation together; None where too few blocks vary at all.

    Freeing blocks from their trend and choosing the quietest biases variance and correlation, the more so
    the longer the correlation. So pure noise of the correlation found so far is put through the same
    procedure, and the difference corrects the measurement.
    """
    if len(blocks) == 0:
        return None
    means = blocks.mean((1, 2))
    residuals = detrend(blocks)
    variances = (residuals**2).mean((1, 2))
    usable = variances > 0
    if usable.sum() < 4:
        return None
    means, variances, residuals = means[usable], variances[usable], residuals[usable]
    quiet = quiet_blocks(means, variances)
    line, least = line_through(means, variances, quiet)
    members = np.concatenate(quiet)
    scaled = _scaled(means[members], residuals[members], line, least)
    slope_error, intercept_error, *rho_errors = _standard_errors(means, variances, residuals)
    seen = _autocorrelation(scaled, lags)
    rho, kept = seen.copy(), 1.0
    for _ in range(CORRECTIONS):
        kept, expected = _through_the_procedure(rho, blocks.shape[1])
        rho = np.clip(rho + seen - expected, -1.0, 1.0)
    return _Fit(
        line=line.scaled(1 / kept),
        slope_error=slope_error / kept,
        intercept_error=intercept_error / kept,
        least=least / kept,
        correlation=rho,
        correlation_error=max(rho_errors),
        scan_line=_scan_line(scaled),
        means=means,
        residuals=residuals,
    )


def _short_under_texture(fit: _Fit, planes: Floats) -> _Fit | None:
    """Measure on short blocks where correlated noise is mixed with texture in every block; else None.

    Texture is correlated too, and with it the variance grows with the side of the blocks, since detrending
    takes most from the shortest.
    """
    correlation = next_pixel_correlation(fit.correlation)
    if correlation > TOLD or min(planes.shape[-2:]) < ENOUGH * LONG:
        return None
    short, long = _fit_blocks(cut(planes, SHORT), LAGS), _fit_blocks(cut(planes, LONG), LAGS)
    if short is None or long is None:
        return None
    values = planes[np.isfinite(planes)]
    less, more = (np.maximum(each.line.at(values), each.least).mean() for each in (short, long))
    return short if more > (TEXTURED[0] + TEXTURED[1] * correlation) * less else None


def _on_its_floor(fit: _Fit) -> _Fit:
    """Replace a fit by the white floor under it, as far as that is flat and lies clearly lower."""
    floor = white_floor(fit.means, fit.residuals)
    above = np.maximum(fit.line.at(fit.means), fit.least).sum()
    below = np.maximum(floor.line.at(fit.means), floor.least).sum()
    if below <= 0:
        return fit
    share = floor.flatness * float(np.interp(above / below - 1, EXCESS, (0.0, 1.0)))
    white, c = np.zeros_like(fit.correlation), len(fit.correlation) // 2
    white[c, c] = 1.0
    if c:
        white[c - 1, c] = white[c + 1, c] = floor.along_y
        white[c, c - 1] = white[c, c + 1] = floor.along_x

    def mixed(of_fit: Any, of_floor: Any) -> Any:
        return (1 - share) * of_fit + share * of_floor

    # Variances add; correlations do so with their variances.
    part = share * below / mixed(above, below)
    return replace(
        fit,
        line=Line(mixed(fit.line.slope, floor.line.slope), mixed(fit.line.intercept, floor.line.intercept)),
        slope_error=mixed(fit.slope_error, floor.slope_error),
        intercept_error=mixed(fit.intercept_error, floor.intercept_error),
        least=mixed(fit.least, floor.least),
        correlation=(1 - part) * fit.correlation + part * white,
    )


def _scaled(means: Floats, residuals: Floats, line: Line, least: float) -> Floats:
    """Return the residuals of blocks in units of the noise's standard deviation."""
    scaled: Floats = residuals / np.sqrt(np.maximum(line.at(means), least))[:, None, None]
    return scaled


def _standard_errors(means: Floats, variances: Floats, residuals: Floats) -> list[float]:
    """Return the standard errors of slope, intercept and the correlations in x and y."""

    def figures(band: npt.NDArray[np.intp]) -> tuple[float, ...]:
        quiet = quiet_blocks(means[band], variances[band])
        line, least = line_through(means[band], variances[band], quiet)
        members = band[np.concatenate(quiet)]
        rho = _autocorrelation(_scaled(means[members], residuals[members], line, least), 1)
        return line.slope, line.intercept, float(rho[1, 2]), float(rho[2, 1])

    return standard_errors(len(means), figures)


def _through_the_procedure(rho: Floats, side: int) -> tuple[float, Floats]:
    """Return the variance (of 1) and the autocorrelation that noise of correlation `rho` would show."""
    lags = len(rho) // 2
    torus = 2 * side
    kernel = np.zeros((torus, torus))
    offsets = np.arange(-lags, lags + 1)
    kernel[np.ix_(offsets % torus, offsets % torus)] = rho
    spectrum = np.maximum(np.fft.rfft2(kernel).real, 0.0)
    white = np.random.default_rng(0).standard_normal((SIMULATED, torus, torus))
    noise = np.fft.irfft2(np.fft.rfft2(white) * np.sqrt(spectrum), s=(torus, torus))
    noise /= noise.std()
    residuals = detrend(noise[:, :side, :side])
    variances = (residuals**2).mean((1, 2))
    quiet = variances <= np.quantile(variances, QUIETEST)
    return float(variances[quiet].mean()), _autocorrelation(residuals[quiet], lags)


def _nothing(clipped_low: float = 0.0, clipped_high: float = 0.0) -> NoiseModel:
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


def _piled_up(values: Floats, limit: float, least: float) -> float:
    """Return the fraction of pixels at a limit, or 0 where so few are no sign of clipping."""
    fraction = float((values == limit).mean())
    return fraction if fraction > least else 0.0


def _autocorrelation(blocks: Floats, lags: int) -> Floats:
    """Return the autocorrelation of blocks, (2 * lags + 1)², its centre 1."""
    side = blocks.shape[1]
    rho = np.zeros((2 * lags + 1, 2 * lags + 1))
    for dy in range(lags + 1):
        for dx in range(-lags, lags + 1):
            here = blocks[:, : side - dy, max(0, -dx) : side - max(0, dx)]
            there = blocks[:, dy:, max(0, dx) : side + min(0, dx)]
            rho[lags + dy, lags + dx] = rho[lags - dy, lags - dx] = (here * there).mean()
    rho /= rho[lags, lags]
    return rho


def _scan_line(blocks: Floats) -> float:
    """Return the variance of row means over that of column means, which white noise makes equal.

    The trend that was removed leaves both with three degrees of freedom less than there are rows.
    """
    side = blocks.shape[1]
    rows, columns = ((blocks.mean(axis) ** 2).sum(1).mean() / (side - 3) for axis in (2, 1))
    return float(np.clip((rows - columns) / (blocks**2).mean(), 0.0, 1.0))
