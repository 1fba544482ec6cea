"""White noise under texture that leaves no part of the image quiet.

Texture fills low frequencies and leaves the highest ones to the noise. White noise shows there as a floor
that is flat, where correlated noise keeps falling. Where the floor is flat, its level is the noise's,
whatever lies above it. Blocks that are quiet at low frequencies are looked at, at frequencies that had no
part in their choice, so that nothing is biased by it. Scanning detectors are a little slower than their
pixels: the weak correlation along one axis that this gives is measured too, as the difference between the
highest frequencies in x and in y.

Noise that is strongly correlated, or hidden in texture of all frequencies, is not for this module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import dctn

from napari_blindspot.noise.blocks import VarianceLine, line_through, quiet_blocks, standard_errors

if TYPE_CHECKING:
    from napari_blindspot.noise.blocks import Floats, Members

__all__ = ["WhiteFloor", "white_floor"]

LOW_FREQUENCY = 0.4
"""Cycles per pixel. The power below decides which blocks are quiet."""

FLOOR_FREQUENCY, FLOOR_SPLIT_FREQUENCY = 0.5, 0.58
"""Cycles per pixel. The floor is the power from the first on, and it is flat if the power on either side of
the second is the same. Both lie in the corners of the spectrum; docs/benchmarks/noise.md says why."""

FAST_FREQUENCY, SLOW_FREQUENCY = 0.38, 0.2
"""Cycles per pixel. Noise is compared between the directions where its frequency along one axis is at least
the first, and along the other below the second."""

FLOOR_FALL = (0.09, 0.15)
"""Logarithm of the power below `FLOOR_SPLIT_FREQUENCY` over that above. Up to the first value the floor
counts as flat, from the second on as not flat. It is 0.20 for noise with a correlation of 0.2 between next
pixels and 0.7 for a wide-field camera's with 0.6. The first three tables of docs/benchmarks/noise.md, by
``docs/benchmarks/noise.py texture``, were measured with these limits."""

AXES_LOG_RATIO = (0.3, 0.5)
"""Logarithm of the power of frequencies fast in y over those fast in x. Up to the first value the noise
counts as nearly white, from the second on as correlated along one axis, for which this module is not made.
It is 0.8 for noise with a correlation of 0.2 along its rows. Same tables."""


@dataclass(frozen=True, slots=True)
class WhiteFloor:
    """The floor under the spectra of an image's quietest blocks.

    Attributes
    ----------
    line : VarianceLine
        Its variance (as that of white noise at all frequencies) over intensity.
    least : float
        Least variance the line is to be trusted with.
    slope_error, intercept_error : float
        Standard errors of the line.
    along_y, along_x : float
        Correlation with the next pixel; one of them is 0.
    flatness : float
        From 0, not flat, to 1, flat: how far the noise is to be believed so white.
    """

    line: VarianceLine
    least: float
    slope_error: float
    intercept_error: float
    along_y: float
    along_x: float
    flatness: float


def white_floor(means: Floats, residuals: Floats) -> WhiteFloor:
    """Measure the floor of blocks.

    Parameters
    ----------
    means : ndarray
        (M,) mean intensities.
    residuals : ndarray
        (M, side, side), the blocks without their trend, in the order of the image.
    """
    side = residuals.shape[1]
    fy, fx = np.mgrid[:side, :side] / (2 * side)
    frequency = np.hypot(fy, fx)
    high, highest = frequency >= FLOOR_FREQUENCY, frequency >= FLOOR_SPLIT_FREQUENCY
    power = dctn(residuals, axes=(1, 2), norm="ortho") ** 2
    activity = power[:, (frequency > 0) & (frequency < LOW_FREQUENCY)].mean(1)
    variances = power[:, high].mean(1)

    def fit(members: Members) -> tuple[VarianceLine, float, Members]:
        quiet = quiet_blocks(means[members], activity[members])
        line, least = line_through(means[members], variances[members], quiet)
        return line, least, members[np.concatenate(quiet)]

    def figures(members: Members) -> tuple[float, float]:
        line, *_ = fit(members)
        return line.slope, line.intercept

    line, least, quiet = fit(np.arange(len(means)))
    slope_error, intercept_error = standard_errors(len(means), figures)
    scale = np.maximum(line.at(means[quiet]), least)
    # Clean or saturated blocks have no power at all; what is left of it is then no floor.
    usable = scale > 0
    if not usable.any():
        return WhiteFloor(line, least, slope_error, intercept_error, 0.0, 0.0, 0.0)
    spectrum = (power[quiet[usable]] / scale[usable, None, None]).mean(0)
    fall = _log_ratio(spectrum[high & ~highest].mean(), spectrum[highest].mean())
    fast_x = (fx >= FAST_FREQUENCY) & (fy < SLOW_FREQUENCY)
    slant = _log_ratio(spectrum[fast_x.T].mean(), spectrum[fast_x].mean())
    flatness = _trust(fall, FLOOR_FALL) * _trust(abs(slant), AXES_LOG_RATIO)
    # The spectrum of noise that next pixels of a row share is 1 + 2 rho cos(2 pi fx).
    cosine = np.cos(2 * np.pi * fx)
    ratio = math.exp(min(abs(slant), AXES_LOG_RATIO[1]))
    rho = (ratio - 1) / 2 / (cosine[fast_x.T].mean() - ratio * cosine[fast_x].mean())
    missed = 1 + 2 * rho * float(cosine[high].mean())
    return WhiteFloor(
        line=line.scaled(1 / missed),
        least=least / missed,
        slope_error=slope_error / missed,
        intercept_error=intercept_error / missed,
        along_y=rho if slant < 0 else 0.0,
        along_x=rho if slant > 0 else 0.0,
        flatness=flatness,
    )


def _log_ratio(a: float, b: float) -> float:
    """Return the logarithm of the ratio of two powers; infinite where one of them is not positive."""
    return math.log(a / b) if a > 0 and b > 0 else math.inf


def _trust(value: float, limits: tuple[float, float]) -> float:
    """Return 1 up to the first limit, 0 from the second on, and a ramp between them."""
    return float(np.clip((limits[1] - value) / (limits[1] - limits[0]), 0.0, 1.0))
