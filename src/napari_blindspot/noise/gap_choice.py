"""From measured noise to settings: how far to look away, how much to show, how often to refine.

The only place that decides for the user, and it says so in a sentence. Measuring belongs to
`napari_blindspot.noise.estimate`, the theory to `napari_blindspot.noise.risk`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.noise.risk import blind_spot_risk, signal_covariance

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.noise.estimate import NoiseModel
    from napari_blindspot.settings import Settings

    Floats = npt.NDArray[np.float64]

__all__ = [
    "Plan",
    "blind_iterations",
    "correlated_share",
    "hole_radius",
    "make_plan",
    "patches_of_an_iteration",
    "target_spacing",
]

CANDIDATE_GAPS = (0, 1, 2, 3)
"""Gaps to choose from, in pixels. docs/benchmarks/auto.md, "Tried and dropped" (wider holes), and "Risk and
gap" have what wider ones cost."""

RISK_WINDOW = 5
"""Pixels. The risk is computed from the visible pixels of the (2 * 5 + 1)² around a hidden one. A
convention: the widest gap leaves two rings of them."""

MIN_GAPS = ((0.75, 2), (0.4, 1))
"""Pairs of a correlation of next pixels and the gap that is taken at least above it, whatever the risk
says.

For such noise the risk of a small gap cannot be trusted: it rests on the variance of the signal, which is
then the difference of two figures that are nearly the same. docs/benchmarks/auto.md, "Risk and gap", has an
image on which the risk alone chose no gap, with what gaps of 0, 1 and 2 pixels gave.
"""

MAX_RISK_RATIO = 1.1
"""Risk over the least risk up to which a smaller gap is taken: it lets more pixels be predicted for the
same work. For the risks of seven images in docs/benchmarks/auto.md, "Risk and gap", every ratio from 1.05
to 3.5 chooses the same gaps."""

SPARSE, DENSE = 8 / 9, 28 / 49
"""Visible fractions for white and for correlated noise: one target in 3² and in 7² pixels."""

CORRELATED_SHARE = 0.3
"""Length of a blind fit from random weights where noise is correlated: a longer one, which white noise
would need, learns what leaks past the hole."""

MOST_LOOKS = 500
"""How often the blind fit may see each pixel on average; beyond, it learns a plane by heart."""

LOOKS_PER_SIDE = {"pretrained": 1, "random": 4}
"""On small planes, how often at most relative to their side in pixels."""

NEIGHBOURS_SHARE = 4
"""Length of a blind fit from pretrained weights where neighbouring planes are seen, of which they know
nothing, relative to one without."""

WHITE_ROUNDS, CORRELATED_ROUNDS = (40,), (80, 50)
"""Iterations of each round of refinement."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided, and why.

    Attributes
    ----------
    settings : Settings
        With all that the noise decides filled in.
    correlated : bool
        Whether the noise is taken to be correlated.
    sentence : str
        The reason, in words for the user.
    """

    settings: Settings
    correlated: bool
    sentence: str


def make_plan(image: npt.ArrayLike, noise: NoiseModel, settings: Settings) -> Plan:
    """Fill in what `settings` leave open, by the noise of the image.

    Parameters
    ----------
    image : array_like
        (Y, X), the noisy plane.
    noise : NoiseModel
        Measured on it.
    settings : Settings
        Of a preset that measures the noise; what the user has set stays.
    """
    if noise.measured:
        gap = _least_risky_gap(image, noise)
        seen = f"noise {_grain(noise)}"
    else:
        gap = 1
        seen = "noise that could not be measured (too small, too flat or clipped), so safe settings"
    gap = gap if settings.dilation is None else settings.dilation
    correlated = gap > 0
    fraction = settings.visible_fraction
    if fraction is None:
        fraction = DENSE if correlated else SPARSE
    rounds = settings.refine_iterations
    if rounds is None:
        rounds = CORRELATED_ROUNDS if correlated else WHITE_ROUNDS
        if not noise.measured:
            rounds = ()
    side, count = patches_of_an_iteration(np.shape(image), settings)
    filled = {
        "dilation": gap,
        "visible_fraction": fraction,
        "refine_iterations": rounds,
        "patch_size": side,
        "batch_size": count,
    }
    return Plan(
        settings=settings.model_copy(update=filled),
        correlated=correlated,
        sentence=f"{seen[0].upper()}{seen[1:]} → {gap}-pixel gap, {fraction:.0%} visible.",
    )


