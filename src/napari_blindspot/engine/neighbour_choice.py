"""How many neighbouring planes a network looks at: as many as make its blind predictions better.

Pixels are hidden and predicted by the package's weights, with no neighbours, with the nearest and with all
of them. The noise of a hidden pixel adds the same to each error, so that the least error is the best look.
Which neighbours may be shown at all is decided before, in `napari_blindspot.noise.beside`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.blind_fit import BlindFit
from napari_blindspot.method.weights import put_pretrained

if TYPE_CHECKING:
    from napari_blindspot.settings import PlannedSettings

__all__ = ["in_slots", "look_that_helps"]

REACHES = (1, 2, 4)
"""How many planes on each side are tried."""

DRAWS = 2
"""Masks whose hidden pixels are compared."""

STANDARD_ERRORS = 2.0
"""By how many standard errors the error must fall for a look at the neighbours."""


def in_slots(neighbours: torch.Tensor, slots: int) -> torch.Tensor:
    """Put (K, Y, X) neighbours, half of them before the plane, into as many slots; NaN in those left."""
    before = len(neighbours) // 2
    filled = neighbours.new_full((slots, *neighbours.shape[1:]), torch.nan)
    first = slots // 2 - before
    filled[first : first + len(neighbours)] = neighbours
    return filled


@torch.no_grad()
def look_that_helps(
    noisy: torch.Tensor,
    valid: torch.Tensor,
    settings: PlannedSettings,
    neighbours: torch.Tensor,
    *,
    correlated: bool,
) -> torch.Tensor:
    """Return the neighbours with those beyond the best look as NaN; (0, Y, X) where none is a help.

    Parameters
    ----------
    noisy, valid : Tensor
        (Y, X), as `napari_blindspot.engine.blind_fit.BlindFit` takes them.
    settings : PlannedSettings
        Of the plane, with pretrained weights.
    neighbours : Tensor
        (K, Y, X) in their slots.
    correlated : bool
        Whether the noise is.
    """
    fit = BlindFit(noisy, valid, settings, neighbours)
    put_pretrained(fit.network, "correlated" if correlated else "white")
    looks = [_within(neighbours, reach) for reach in (0, *REACHES)]
    there = [look.isfinite().any(dim=(-2, -1)) for look in looks]
    errors: list[list[torch.Tensor]] = [[] for _ in looks]
    height, width = noisy.shape
    for _ in range(DRAWS):
        targets, visible = fit.mask.draw(1, height, width, fit.generator)
        asked = targets & fit.valid
        for number, look in enumerate(looks):
            if number and torch.equal(there[number], there[number - 1]):
                errors[number].append(errors[number - 1][-1])
                continue
            estimate = fit.apply_tiled(fit.network, fit.noisy, visible & fit.valid, look[None])
            errors[number].append((estimate - fit.noisy)[asked] ** 2)
    alone, *others = (torch.cat(parts) for parts in errors)
    best = min(others, key=lambda error: float(error.mean()))
    gain = alone - best
    if float(gain.mean()) <= STANDARD_ERRORS * float(gain.std()) / len(gain) ** 0.5:
        return neighbours[:0]
    return looks[1 + next(n for n, error in enumerate(others) if error is best)]


def _within(neighbours: torch.Tensor, reach: int) -> torch.Tensor:
    """Return neighbours of which only so many on each side are left."""
    middle = len(neighbours) // 2
    kept = torch.full_like(neighbours, torch.nan)
    kept[middle - reach : middle + reach] = neighbours[middle - reach : middle + reach]
    return kept
