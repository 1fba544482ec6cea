"""The noise of an image in numbers: what was measured, as plain data.

Measuring it belongs to `napari_blindspot.noise.estimate`; stabilising it to
`napari_blindspot.noise.anscombe`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["CORRELATED", "NoiseModel", "next_pixel_correlation"]

CORRELATED = 0.4
"""Correlation of next neighbours from which on a neighbour tells more about the noise than the signal."""

SHARED_TENTH = 0.1
"""Correlation that still counts for the reach of the noise."""


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """What was measured; lengths in pixels, variances in squared intensities of the image.

    Attributes
    ----------
    gain, gain_error : float
        Slope of variance over intensity, and its standard error. 0 when the noise does not grow.
    offset, offset_error : float
        Variance at intensity 0, and its standard error; negative when the black level lies above 0.
    sigma : float
        Standard deviation of the noise at the median intensity.
    correlation : ndarray
        (2L+1, 2L+1) float64, autocorrelation of the noise, its centre (lag 0) being 1.
    correlation_error : float
        Standard error of each of its values.
    scan_line : float
        Share of the variance that the pixels of a row have in common (a line scanner's flicker).
    clipped_low, clipped_high : float
        Fractions of pixels at the lowest and the highest value, where they pile up; else 0.
    measured : bool
        False when the plane holds too little to measure noise from.
    textured : bool
        Whether correlated noise could not be told from texture, so that strength and correlation are upper
        bounds.
    """

    gain: float
    gain_error: float
    offset: float
    offset_error: float
    sigma: float
    correlation: Floats
    correlation_error: float
    scan_line: float
    clipped_low: float
    clipped_high: float
    measured: bool = True
    textured: bool = False

    @property
    def neighbour_correlation(self) -> float:
        """The larger of the correlations with the next pixel in y and in x."""
        return next_pixel_correlation(self.correlation)

    @property
    def is_correlated(self) -> bool:
        """Whether a pixel's neighbours share much of its noise."""
        return self.neighbour_correlation > CORRELATED

    @property
    def reach(self) -> int:
        """The longest lag on either axis at which a tenth of the noise is still shared, in pixels."""
        c = len(self.correlation) // 2
        axes = np.maximum(self.correlation[c, c:], self.correlation[c:, c])
        shared = np.flatnonzero(axes >= SHARED_TENTH)
        return int(shared.max()) if shared.size else 0

    def variance(self, intensity: npt.ArrayLike) -> Floats:
        """Return the variance of the noise at these intensities, of their shape, never negative."""
        line = self.gain * np.asarray(intensity, np.float64) + self.offset
        return np.maximum(line, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain numbers and lists, for a report or an image's metadata."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"correlation": self.correlation.round(4).tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NoiseModel:
        """Return the model of what `as_dict` has given.

        Raises
        ------
        TypeError, ValueError
            If a figure is missing, unknown or no number.
        """
        numbers = {name: value for name, value in values.items() if name != "correlation"}
        return cls(**numbers, correlation=np.array(values["correlation"], np.float64))


def next_pixel_correlation(correlation: Floats) -> float:
    """Return the larger correlation with the next pixel in y and in x; 0 where only lag 0 was measured.

    `correlation` is (2L+1, 2L+1).
    """
    c = len(correlation) // 2
    return float(max(correlation[c + 1, c], correlation[c, c + 1])) if c else 0.0
