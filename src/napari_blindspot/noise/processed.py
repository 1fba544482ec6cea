"""Pixels that are no raw data: repeated, interpolated, compressed, median-filtered, sharpened, or rounded.

On such a plane the noise is not what `napari_blindspot.noise.estimate` takes it for, so that a fit copies
or blurs it. The thresholds are beside what they separate in the table "Inputs that are no raw data" of
docs/benchmarks/noise.md, by ``docs/benchmarks/noise.py doubts``. What is found is said and not mended;
stripes, which can be taken out, belong to `napari_blindspot.noise.stripes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erf

from napari_blindspot.core.notices import Notice
from napari_blindspot.noise.blocks import detrend, finite_blocks

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.float64]

__all__ = ["Traces", "compressed_in_blocks", "doubt_about", "traces_of"]

MIN_REPEATED = 0.1
"""Share of the lines that equal the one before in every pixel."""

MAX_ALIKE = 0.9
"""Share of equal pixels in the other pairs of lines, above which a repetition may be chance."""

MIN_INTERPOLATED = 1.5
"""Curvature of every second line over that of the lines between."""

MIN_BLOCKED, MIN_BLOCKED_ERRORS = 1.05, 1.2
"""Roughness at the edges of blocks of 8 lines over that between any other two lines, and by how many of its
standard errors it is larger; both along both axes (docs/benchmarks/noise.md)."""

MIN_BLOCKS = 8
"""Blocks of 8 lines along the shorter side of the smallest plane that is looked at for them. A convention:
on fewer, chance comes up to the threshold."""

MIN_EQUAL, MIN_EQUAL_EXCESS = 0.1, 1.5
"""Share of neighbours of exactly one value where noise is correlated, and that share over the one that
Gaussian noise of the same strength, correlation and rounding has."""

MAX_SHARPENED = -0.1
"""Correlation of next pixels, below which a plane was sharpened."""

FEW_LEVELS = 1.0
"""Standard deviation of the noise in units of the step between values, below which it was rounded away."""

MIN_PHOTON_VARIANCE = 0.6
"""Median variance of blocks over their mean, in units of the step, from which on steps are photons."""

BLOCK = 8
"""Lines of a block of a compressed image."""

MIN_LINES = 32
"""Lines of the smallest plane that is looked at. A convention."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What processing leaves in a plane; pairs are along y and along x.

    Attributes
    ----------
    repeated : tuple of float
        Share of the lines that equal the one before; 0 where that may be chance.
    interpolated : tuple of float
        Curvature of every second line over that of the others.
    blocked, blocked_errors : tuple of float
        Roughness at the edges of blocks of 8 lines over that anywhere else, and by how many standard errors
        it is larger.
    equal, equal_excess : float
        Share of neighbours of one value, and that over what the measured noise explains.
    correlation : float
        Least correlation of next pixels, with two standard errors added; 0 where it was not measured.
    levels : float
        Noise in units of the step between values; infinite where steps are photons or nothing was measured.
    """

    repeated: tuple[float, float]
    interpolated: tuple[float, float]
    blocked: tuple[float, float]
    blocked_errors: tuple[float, float]
    equal: float
    equal_excess: float
    correlation: float
    levels: float


def doubt_about(plane: npt.NDArray[np.generic], noise: NoiseModel) -> Notice | None:
    """Say why the noise of a plane may not be what it was measured to be; None where there is no reason.

    Parameters
    ----------
    plane : ndarray
        (Y, X) integer or float; NaN where a pixel is missing or blank.
    noise : NoiseModel
        Measured on it.
    """
    if min(plane.shape) < MIN_LINES:
        return None
    traces = traces_of(plane, noise)
    if max(traces.repeated) >= MIN_REPEATED:
        rows, columns = (round(1 / (1 - min(share, 0.99))) for share in traces.repeated)
        if max(rows, columns) > 1:
            return Notice("pixels-repeated", {"rows": rows, "columns": columns})
        lines = "rows" if traces.repeated[0] >= MIN_REPEATED else "columns"
        return Notice("lines-repeated", {"lines": lines, "share": max(traces.repeated)})
    if max(traces.interpolated) >= MIN_INTERPOLATED:
        return Notice("pixels-interpolated")
    if _has_edges(traces.blocked, traces.blocked_errors):
        return Notice("compressed-in-blocks")
    if noise.is_correlated and traces.equal >= MIN_EQUAL and traces.equal_excess >= MIN_EQUAL_EXCESS:
        return Notice("median-filtered")
    if traces.correlation < MAX_SHARPENED:
        return Notice("sharpened")
    if traces.levels < FEW_LEVELS:
        return Notice("few-levels", {"levels": traces.levels})
    return None


def traces_of(plane: npt.NDArray[np.generic], noise: NoiseModel) -> Traces:
    """Measure the traces of processing in a plane, (Y, X)."""
    y = np.asarray(plane, np.float64)
    step, common = _step(y), float(np.nanmedian(y))
    equal, excess = _equal(y, noise, step)
    photons = _photons(y, step)
    blocked, errors = _blocked_both_ways(y)
    return Traces(
        repeated=(_repeated(y, common), _repeated(y.T, common)),
        interpolated=(_interpolated(y), _interpolated(y.T)),
        blocked=blocked,
        blocked_errors=errors,
        equal=equal,
        equal_excess=excess,
        correlation=_least_correlation(noise),
        levels=noise.sigma / step if noise.measured and step > 0 and not photons else math.inf,
    )


def _repeated(y: Floats, common: float) -> float:
    """Return the share of the lines of (Y, X) that equal the one before; 0 where that may be chance.

    Lines that show little but the `common` value, the median of the plane, are not counted.
    """
    known = np.isfinite(y[1:]) & np.isfinite(y[:-1])
    varied = known & (y[1:] != common)
    seen = varied.sum(1) >= MIN_LINES // 2
    if not seen.any():
        return 0.0
    alike = ((y[1:] == y[:-1]) & known).sum(1)[seen] / known.sum(1)[seen]
    same = alike == 1
    others = alike[~same]
    if len(others) == 0 or np.median(others) > MAX_ALIKE:
        return 0.0
    return float(same.mean())


def _interpolated(y: Floats) -> float:
    """Return the larger of the curvatures of even and odd lines of (Y, X) over the smaller."""
    curved = np.abs(y[:-2] - 2 * y[1:-1] + y[2:])
    even, odd = (
        np.nanmean(half) if np.isfinite(half).any() else 0.0 for half in (curved[::2], curved[1::2])
    )
    low, high = sorted((float(even), float(odd)))
    return high / low if low > 0 else 1.0 if high == 0 else math.inf


def compressed_in_blocks(plane: npt.NDArray[np.generic]) -> bool:
    """Whether a plane, (Y, X), has the edges every 8 pixels that JPEG leaves."""
    return _has_edges(*_blocked_both_ways(np.asarray(plane, np.float64)))


def _has_edges(blocked: tuple[float, float], errors: tuple[float, float]) -> bool:
    return min(blocked) >= MIN_BLOCKED and min(errors) >= MIN_BLOCKED_ERRORS


def _blocked_both_ways(y: Floats) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first figures of `_blocked` along y and x, and the second ones."""
    (rows, row_errors), (columns, column_errors) = _blocked(y), _blocked(y.T)
    return (rows, columns), (row_errors, column_errors)


