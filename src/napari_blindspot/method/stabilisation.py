"""The generalized Anscombe transform and its unbiased inverse, of arrays, and of tensors in a graph.

Makitalo and Foi, "Optimal Inversion of the Generalized Anscombe Transformation for Poisson-Gaussian
Noise" (IEEE TIP 2013). Which noise is stabilised belongs to `napari_blindspot.noise.anscombe`.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    Values = TypeVar("Values", npt.NDArray[np.float64], torch.Tensor)

__all__ = ["intensities", "stabilise"]

LEAST_STABILISED = 2.0 * sqrt(3.0 / 8.0)
"""The stabilised value of zero counts: the inverse is defined from here upwards."""


def stabilise(image: Values, gain: float, offset: float) -> Values:
    """Return intensities with noise of standard deviation 1.

    Parameters
    ----------
    image : ndarray or Tensor
        Intensities, of any shape.
    gain, offset : float
        Of the noise's variance; gain 0 for a division alone.
    """
    if gain <= 0.0:
        return image / _sigma(offset)
    root: Values = (gain * image + 0.375 * gain**2 + offset).clip(0.0) ** 0.5
    return 2.0 / gain * root


def intensities(stabilised: Values, gain: float, offset: float) -> Values:
    """Return intensities whose expectation is right, given the mean of the stabilised pixel.

    The closed form of the exact unbiased inverse (Makitalo and Foi 2011, equation 6). The algebraic
    inverse would be too dark, by a quarter of a count at high counts and more at low ones.
    """
    if gain <= 0.0:
        return stabilised * _sigma(offset)
    d = stabilised.clip(LEAST_STABILISED)
    q = sqrt(1.5)
    counts = d**2 / 4 + q / (4 * d) - 11 / (8 * d**2) + 5 * q / (8 * d**3) - 1 / 8
    # Divided out of the transform: y = gain * counts + (terms that the offset moves).
    restored: Values = gain * counts - offset / gain
    return restored


def _sigma(offset: float) -> float:
    return sqrt(offset) if offset > 0.0 else 1.0