def hole_radius(gap: int) -> float:
    """Return the radius of the disc around a target that is hidden for this gap; 0 hides it alone."""
    return gap + 0.3 if gap else 0.0


def target_spacing(gap: int, visible_fraction: float) -> int:
    """Return the side of the cells that each hold one target, so that this fraction stays visible."""
    reach = np.arange(-gap, gap + 1)
    area = int((reach[:, None] ** 2 + reach**2 <= hole_radius(gap) ** 2 + 1e-6).sum())
    # Rounded first: 1 / (1 - 8/9) is 9 and a little, whose root must not become 4.
    return max(2, math.ceil(math.sqrt(round(area / (1.0 - visible_fraction), 6))))


def patches_of_an_iteration(shape: tuple[int, ...], settings: Settings) -> tuple[int, int]:
    """Return side and number of the patches of an iteration, at most those that the settings say.

    An iteration sees half of the plane, whatever its size up to 512². A small plane seen whole and many
    times over in every iteration would be learned by heart, noise included.
    """
    area = shape[0] * shape[1]
    half = math.isqrt(area // 4) // 16 * 16
    side = min(settings.patch_size, max(64, min(half, 128)))
    return side, int(np.clip(round(area / 2 / side**2), 2, max(2, settings.batch_size)))


def blind_iterations(
    settings: Settings, shape: tuple[int, int], neighbours: int = 0, share: float = 1.0
) -> int:
    """Return how many steps the blind fit takes: those of the settings, or fewer if the plane is small.

    Parameters
    ----------
    settings : Settings
        Of a plan, so with gap and patches filled in.
    shape : tuple of int
        (Y, X) of the plane.
    neighbours : int
        How many neighbouring planes are seen.
    share : float
        Of the steps of a fit that does not start from another plane's networks.
    """
    pixels = shape[0] * shape[1]
    seen = settings.batch_size * min(settings.patch_size, *shape) ** 2 / pixels
    iterations = settings.iterations
    if settings.unet_start == "pretrained" and neighbours:
        iterations *= NEIGHBOURS_SHARE
    looks = min(MOST_LOOKS, LOOKS_PER_SIDE[settings.unet_start] * math.sqrt(pixels))
    return max(1, round(share * correlated_share(settings) * min(iterations, looks / seen)))


def correlated_share(settings: Settings) -> float:
    """Return how long a blind fit is, relative to one on white noise."""
    return CORRELATED_SHARE if settings.dilation and settings.unet_start == "random" else 1.0


def _grain(noise: NoiseModel) -> str:
    """Return in words how far pixels share their noise."""
    if not noise.is_correlated:
        return "nearly independent from pixel to pixel"
    most = " at most, mixed with texture" if noise.textured else ""
    return f"correlated over {noise.reach} pixel{'s' * (noise.reach != 1)}{most}"


def _least_risky_gap(image: npt.ArrayLike, noise: NoiseModel) -> int:
    """Return the smallest gap whose kriging risk on this image is close to the least.

    Parameters
    ----------
    image : array_like
        (Y, X) in the unit in which the noise was measured.
    noise : NoiseModel
        Measured on it. Where texture makes its correlation an upper bound, the gap is 1 pixel: the risk of
        small gaps would be too high, and texture needs near pixels (docs/benchmarks/kinds.md, "Correlated
        noise under texture").

    Returns
    -------
    int
        In pixels.
    """
    if noise.textured:
        return 1
    needed = next((gap for rho, gap in MIN_GAPS if noise.neighbour_correlation > rho), 0)
    gaps = CANDIDATE_GAPS[needed:]
    stabilised = noise.stabiliser.forward(image)
    covariance, variance = signal_covariance(stabilised, noise.correlation, 2 * RISK_WINDOW)
    y, x = np.mgrid[-RISK_WINDOW : RISK_WINDOW + 1, -RISK_WINDOW : RISK_WINDOW + 1]
    distance = np.hypot(y, x)
    risks = []
    for gap in gaps:
        visible = distance > hole_radius(gap)
        risks.append(blind_spot_risk(covariance, noise.correlation, variance, visible))
    best = min(risks)
    return next(gap for gap, risk in zip(gaps, risks, strict=True) if risk <= MAX_RISK_RATIO * best)
