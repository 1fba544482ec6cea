"""Noise measured once more, on what a blind prediction leaves: also where no bright block is quiet.

A plane by itself is measured where it is quiet (`napari_blindspot.noise.estimate`). Where all that is
bright is small, nothing bright is quiet, and the growth of the noise with intensity is missed. A prediction
of each pixel by others takes the structure away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from napari_blindspot.noise.blocks import MEDIAN_OF_SQUARES, diagonal_differences

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.float64]

__all__ = ["noise_of_residual"]

BINS, FEWEST = 40, 12
"""Ranges of intensity at most, and the fewest differences in one. Conventions."""

ROUNDS = 20
"""Rounds in which the weights of the ranges follow the line."""

MANY_PHOTONS = 3.0
"""Photons from which on counts are nearly normal. A convention."""

LEFT_STRUCTURE = 0.15
"""Error of the slope that structure in the residual makes, relative to it: it was 0 to 0.25 on stacks with
known noise (docs/benchmarks/stacks.md)."""

CONTRADICTION = 2.0
"""Standard errors by which two slopes differ where one must be wrong."""

LEAST_SHARE = 0.3
"""Share of the least variance of all ranges below which no range is expected to be."""


def noise_of_residual(
    noise: NoiseModel, observed: npt.NDArray[Any], blind: Floats, left_out: npt.NDArray[np.bool_]
) -> NoiseModel:
    """Return a noise model whose variance follows the residual of a blind prediction as well.

    Diagonal differences of the residual are compared with the intensity that was predicted there, because
    errors of a prediction are smooth. Both lines are averaged by their errors; where they contradict each
    other, that of the residual holds. White noise only.

    Parameters
    ----------
    noise : NoiseModel
        Of the plane by itself.
    observed : ndarray
        (Y, X), intensities.
    blind : ndarray
        (Y, X), every pixel predicted without itself, in intensities.
    left_out : ndarray
        (Y, X) bool, pixels that tell nothing.
    """
    residual = np.where(left_out, np.nan, np.asarray(observed, np.float64) - blind)
    squares = diagonal_differences(residual).ravel() ** 2
    # The mean over the same four pixels.
    level = (blind[:-1, :-1] + blind[1:, :-1] + blind[:-1, 1:] + blind[1:, 1:]).ravel() / 4
    known = np.isfinite(squares)
    line = _line(level[known], squares[known])
    if line is None:
        return noise
    gain, offset, gain_error, offset_error = line
    doubt = gain_error**2 + (LEFT_STRUCTURE * gain) ** 2
    apart = abs(gain - noise.gain) > CONTRADICTION * (doubt + noise.gain_error**2) ** 0.5
    share = 1.0 if apart else noise.gain_error**2 / max(noise.gain_error**2 + doubt, 1e-300)
    gain = share * gain + (1 - share) * noise.gain
    offset = share * offset + (1 - share) * noise.offset
    middle = float(np.median(level[known]))
    return replace(
        noise,
        gain=gain,
        gain_error=(share * doubt) ** 0.5,
        offset=offset,
        offset_error=share * offset_error + (1 - share) * noise.offset_error,
        sigma=float(np.sqrt(max(gain * middle + offset, 0.0))),
    )


def _line(level: Floats, squares: Floats) -> tuple[float, float, float, float] | None:
    """Return slope and offset of squares over levels, and their standard errors; None of too few."""
    if len(level) < 2 * FEWEST:
        return None
    centres, means, medians, counts = _ranges(level, squares)
    dark = centres.min()
    least = LEAST_SHARE * float(means[means > 0].min(initial=np.inf))
    if not np.isfinite(least):
        return None
    design = np.stack([centres - dark, np.ones_like(centres)], axis=1)
    expected = np.full_like(means, float(np.average(means, weights=counts)))
    slope = 0.0
    for number in range(ROUNDS):
        if number == ROUNDS // 2:
            # Structure that was missed makes a few differences large; few photons do the same in the dark.
            bright = centres - dark > MANY_PHOTONS * slope
            means = np.where(bright, np.minimum(means, medians), means)
        # The variance of a mean of n squares of normal numbers is 2 / n of its own square.
        weight = np.sqrt(counts / 2) / np.maximum(expected, least)
        (slope, floor), _ = nnls(design * weight[:, None], means * weight)
        expected = design @ np.array([slope, floor])
    covariance = np.linalg.pinv((design * weight[:, None]).T @ (design * weight[:, None]))
    errors = np.sqrt(np.diag(covariance))
    return float(slope), float(floor - slope * dark), float(errors[0]), float(errors[1])


def _ranges(level: Floats, squares: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return centre, mean square, the same by the median, and number of differences in each range."""
    order = np.argsort(level)
    level, squares = level[order], squares[order]
    edges = np.searchsorted(level, np.linspace(level[0], level[-1], BINS + 1)[1:-1])
    bounds = [0]
    for edge in edges:
        if edge - bounds[-1] >= FEWEST:
            bounds.append(int(edge))
    if len(level) - bounds[-1] < FEWEST and len(bounds) > 1:
        bounds.pop()
    sizes = np.diff([*bounds, len(level)]).astype(np.float64)
    sums = (np.add.reduceat(values, bounds) for values in (level, squares))
    centres, means = (total / sizes for total in sums)
    medians = [float(np.median(part)) for part in np.split(squares, bounds[1:])]
    return centres, means, np.array(medians) / MEDIAN_OF_SQUARES, sizes
