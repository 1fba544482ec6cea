"""Starting from the networks of another plane: whether they suit this one, and were of help.

What a run does with them is in `napari_blindspot.engine.measured_run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.method.weights import count_neighbours
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    import torch

    from napari_blindspot.core.model import Model
    from napari_blindspot.engine.measurement import Measurement
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import Settings

__all__ = ["WARM_RATE", "check_model", "learned_much", "suits"]

WARM_RATE = 0.5
"""Learning rates of networks that have learned before, relative to those of random ones: high ones forget
what they knew (docs/benchmarks/stacks.md)."""

LOSS_FALL_FOR_REFIT = 0.05
"""Fall of the blind loss, in units of the noise's variance, that a short fit is not enough for. It was
0.02 between planes of a synthetic stack, also after one of them was bleached to a third."""

STANDARD_ERRORS_FOR_REFIT = 3.0
"""Standard errors that a fall must exceed as well: small planes have few targets."""

MIN_LOSSES = 8
"""Losses that are needed to tell anything."""

HEAD_SHARE, TAIL_SHARE = 0.1, 0.3
"""Shares of the blind fit in which its loss is averaged at the beginning and at the end."""


def check_model(model: Model, settings: Settings) -> None:
    """Make sure that a run with these settings can use a model.

    Raises
    ------
    SettingsError
        If the networks are built differently.
    """
    if not isinstance(settings, MeasuredSettings):
        raise SettingsError(
            "The preset 'paper' cannot start from a model, because its INR holds one plane; "
            "choose the preset auto, fast or best."
        )
    for name in ("unet_width", "inr_features", "inr_octaves", "inr_omega", "inr_dropout"):
        mine, theirs = getattr(model.settings, name), getattr(settings, name)
        if mine != theirs:
            raise SettingsError(
                f"The model was fitted with {name} {mine}, but the settings say {theirs}; "
                "they must be the same."
            )


def suits(model: Model, plan: Plan, measurement: Measurement) -> bool:
    """Tell whether a plane is one that the networks of another can be of help for.

    Parameters
    ----------
    model : Model
        Of the other plane.
    plan : Plan
        For this plane by itself.
    measurement : Measurement
        Of this plane, with the neighbours that its network will see.
    """
    correlated = model.settings.gap > 0
    looks_beside = count_neighbours(model.weights) > 0
    same = correlated == plan.correlated and looks_beside == (measurement.beside.count > 0)
    return measurement.noise.measured and same


def learned_much(losses: torch.Tensor, sigma: float) -> bool:
    """Tell whether the blind loss fell so far that the start was no help and the short fit too short.

    Parameters
    ----------
    losses : Tensor
        (iterations,), the blind loss.
    sigma : float
        The noise's standard deviation on the scale of the losses.
    """
    if len(losses) < MIN_LOSSES:
        return False
    heads, tails = (max(1, round(share * len(losses))) for share in (HEAD_SHARE, TAIL_SHARE))
    fall = losses[:heads].mean() - losses[-tails:].mean()
    chance = losses[-tails:].std(correction=0) * (1 / heads + 1 / tails) ** 0.5
    return bool(fall > max(LOSS_FALL_FOR_REFIT * sigma**2, STANDARD_ERRORS_FOR_REFIT * float(chance)))
