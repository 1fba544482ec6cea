"""From measured noise to settings: how far to look away, how much to show, how often to refine.

The only place that decides for the user, and it says so in a notice. Measuring belongs to
`napari_blindspot.noise.estimate`, the theory to `napari_blindspot.noise.risk`; how long a fit takes belongs
to `napari_blindspot.engine.schedule`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.notices import Notice
from napari_blindspot.method.hole_geometry import hole_radius
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.processed import compressed_in_blocks
from napari_blindspot.noise.risk import blind_spot_risk, signal_covariance
from napari_blindspot.settings import PlannedSettings

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.settings import MeasuredSettings

    Floats = npt.NDArray[np.float64]

__all__ = ["DENSE", "SPARSE", "Plan", "make_plan"]

CANDIDATE_GAPS = (0, 1, 2)
"""Gaps to choose from, in pixels. docs/benchmarks/auto.md, "Tried and dropped" (wider holes), and
docs/benchmarks/fibres.md have what wider ones cost."""

RISK_WINDOW = 5
"""Pixels. The risk is computed from the visible pixels of the (2 * 5 + 1)² around a hidden one. A
convention: the widest gap leaves two rings of them."""

MIN_GAPS = ((0.55, 2), (0.4, 1))
"""Pairs of a correlation of next pixels and the gap that is taken at least above it, whatever the risk
says.

For such noise the risk cannot be trusted: it rests on the variance of the signal, which is then the
difference of two figures that are nearly the same. Nor is a gap of two pixels the risk that it seems,
because the refinement starts from a prediction with every pixel shown. docs/benchmarks/auto.md, "Risk and
gap", has an image on which the risk alone chose no gap, and docs/benchmarks/fibres.md what one pixel costs
on sparse filaments.
"""

WIDEST_IN_BLOCKS = 1
"""Gap that is not exceeded where JPEG has compressed a plane: noise reaches through each of its blocks, so
that a wider one hides structure and no more of the noise (docs/benchmarks/kinds.md)."""

MAX_RISK_RATIO = 1.1
"""Risk over the least risk up to which a smaller gap is taken: it lets more pixels be predicted for the
same work. For the risks of seven images in docs/benchmarks/auto.md, "Risk and gap", every ratio from 1.05
to 3.5 chooses the same gaps."""

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
        if gap > WIDEST_IN_BLOCKS and compressed_in_blocks(np.asarray(image)):
            gap = WIDEST_IN_BLOCKS
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

    Parameters
    ----------
    image : array_like
        (Y, X) in the unit in which the noise was measured.
    noise : NoiseModel
        Measured on it. Where texture makes its correlation an upper bound, the gap is the least that the
        correlation asks for, or 1 pixel: the risk of small gaps would be too high, and texture needs near
        pixels (docs/benchmarks/kinds.md, "Correlated noise under texture").

    Returns
    -------
    int
        In pixels.
    """
    needed = next((gap for rho, gap in MIN_GAPS if noise.neighbour_correlation > rho), 0)
    if noise.textured:
        return max(needed, 1)
    gaps = CANDIDATE_GAPS[needed:]
    stabilised = Anscombe.of(noise).forward(image)
    covariance, variance = signal_covariance(stabilised, noise.correlation, 2 * RISK_WINDOW)
    y, x = np.mgrid[-RISK_WINDOW : RISK_WINDOW + 1, -RISK_WINDOW : RISK_WINDOW + 1]
    distance = np.hypot(y, x)
    risks = []
    for gap in gaps:
        visible = distance > hole_radius(gap)
        risks.append(_risk_or_none(covariance, noise.correlation, variance, visible))
    known = [risk for risk in risks if risk is not None]
    if not known:
        return max(SAFE_GAP, needed)
    # The risk of a plane with next to no signal may round to below 0.
    limit = max(MAX_RISK_RATIO * min(known), min(known))
    return next(gap for gap, risk in zip(gaps, risks, strict=True) if risk is not None and risk <= limit)


def _risk_or_none(
    covariance: Floats, correlation: Floats, variance: float, visible: npt.NDArray[np.bool_]
) -> float | None:
    """Return what `blind_spot_risk` does; None where the plane holds too little to compute it."""
    try:
        risk = blind_spot_risk(covariance, correlation, variance, visible)
    except np.linalg.LinAlgError:
        return None
    return risk if math.isfinite(risk) else None
