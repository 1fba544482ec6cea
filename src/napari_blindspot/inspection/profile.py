"""Values along a line through a plane, and how wide the peak on it is.

Sampling an INR belongs to `napari_blindspot.method.inr_field`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import map_coordinates

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Point = tuple[float, float]

__all__ = ["PeakSpan", "find_peak", "line_points", "read_line"]


def line_points(start: Point, end: Point, samples: int) -> Floats:
    """Return points that are evenly spaced from one end of a line to the other, (samples, 2) float64."""
    share = np.linspace(0.0, 1.0, samples)[:, None]
    return (1 - share) * np.asarray(start, np.float64) + share * np.asarray(end, np.float64)


def read_line(image: npt.ArrayLike, points: Floats) -> Floats:
    """Return the values of an image at points, linearly between its pixels.

    Parameters
    ----------
    image : array_like
        (Y, X).
    points : ndarray
        (N, 2), (y, x) in pixels.

    Returns
    -------
    ndarray
        (N,) float64.
    """
    plane = np.asarray(image, np.float64)
    return np.asarray(map_coordinates(plane, points.T, order=1, mode="nearest"))


@dataclass(frozen=True, slots=True)
class PeakSpan:
    """Where a peak is at half of its height over the lowest value of its profile.

    Attributes
    ----------
    start, end : float
        Where it rises to its half and falls to it again, in the unit of the profile's distances.
    half : float
        Its value there.
    """

    start: float
    end: float
    half: float

    @property
    def width(self) -> float:
        """The full width at half of the height (FWHM)."""
        return self.end - self.start


def find_peak(distance: Floats, values: Floats) -> PeakSpan | None:
    """Return the highest peak of a profile, at half of its height over the lowest value.

    Parameters
    ----------
    distance : ndarray
        (N,) increasing, in any unit.
    values : ndarray
        (N,).

    Returns
    -------
    PeakSpan or None
        None where the profile does not fall to the half on both sides, or is constant.
    """
    top = int(np.argmax(values))
    floor = float(values.min())
    half = floor + (float(values[top]) - floor) / 2
    if not values[top] > floor:
        return None
    start = _crossing(distance[top::-1], values[top::-1], half)
    end = _crossing(distance[top:], values[top:], half)
    return None if math.isnan(start) or math.isnan(end) else PeakSpan(start, end, half)


def _crossing(distance: Floats, values: Floats, half: float) -> float:
    """Return where values that start at a peak first fall to its half; NaN if they never do."""
    below = np.flatnonzero(values <= half)
    if not below.size:
        return math.nan
    at = int(below[0])
    share = (values[at - 1] - half) / (values[at - 1] - values[at])
    return float(distance[at - 1] + share * (distance[at] - distance[at - 1]))
