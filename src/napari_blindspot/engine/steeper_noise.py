"""Noise that grows faster with intensity than was measured, because nothing bright was quiet.

On a plane of small bright things the blocks without structure are dark, and the noise of what is bright is
missed. What an estimate leaves of the plane shows it (`napari_blindspot.noise.residual_noise`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.engine.neighbour_choice import busiest_part
from napari_blindspot.noise.residual_noise import noise_of_residual

if TYPE_CHECKING:
    from napari_blindspot.engine.restoration import Restoration

__all__ = ["steepness"]

STEEPER = 4.0
"""Gain by the residual over the measured one from which on it is believed; that of FMDD's captures is at
most 1.3 (docs/benchmarks/kinds.md)."""

TWICE_THE_VARIANCE, LEAST_SHARE = 2.0, 0.001
"""Variance over that of the model, and the share of pixels that must have it. Conventions."""


def steepness(restoration: Restoration, image: torch.Tensor, first: torch.Tensor) -> torch.Tensor | None:
    """Return by how much the standard deviation of white noise exceeds its model at every pixel.

    As in `napari_blindspot.engine.uneven_noise`, an estimate that knows the noisy pixels tells whether it
    does; by how much is the mean of both, for the one takes a part of the noise along and the other leaves
    structure behind.

    Parameters
    ----------
    restoration : Restoration
        Of the plane.
    image, first : Tensor
        (1, 1, Y, X): what the fit has come to, and every pixel as predicted while it was hidden.

    Returns
    -------
    Tensor or None
        (1, 1, Y, X), 1 or more; None where the model is steep enough.
    """
    measurement = restoration.measurement
    noise, part = measurement.noise, busiest_part(measurement.stabilised)
    observed, left_out = measurement.observed[part], measurement.left_out[part]
    # Of most planes no more than this part is looked at.
    seen = restoration.invert(image[0, 0][part].float().cpu().numpy())
    least = noise_of_residual(noise, observed, seen, left_out)
    if least.gain <= STEEPER * noise.gain:
        return None
    ratio = least.variance(seen) / np.maximum(noise.variance(seen), 1e-300)
    if (ratio > TWICE_THE_VARIANCE).mean() < LEAST_SHARE:
        return None
    hidden = restoration.invert(first[0, 0].float().cpu().numpy())
    found = noise_of_residual(noise, observed, hidden[part], left_out)
    both = (least.variance(hidden) + found.variance(hidden)) / 2
    more = both / np.maximum(noise.variance(hidden), 1e-300)
    return torch.from_numpy(np.sqrt(np.maximum(more, 1.0))).to(image)[None, None]
