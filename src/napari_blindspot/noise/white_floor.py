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

from napari_blindspot.noise.blocks import Line, line_through, quiet_blocks, standard_errors

if TYPE_CHECKING:
    from napari_blindspot.noise.blocks import Floats, Members

__all__ = ["WhiteFloor", "white_floor"]

LOW = 0.4
"""Frequencies below it, in cycles per pixel, decide which blocks are quiet."""

HIGH, HIGHEST = 0.5, 0.58
"""The floor is measured from the first on; that it is flat, on either side of the second."""

FALL = (0.09, 0.15)
"""Fall of the floor, as a logarithm, up to which it is flat and from which on it is not: 0.20 for noise
with a correlation of 0.2 between next pixels, 0.7 for a wide-field camera's with 0.6."""

SLANT = (0.3, 0.5)
"""Likewise for the ratio of y to x, 0.8 for noise with a correlation of 0.2 along its rows. Beyond, the
correlation is no longer weak."""


@dataclass(frozen=True, slots=True)
class WhiteFloor:
    """The floor under the spectra of an image's quietest blocks.

    Attributes
    ----------
    line : Line
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

    line: Line
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
        (N,) mean intensities.
    residuals : ndarray
        (N, side, side), the blocks without their trend, in the order of the image.
    """
    side = residuals.shape[1]
    fy, fx = np.mgrid[:side, :side] / (2 * side)
    frequency = np.hypot(fy, fx)
    high, highest = frequency >= HIGH, frequency >= HIGHEST
    power = dctn(residuals, axes=(1, 2), norm="ortho") ** 2
    activity = power[:, (frequency > 0) & (frequency < LOW)].mean(1)
    variances = power[:, high].mean(1)

    def fit(members: Members) -> tuple[Line, float, Members]:
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
    fast_x = (fx >= 0.38) & (fy < 0.2)
    slant = _log_ratio(spectrum[fast_x.T].mean(), spectrum[fast_x].mean())
    flatness = _descent(fall, FALL) * _descent(abs(slant), SLANT)
    # The spectrum of noise that next pixels of a row share is 1 + 2 rho cos(2 pi fx).
    cosine = np.cos(2 * np.pi * fx)
    ratio = math.exp(min(abs(slant), SLANT[1]))
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
    return math.log(a / b) if a > 0 and b > 0 else math.inf


def _descent(value: float, limits: tuple[float, float]) -> float:
    """Return 1 up to the first limit, 0 from the second on, and a ramp between them."""
    return float(np.clip((limits[1] - value) / (limits[1] - limits[0]), 0.0, 1.0))
