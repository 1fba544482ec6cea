"""Stripes of a fixed period that run through a whole plane along its rows or columns: a disturbance.

`napari_blindspot.noise.scan_lines` finds offsets of which no line knows of the next; these repeat. Three
things tell them from structure: they are a sharp line in the spectrum, they are equally strong and in step
from one side of the plane to the other, and they are there in its quiet parts. Finding them belongs here;
subtracting them belongs to `napari_blindspot.engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma
from napari_blindspot.noise.scan_lines import LineOffsets, line_offsets

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["in_step", "stripe_offsets"]

LONGEST_PERIOD = 16
"""Lines. A convention: what is slower cannot be told from structure."""

STRIPS = 4
"""Parts, side by side along the lines, that are compared. A convention."""

MIN_PEAK = 60.0
"""Power of a line of the spectrum over the median power from which on it may be a stripe's. The table
"Inputs that are no raw data" of docs/benchmarks/noise.md, by ``docs/benchmarks/noise.py doubts``."""

MIN_IN_STEP = 0.97
"""Length of the mean of the amplitudes of the parts over their root mean square. Same table."""

MIN_NOISE_SHARE = 0.01
"""Variance of the stripes over that of the noise from which on they are worth removing. A convention."""

MIN_SIDE = 64
"""Lines, and pixels along them, of the smallest plane that is looked at. A convention."""

MAX_HARMONICS = 8
"""Lines of the spectrum that are taken out at most. A convention: a period of 16 has 8."""

OVERSAMPLING = 8
"""Points of the spectrum for each independent one, so that a period need not be whole."""


def stripe_offsets(plane: npt.ArrayLike, found: LineOffsets | None = None) -> tuple[Floats, float] | None:
    """Find the stripes of fixed period of a plane.

    Parameters
    ----------
    plane : array_like
        (Y, X) in any unit; NaN where a pixel is missing.
    found : LineOffsets, optional
        Those of the plane, where they were measured already.

    Returns
    -------
    offsets : ndarray
        (Y, 1) or (1, X) float64 in the unit of the plane, to be subtracted; their mean is about 0.
    period : float
        In lines.
        None where there are no stripes.
    """
    y = np.asarray(plane, np.float64)
    if min(y.shape) < MIN_SIDE:
        return None
    found = found or LineOffsets.of(y)
    rows, columns = _of_rows(y, found.rows[-1]), _of_rows(y.T, found.columns[-1])
    # What runs both ways is a grid, and may well be the specimen's.
    if (rows is None) == (columns is None):
        return None
    stripes, period = rows or columns or (np.zeros(0), 0.0)
    if stripes.var() <= MIN_NOISE_SHARE * diagonal_sigma(diagonal_differences(y)) ** 2:
        return None
    return stripes.reshape((1, -1) if rows is None else (-1, 1)), period


def _of_rows(y: Floats, rest: Floats) -> tuple[Floats, float] | None:
    """Return the stripes among (Y,) offsets of the rows, and their period in rows; None without any."""
    stripes, periods = np.zeros(len(y)), []
    parts: list[Floats] | None = None
    for _ in range(MAX_HARMONICS):
        frequency, height = _peak(rest)
        if height < MIN_PEAK:
            break
        if parts is None:
            parts = [line_offsets(part)[-1] for part in np.array_split(y, STRIPS, axis=1)]
        wave, amplitudes = _waves(frequency, rest, parts)
        if in_step(amplitudes) < MIN_IN_STEP:
            break
        rest, stripes = rest - wave, stripes + wave
        periods.append(1 / frequency)
    return (stripes, max(periods)) if periods else None


def _peak(profile: Floats) -> tuple[float, float]:
    """Return the frequency of the highest line of the spectrum of (Y,), and its power over the median."""
    size = OVERSAMPLING * len(profile)
    power = np.abs(np.fft.rfft(profile * np.hanning(len(profile)), size)) ** 2
    first = size // LONGEST_PERIOD
    at = first + int(np.argmax(power[first:]))
    middle = float(np.median(power[first:]))
    return at / size, float(power[at]) / middle if middle > 0 else 0.0


def _waves(
    frequency: float, profile: Floats, parts: list[Floats]
) -> tuple[Floats, npt.NDArray[np.complex128]]:
    """Return the wave of a frequency in a profile, (Y,), and its complex amplitude in each part."""
    phase = 2 * np.pi * frequency * np.arange(len(profile))
    basis = np.stack([np.cos(phase), np.sin(phase)], axis=1)
    fitted, *_ = np.linalg.lstsq(basis, np.stack([profile, *parts], axis=1), rcond=None)
    return basis @ fitted[:, 0], fitted[0, 1:] + 1j * fitted[1, 1:]


def in_step(amplitudes: npt.NDArray[np.complex128]) -> float:
    """Return how equal complex amplitudes are: the length of their mean over their root mean square."""
    power = float(np.sqrt((np.abs(amplitudes) ** 2).mean()))
    return float(np.abs(amplitudes.mean())) / power if power > 0 else 0.0