def _blocked(y: Floats) -> tuple[float, float]:
    """Return the roughness at the edges of blocks of 8 lines of (Y, X) over the second largest of 8.

    It is the median over lines, because a single sharp edge is no edge of blocks. The second figure is by
    how many of its standard errors it is larger than that: few photons make some lines rough by chance.
    """
    rough = np.abs(y[:-3] - 3 * y[1:-2] + 3 * y[2:-1] - y[3:])
    known = np.isfinite(rough)
    lines = np.sum(np.where(known, rough, 0.0), axis=1) / np.maximum(np.sum(known, axis=1), 1)
    seen = np.any(known, axis=1)
    phases = [lines[phase::BLOCK][seen[phase::BLOCK]] for phase in range(BLOCK)]
    if min(y.shape) < MIN_BLOCKS * BLOCK or not all(phase.size for phase in phases):
        return 1.0, 0.0
    *_, (low, doubt), (high, error) = sorted((float(np.median(phase)), _error(phase)) for phase in phases)
    error = math.hypot(doubt, error)
    errors = (high - low) / error if error > 0 else math.inf if high > low else 0.0
    return high / low if low > 0 else 1.0, errors


def _error(values: Floats) -> float:
    """Return the standard error of the median of normal numbers with the spread of these."""
    return float(values.std()) * math.sqrt(math.pi / 2 / len(values))


def _step(y: Floats) -> float:
    """Return the least distance of two values of (Y, X); 0 where there is one value only."""
    values = np.unique(y[np.isfinite(y)])
    return float(np.diff(values).min()) if len(values) > 1 else 0.0


def _equal(y: Floats, noise: NoiseModel, step: float) -> tuple[float, float]:
    """Return the share of neighbours of one value in (Y, X), and that over what the noise explains."""
    pairs = np.isfinite(y[:, 1:]) & np.isfinite(y[:, :-1])
    if not noise.measured or not pairs.any():
        return 0.0, 1.0
    equal = float((y[:, 1:] == y[:, :-1])[pairs].mean())
    spread = np.sqrt(noise.variance(y[:, :-1][pairs]) * 2 * max(1 - noise.neighbour_correlation, 0.05))
    expected = float(erf(step / 2 / np.maximum(spread, 1e-9 * step + 1e-300) / math.sqrt(2)).mean())
    return equal, equal / max(expected, 1e-6)


def _least_correlation(noise: NoiseModel) -> float:
    c = len(noise.correlation) // 2
    if not noise.measured or c == 0:
        return 0.0
    least = min(noise.correlation[c, c + 1], noise.correlation[c + 1, c])
    return float(least) + 2 * noise.correlation_error


def _photons(y: Floats, step: float) -> bool:
    """Whether the steps of (Y, X) may be photons: from 0 on, with a variance like the mean."""
    blocks = finite_blocks(y[None], BLOCK)
    blocks = blocks[blocks.any((1, 2))]
    if len(blocks) == 0 or np.nanmin(y) != 0:
        return False
    ratio = (detrend(blocks) ** 2).mean((1, 2)) / blocks.mean((1, 2)) / step
    return bool(np.median(ratio) >= MIN_PHOTON_VARIANCE)
