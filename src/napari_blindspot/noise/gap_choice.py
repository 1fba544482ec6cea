"""From measured noise to settings: how far to look away, how much to show, how often to refine.

The only place that decides for the user, and it says so in a notice. Measuring belongs to
`napari_blindspot.noise.estimate`, the theory to `napari_blindspot.noise.risk`; how long a fit takes belongs
to `napari_blindspot.engine.schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.notices import Notice
from napari_blindspot.method.hole_geometry import hole_radius
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.risk import blind_spot_risk, signal_covariance
from napari_blindspot.settings import PlannedSettings

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.settings import MeasuredSettings

__all__ = ["DENSE", "SPARSE", "Plan", "make_plan"]

GAPS = (0, 1, 2, 3)
"""Gaps to choose from, in pixels."""

WINDOW = 5
"""The risk is reckoned from the visible pixels within this distance."""

LEAST_GAPS = ((0.75, 2), (0.4, 1))
"""Correlation of next neighbours from which on a gap is needed whatever the risk: it is reckoned from the
difference of two like figures there."""

TOLERANCE = 1.1
"""A smaller gap is taken if its risk is at most this many times the least: it predicts more pixels."""

SAFE_GAP = 1
"""Gap where the noise could not be measured."""

SPARSE, DENSE = 8 / 9, 28 / 49
"""Visible fractions for white and for correlated noise: one target in 3² and in 7² pixels."""

WHITE_ROUNDS, CORRELATED_ROUNDS = (40,), (80, 50)
"""Iterations of each round of refinement."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided, and why.

    Attributes
    ----------
    settings : PlannedSettings
        With all that the noise decides filled in.
    notice : Notice
        The choice and its reason; a warning where the noise could not be measured.
    """

    settings: PlannedSettings
    notice: Notice

    @property
    def correlated(self) -> bool:
        """Whether the noise is taken to be correlated."""
        return self.settings.gap > 0


def make_plan(image: npt.ArrayLike, noise: NoiseModel, settings: MeasuredSettings) -> Plan:
    """Fill in what `settings` leave open, by the noise of the image.

    Parameters
    ----------
    image : array_like
        (Y, X), the noisy plane.
    noise : NoiseModel
        Measured on it.
    settings : MeasuredSettings
        What the user has set stays.
    """
    gap = settings.gap
    if gap is None:
        gap = _least_risky_gap(image, noise) if noise.measured else SAFE_GAP
    fraction = settings.visible_fraction
    if fraction is None:
        fraction = DENSE if gap else SPARSE
    rounds = settings.refine_iterations
    if rounds is None:
        rounds = (CORRELATED_ROUNDS if gap else WHITE_ROUNDS) if noise.measured else ()
    filled = {"gap": gap, "visible_fraction": fraction, "refine_iterations": rounds}
    return Plan(
        settings=PlannedSettings(**(dict(settings) | filled)),
        notice=Notice(
            "gap-chosen",
            {
                "measured": noise.measured,
                "correlated": noise.is_correlated,
                "textured": noise.textured,
                "reach": noise.reach,
                "gap": gap,
                "visible_fraction": fraction,
            },
            is_warning=not noise.measured,
        ),
    )


def _least_risky_gap(image: npt.ArrayLike, noise: NoiseModel) -> int:
    """Return the smallest gap whose kriging risk on this image is close to the least.

    Where the correlation is only an upper bound, so is the risk of small gaps; texture needs near pixels.
    """
    if noise.textured:
        return 1
    needed = next((gap for rho, gap in LEAST_GAPS if noise.neighbour_correlation > rho), 0)
    gaps = GAPS[needed:]
    stabilised = Anscombe.of(noise).forward(image)
    covariance, variance = signal_covariance(stabilised, noise.correlation, 2 * WINDOW)
    y, x = np.mgrid[-WINDOW : WINDOW + 1, -WINDOW : WINDOW + 1]
    distance = np.hypot(y, x)
    risks = []
    for gap in gaps:
        visible = distance > hole_radius(gap)
        risks.append(blind_spot_risk(covariance, noise.correlation, variance, visible))
    best = min(risks)
    return next(gap for gap, risk in zip(gaps, risks, strict=True) if risk <= TOLERANCE * best)
