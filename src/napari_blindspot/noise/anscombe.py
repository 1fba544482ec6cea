"""Variance stabilisation: makes signal-dependent noise the same everywhere, and undoes it without bias.

Makitalo and Foi, "Optimal Inversion of the Generalized Anscombe Transformation for Poisson-Gaussian
Noise" (IEEE TIP 2013). Measuring the noise belongs to `napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.float64]

__all__ = ["Anscombe"]

_FLOOR = 2.0 * sqrt(3.0 / 8.0)
"""The stabilised value of zero counts: the inverse is defined from here upwards."""

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
        y = np.asarray(image, np.float64)
        if not self.grows:
            return y / self._sigma
        radicand = self.gain * y + 0.375 * self.gain**2 + self.offset
        root: Floats = 2.0 / self.gain * np.sqrt(np.maximum(radicand, 0.0))
        return root

    def inverse(self, estimate: npt.ArrayLike) -> Floats:
        """Return intensities whose expectation is right, given the mean of the stabilised pixel.

        The closed form of the exact unbiased inverse (Makitalo and Foi 2011, equation 6). The algebraic
        inverse would be too dark, by a quarter of a count at high counts and more at low ones.
        """
        z = np.asarray(estimate, np.float64)
        if not self.grows:
            return z * self._sigma
        d = np.maximum(z, _FLOOR)
        q = sqrt(1.5)
        counts = d**2 / 4 + q / (4 * d) - 11 / (8 * d**2) + 5 * q / (8 * d**3) - 1 / 8
        # Divided out of the transform: y = gain * counts + (terms that the offset moves).
        intensities: Floats = self.gain * counts - self.offset / self.gain
        return intensities

    @property
    def grows(self) -> bool:
        """Whether the variance grows so much that float64 can tell what the transform makes of it."""
        return self.gain > 0.0 and self.gain > _LEAST_GAIN * sqrt(max(self.offset, 0.0))

    @property
    def _sigma(self) -> float:
        return sqrt(self.offset) if self.offset > 0.0 else 1.0
