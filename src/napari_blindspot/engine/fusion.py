"""What of the residual is structure: fused into an estimate, window by window, by the measured noise.

(1, 1, Y, X) tensors on the scale of the fit. What the estimate is used for belongs to
`napari_blindspot.engine.measured_run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import chdtri, ndtri

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["guard", "limits", "local_sigma", "wiener"]

LEVELS = 24
"""Ranges of intensity in which the spread of the residual is measured."""

WIENER_WINDOW = 9
"""Side of the window of the Wiener fusion, in pixels."""

BEYOND_NOISE = ((9, 2.0), (5, 3.0))
"""Windows (side in pixels) in which a mean square of so many times that of white noise is no chance."""

CHANCE = 1e-5
"""Share of windows in which correlated noise may exceed its limit: fewer parts of it are independent.

With the limits of white noise, 0.3 % of wide-field noise came back (docs/benchmarks/auto.md)."""

SIGMAS_OF_CHANCE = float(ndtri(1 - CHANCE))
"""Standard deviations that a normal number exceeds as rarely."""


def local_sigma(
    noisy: torch.Tensor,
    estimate: torch.Tensor,
    valid: torch.Tensor,
    model_sigma: float,
    uneven: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the noise's standard deviation at every pixel, as a function of the estimate.

    Stabilisation is not exact where counts are low or clipped; the residual shows what is left there. It
    is never taken to be more than the model says, because lost structure only adds to a residual.

    Parameters
    ----------
    noisy, estimate : Tensor
        (1, 1, Y, X).
    valid : Tensor
        (1, 1, Y, X) bool.
    model_sigma : float
        The noise's standard deviation by the model, on the same scale.
    uneven : Tensor, optional
        (1, 1, Y, X), by how much it exceeds that, as `napari_blindspot.engine.uneven_noise` finds it.
    """
    values, order = estimate[valid].sort()
    squares = ((noisy - estimate)[valid] ** 2)[order]
    centres = torch.stack([part.mean() for part in values.tensor_split(LEVELS) if len(part)])
    variances = torch.stack([part.mean() for part in squares.tensor_split(LEVELS) if len(part)])
    sigmas = variances.sqrt().clamp(max=model_sigma)
    position = torch.bucketize(estimate.contiguous(), centres)
    low = (position - 1).clamp(0, len(centres) - 1)
    high = position.clamp(0, len(centres) - 1)
    width = (centres[high] - centres[low]).clamp_min(1e-12)
    share = ((estimate - centres[low]) / width).clamp(0, 1)
    local = sigmas[low] + share * (sigmas[high] - sigmas[low])
    return local if uneven is None else torch.where(uneven > 1, uneven * model_sigma, local)


def _window_mean(x: torch.Tensor, valid: torch.Tensor, side: int) -> torch.Tensor:
    """Return the mean over the valid pixels of a window around every pixel, (1, 1, Y, X)."""
    weight = valid.to(x.dtype)
    padded = F.pad(torch.cat([x * weight, weight]), (side // 2,) * 4, mode="reflect")
    sums = F.avg_pool2d(padded, side, stride=1)
    return sums[:1] / sums[1:].clamp_min(1e-6)


def wiener(
    noisy: torch.Tensor, estimate: torch.Tensor, sigma: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """Give back the part of the residual that exceeds the measured noise, window by window."""
    residual = _window_mean((noisy - estimate) ** 2, valid, WIENER_WINDOW)
    noise = _window_mean(sigma**2, valid, WIENER_WINDOW)
    structure = (residual - noise).clamp_min(0)
    gain = structure / (structure + noise).clamp_min(1e-30)
    return torch.where(valid, estimate + gain * (noisy - estimate), estimate)


def guard(
    noisy: torch.Tensor,
    estimate: torch.Tensor,
    sigma: torch.Tensor,
    valid: torch.Tensor,
    correlation: Floats | None = None,
    excess: torch.Tensor | None = None,
) -> torch.Tensor:
    """Give the residual back where it is far beyond the noise: debris, missed structure, a clean image.

    Unlike `wiener` it leaves alone what chance explains, so that it can be the last step.

    Parameters
    ----------
    noisy, estimate, sigma : Tensor
        (1, 1, Y, X); the last is the noise's standard deviation.
    valid : Tensor
        (1, 1, Y, X) bool.
    correlation : ndarray, optional
        (2L+1, 2L+1), the noise's autocorrelation where it is correlated.
    excess : Tensor, optional
        (1, 1, Y, X), excess kurtosis of white noise; that of normal noise, 0, if it is left out. Where few
        photons come, a single one is far from the mean.
    """
    squares, variance = (noisy - estimate) ** 2, sigma**2
    gain = torch.zeros_like(estimate)
    for side, times in limits(correlation):
        residual = _window_mean(squares, valid, side)
        noise = _window_mean(variance, valid, side)
        limit = noise * times
        if excess is not None:
            mean = _window_mean(excess * variance, valid, side) / noise.clamp_min(1e-30)
            limit = noise * _beyond_chance(side**2 / (1 + mean / 2)).clamp_min(times)
        gain = torch.maximum(gain, (residual - limit).clamp_min(0) / residual.clamp_min(1e-30))
    return torch.where(valid, estimate + gain * (noisy - estimate), estimate)


def _beyond_chance(independent: torch.Tensor) -> torch.Tensor:
    """Return the mean square of so many normal numbers that one in 1 / `CHANCE` exceeds.

    Wilson and Hilferty, "The Distribution of Chi-Square" (PNAS 1931). Below one number it is larger than
    the true one, as the tail of few photons is.
    """
    spread = 2 / (9 * independent)
    return (1 - spread + SIGMAS_OF_CHANCE * spread.sqrt()).clamp_min(0) ** 3


def limits(correlation: Floats | None) -> tuple[tuple[int, float], ...]:
    """Return windows, and the mean square in units of the noise's variance that is no chance there.

    Parameters
    ----------
    correlation : ndarray or None
        (2L+1, 2L+1), of correlated noise; None for white noise.
    """
    if correlation is None:
        return BEYOND_NOISE
    found = []
    for side, times in BEYOND_NOISE:
        reach = min(len(correlation) // 2, side - 1)
        middle = len(correlation) // 2
        inner = correlation[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
        # Mean squares of a window vary as if it had so many independent pixels.
        pairs = side - np.abs(np.arange(-reach, reach + 1))
        independent = side**4 / float((pairs[:, None] * pairs * inner**2).sum())
        found.append((side, max(times, float(chdtri(independent, CHANCE)) / independent)))
    return tuple(found)
