"""Variance stabilisation: makes signal-dependent noise the same everywhere, and undoes it without bias.

Its formulas are in `napari_blindspot.method.stabilisation`, with their source. Measuring the noise belongs
to `napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.method.stabilisation import intensities, stabilise

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.float64]

__all__ = ["Anscombe"]

_LEAST_GAIN = 1e-10
"""In standard deviations at intensity 0. The inverse is the difference of numbers that are larger than that
deviation by its reciprocal, and float64 has 16 digits."""


@dataclass(frozen=True, slots=True)
class Anscombe:
    """The generalized Anscombe transform for noise of variance ``gain * mean + offset``.

    Attributes
    ----------
    gain : float
        Variance for each unit of intensity; 0 for noise that does not depend on the signal, and then the
        transform only divides by the noise's standard deviation.
    offset : float
        Variance at intensity 0, which is negative where the camera's black level is above 0.
    """

    gain: float
    offset: float

    @classmethod
    def of(cls, noise: NoiseModel) -> Anscombe:
        """Return the transform after which a measured noise has standard deviation 1 everywhere."""
        return cls(noise.gain, noise.offset)

    def forward(self, image: npt.ArrayLike) -> Floats:
        """Return the image with noise of standard deviation 1, in float64."""
        return stabilise(np.asarray(image, np.float64), self.told_gain, self.offset)

    def inverse(self, estimate: npt.ArrayLike) -> Floats:
        """Return intensities whose expectation is right, given the mean of the stabilised pixel."""
        return intensities(np.asarray(estimate, np.float64), self.told_gain, self.offset)

    @property
    def told_gain(self) -> float:
        """The gain that the transform is computed with: 0 where it is so small that float64 cannot tell."""
        least = _LEAST_GAIN * sqrt(max(self.offset, 0.0))
        return self.gain if self.gain > 0.0 and self.gain > least else 0.0
