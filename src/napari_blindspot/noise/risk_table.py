"""The risk of the blind spot over gap and visible fraction, for people who ask why a gap was chosen.

Choosing it belongs to `napari_blindspot.noise.gap_choice`, the theory to `napari_blindspot.noise.risk`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.method.hole_geometry import hole_radius
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.gap_choice import DENSE, RISK_WINDOW, SPARSE
from napari_blindspot.noise.risk import blind_spot_risk, signal_covariance

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

__all__ = ["RiskTable", "tabulate_risk"]

GAPS = (0, 1, 2, 3)
"""Gaps that are shown: those to choose from, and one beyond them."""

FRACTIONS = (0.1, DENSE, SPARSE)
"""Visible fractions: the paper's, and those of correlated and of white noise."""

DRAWS = 3
"""Random visible sets whose mean risk is taken."""


@dataclass(frozen=True, slots=True)
class RiskTable:
    """Risks of the best linear blind-spot denoiser.

    Attributes
    ----------
    gaps : tuple of int
        (G,) in pixels.
    fractions : tuple of float
        (F,) of pixels that are visible beyond the gap.
    risk : ndarray
        (F, G) float64, in variances of the noise; NaN where it cannot be computed.
    chosen : tuple or None
        Visible fraction, gap and risk of what the run took.
    """

    gaps: tuple[int, ...]
    fractions: tuple[float, ...]
    risk: npt.NDArray[np.float64]
    chosen: tuple[float, int, float] | None


def tabulate_risk(
    image: npt.ArrayLike, noise: NoiseModel, chosen: tuple[float, int] | None = None
) -> RiskTable:
    """Compute the risks of one plane.

    Parameters
    ----------
    image : array_like
        (Y, X), the noisy plane.
    noise : NoiseModel
        Measured on it.
    chosen : tuple, optional
        Visible fraction and gap of the run.
    """
    stabilised = Anscombe.of(noise).forward(image)
    covariance, variance = signal_covariance(stabilised, noise.correlation, 2 * RISK_WINDOW)
    y, x = np.mgrid[-RISK_WINDOW : RISK_WINDOW + 1, -RISK_WINDOW : RISK_WINDOW + 1]
    distance = np.hypot(y, x)
    rng = np.random.default_rng(0)
    draws = rng.random((DRAWS, *distance.shape))

    def risk(fraction: float, gap: int) -> float:
        beyond = distance > hole_radius(gap)
        risks = []
        for draw in draws:
            try:
                risks.append(
                    blind_spot_risk(covariance, noise.correlation, variance, beyond & (draw < fraction))
                )
            except np.linalg.LinAlgError:
                return math.nan
        return float(np.mean(risks) / variance)

    table = np.array([[risk(fraction, gap) for gap in GAPS] for fraction in FRACTIONS])
    mark = None if chosen is None else (*chosen, risk(*chosen))
    return RiskTable(GAPS, FRACTIONS, table, mark)
