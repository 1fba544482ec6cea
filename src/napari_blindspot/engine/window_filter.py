"""A second opinion without holes: the Wiener filter in the cosine transform of overlapping windows.

A plane and its neighbours are cut into windows, and each of their coefficients is kept as far as a first
estimate of the planes has more power there than the noise. It is the second step of BM3D and BM4D (Dabov et
al., IEEE TIP 2007; Maggioni et al., IEEE TIP 2013) with the estimate of a network in place of their first
step, and with windows that lie over each other in place of a search for similar ones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from napari_blindspot.noise.window_levels import SIDE, cosines, levels_of

__all__ = ["coefficient_variances", "window_filter"]

STEP = 2
"""Distance of one window from the next, in pixels."""

ROWS = 32
"""Rows of windows that are worked on at a time, which bounds the memory."""

LEAST_WEIGHT = 0.02
"""Windows weigh by the inverse of the noise that they keep, of which this share is the least."""


def window_filter(
    noisy: torch.Tensor, pilot: torch.Tensor, sigma: torch.Tensor, variances: torch.Tensor
) -> torch.Tensor:
    """Return the filtered planes, (K, Y, X).

    Parameters
    ----------
    noisy : Tensor
        (K, Y, X), planes that lie over each other, without NaN.
    pilot : Tensor
        (K, Y, X), what they are estimated to be.
    sigma : Tensor
        (Y, X), standard deviation of the noise.
    variances : Tensor
        (SIDE, SIDE), variance of each coefficient of noise with standard deviation 1, as
        `coefficient_variances` gives them.
    """
    count, height, width = noisy.shape
    below, right = (-(side - SIDE) % STEP for side in (height, width))
    both = F.pad(torch.cat([noisy, pilot, sigma[None] ** 2])[None], (0, right, 0, below), mode="replicate")[
        0
    ]
    rows, columns = ((side - SIDE) // STEP + 1 for side in both.shape[1:])
    plane, along = (torch.from_numpy(cosines(size)).to(noisy.device) for size in (SIDE, count))
    total, weights = torch.zeros_like(both[:count]), torch.zeros_like(both[0])
    for first in range(0, rows, ROWS):
        lines = min(ROWS, rows - first)
        top, bottom = first * STEP, (first + lines - 1) * STEP + SIDE
        windows = both[:, top:bottom].unfold(1, SIDE, STEP).unfold(2, SIDE, STEP).flatten(1, 2)
        level = windows[-1].mean(dim=(-2, -1))[None, :, None, None] * variances
        seen, guess = (
            torch.einsum("kd,dnyx->knyx", along, plane @ part @ plane.T)
            for part in (windows[:count], windows[count:-1])
        )
        gain = guess**2 / (guess**2 + level).clamp_min(1e-12)
        kept = (gain**2 * level).sum(dim=(0, 2, 3)) / (level.sum(dim=(0, 2, 3)) * count).clamp_min(1e-12)
        weight = 1 / kept.clamp_min(LEAST_WEIGHT)
        back = torch.einsum("kd,knyx->dnyx", along, plane.T @ (gain * seen) @ plane)
        back = (back * weight[:, None, None]).view(count, lines, columns, SIDE, SIDE)
        weight = weight.view(lines, columns)
        for y in range(SIDE):
            for x in range(SIDE):
                place = (
                    slice(top + y, top + y + lines * STEP, STEP),
                    slice(x, x + columns * STEP, STEP),
                )
                total[(slice(None), *place)] += back[..., y, x]
                weights[place] += weight
    filtered: torch.Tensor = (total / weights)[:, :height, :width]
    return filtered


def coefficient_variances(correlation: torch.Tensor | None, device: torch.device) -> torch.Tensor:
    """Return the variances, (SIDE, SIDE), of the cosine coefficients of noise with standard deviation 1.

    Parameters
    ----------
    correlation : Tensor or None
        (2L+1, 2L+1), autocorrelation of the noise; None for white noise.
    device : torch.device
        Where they are wanted.
    """
    if correlation is None:
        return torch.ones(SIDE, SIDE, device=device)
    return torch.from_numpy(levels_of(correlation.numpy())).to(device, torch.float32)
