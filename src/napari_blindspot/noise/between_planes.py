"""The correlation of noise, measured on differences of planes: also where structure leaves no block quiet.

Planes of a stack show nearly the same, and each has a draw of the noise to itself. Their difference loses
most of the structure, and the noise in it is correlated as that of each of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.noise_model import next_pixel_correlation
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.float64]

__all__ = ["correlation_between_planes"]

MOSTLY_STRUCTURE = 0.5
"""Share of the correlation of a plane by itself below which that of a difference takes its place: where the
rest was noise, both agree within a tenth (docs/benchmarks/stacks.md)."""

LEAST_TO_DOUBT = 0.05
"""Correlation of next pixels that is no more than the error of measuring it. A convention."""


def correlation_between_planes(noise: NoiseModel, plane: Floats, neighbours: Floats) -> NoiseModel:
    """Return a noise model without the correlation that is of the structure.

    Parameters
    ----------
    noise : NoiseModel
        Of the plane by itself.
    plane : ndarray
        (Y, X), stabilised; NaN where it has no value.
    neighbours : ndarray
        (K, Y, X), laid over the plane, with noise of their own, half of them before it; NaN where there is
        none.
    """
    alone = next_pixel_correlation(noise.correlation)
    if alone < LEAST_TO_DOUBT:
        return noise
    half = len(neighbours) // 2
    least = noise
    for side in (neighbours[:half][::-1], neighbours[half:]):
        there = [other for other in side if np.isfinite(other).any()]
        if not there:
            continue
        # Where a difference is still full of structure, white noise is most of the rest. A faint floor lies
        # under noise that was blurred.
        found = estimate_noise(plane - there[0], least_floor=MOSTLY_STRUCTURE)
        limit = min(MOSTLY_STRUCTURE * alone, next_pixel_correlation(least.correlation))
        if found.measured and next_pixel_correlation(found.correlation) < limit:
            least = replace(
                noise,
                correlation=found.correlation,
                correlation_error=found.correlation_error,
                textured=False,
            )
    return least
