"""The scale of a fit of the paper's method: intensities to about [0, 1], and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Scaling"]

_LOW, _HIGH = 0.1, 99.9
"""Percentiles that are mapped to 0 and 1: extremes are often hot pixels."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """An affine map of intensities to about [0, 1], and its exact inverse.

    Attributes
    ----------
    low, high : float
        Intensities that become 0 and 1.
    """

    low: float
    high: float

    @classmethod
    def of(cls, plane: npt.NDArray[Any]) -> Scaling:
        """Measure the range of a plane, robustly: NaN are ignored, single bright pixels do not set it."""
        values = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
        values = values.astype(np.float64)
        low, high = np.percentile(values, (_LOW, _HIGH))
        if not high > low:
            low, high = values.min(), values.max()
        return cls(float(low), float(high))

    def apply(self, plane: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Map intensities to the scale of the fit; float32, the arithmetic in float64."""
        scaled = (plane.astype(np.float64) - self.low) / (self.high - self.low)
        return scaled.astype(np.float32)

    def invert(self, plane: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Map the scale of the fit back to intensities; float64, so that the caller rounds only once."""
        return plane.astype(np.float64) * (self.high - self.low) + self.low
