"""How long each phase of a measured run is, and which patches an iteration sees.

The run, the estimate of its memory and the count of its cost all ask here. What an iteration does belongs
to `napari_blindspot.engine.blind_fit`, `napari_blindspot.engine.refinement` and
`napari_blindspot.engine.inr_fit`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_blindspot.settings import MeasuredSettings, PlannedSettings

__all__ = ["Schedule", "correlated_share", "patches_of_an_iteration", "with_patches"]

CORRELATED_SHARE = 0.3
"""Length of a blind fit from random weights where noise is correlated: a longer one, which white noise
would need, learns what leaks past the hole (docs/benchmarks/auto.md)."""

CORRELATED_LEGS = 2
"""Length of a blind fit where noise is correlated, in first legs of others (docs/benchmarks/speed.md)."""

MOST_VIEWS = 500
"""How often the blind fit may see each pixel on average; beyond, it learns a plane by heart."""

VIEWS_PER_SIDE = {"pretrained": 1, "random": 4}
"""On small planes, how often at most relative to their side in pixels, by the U-Net's initial weights."""

LEAST_LEG = 12
"""Iterations of the first leg of a blind fit, at least."""

WARM_SHARE = 0.2
"""Length of the blind fit after a warm start, relative to one from nothing (docs/benchmarks/stacks.md)."""

INR_EVERY = 20
"""Iterations of the blind fit for each one of the INR, which learns the noisy pixels then: few suffice."""

INR_IN_REFINEMENT = 1
"""Iterations of the INR for each one of the refinement, when it has an estimate to learn from."""

INR_OF_A_MODEL = 60
"""Iterations in which F_φ, starting from a model's, learns the estimate of another plane."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The length of a run.

    Attributes
    ----------
    legs : tuple of int
        Iterations of each leg of the blind-spot fit, which may end after any of them.
    rounds : tuple of int
        Iterations of each round of refinement; one of none ends it.
    inr_iterations : int
        Of the INR, beside all of them.
    """

    legs: tuple[int, ...]
    rounds: tuple[int, ...]
    inr_iterations: int

    @classmethod
    def of(cls, settings: PlannedSettings, shape: tuple[int, int], *, warm: bool = False) -> Schedule:
        """Return how long a fit is.

        Parameters
        ----------
        settings : PlannedSettings
            With the patches of the plane; see `with_patches`.
        shape : tuple of int
            (Y, X) of the plane.
        warm : bool
            Whether it starts from another plane's networks.
        """
        share = WARM_SHARE if warm else 1.0
        most = _blind_iterations(settings, shape, share)
        if warm:
            most = max(most, min(LEAST_LEG, _blind_iterations(settings, shape, 1.0)))
        least = most
        if warm or settings.unet_weights == "pretrained":
            least = min(most, max(LEAST_LEG, round(share * settings.least_iterations)))
        # Of correlated noise a fit learns what leaks past the hole, which lowers the error of hidden pixels
        # as well as structure does: they cannot tell when it is to end.
        legs = (min(most, CORRELATED_LEGS * least),) if settings.gap else _legs(least, most)
        rounds = settings.refine_iterations
        inr = -(-legs[0] // INR_EVERY) + INR_IN_REFINEMENT * sum(rounds)
        return cls(legs, rounds, inr)

    @classmethod
    def of_model(cls) -> Schedule:
        """Return how long it takes to apply a model: only the INR learns."""
        return cls((), (), INR_OF_A_MODEL)

    @property
    def iterations(self) -> int:
        """Of the U-Net, in all phases, if no leg is left out."""
        return sum(self.legs) + sum(self.rounds)

    @property
    def usual_iterations(self) -> int:
        """Likewise, if the blind fit ends after its first leg, as it does on most images."""
        return sum(self.legs[:1]) + sum(self.rounds)


def with_patches(settings: PlannedSettings, shape: tuple[int, int]) -> PlannedSettings:
    """Return settings with the side and number of the patches that an iteration on this plane sees."""
    side, count = patches_of_an_iteration(shape, settings)
    return settings.model_copy(update={"patch_size": side, "batch_size": count})


def patches_of_an_iteration(shape: tuple[int, int], settings: MeasuredSettings) -> tuple[int, int]:
    """Return side and number of the patches of an iteration, at most those that the settings say.

    An iteration sees half of the plane, whatever its size up to 512². A small plane seen whole and many
    times over in every iteration would be learned by heart, noise included.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the plane.
    settings : MeasuredSettings
        Of the fit.
    """
    area = shape[0] * shape[1]
    half = math.isqrt(area // 4) // 16 * 16
    side = min(settings.patch_size, max(64, min(half, 128)))
    return side, int(np.clip(round(area / 2 / side**2), 2, max(2, settings.batch_size)))


def correlated_share(settings: PlannedSettings) -> float:
    """Return how long a blind fit is, relative to one on white noise."""
    return CORRELATED_SHARE if settings.gap and settings.unet_weights == "random" else 1.0


def _legs(least: int, most: int) -> tuple[int, ...]:
    """Return the lengths of the legs: each but the first as long as all before it."""
    legs, done = [least], least
    while done < most:
        legs.append(min(done, most - done))
        done += legs[-1]
    return tuple(legs)


def _blind_iterations(settings: PlannedSettings, shape: tuple[int, int], share: float) -> int:
    """Return how many iterations the blind fit takes: those of the settings, or fewer on a small plane.

    `share` is that of a fit that does not start from another plane's networks.
    """
    pixels = shape[0] * shape[1]
    seen = settings.batch_size * min(settings.patch_size, *shape) ** 2 / pixels
    iterations = settings.iterations
    views = min(MOST_VIEWS, VIEWS_PER_SIDE[settings.unet_weights] * math.sqrt(pixels))
    return max(1, round(share * correlated_share(settings) * min(iterations, views / seen)))
