"""An INR of an image that is denoised already, for looking between its pixels.

F_φ is a SIREN on top of a smooth function of the estimate, cubic B-splines with its pixels as coefficients:
these alone blur it by a kernel of (1, 4, 1) / 6, and the SIREN learns what that takes away. The INR that is
fitted beside the U-Net is another one, in `napari_blindspot.engine.inr_fit`: it begins at the noisy image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.plane import check_plane
from napari_blindspot.engine.hardware.adam import make_adam, one_cycle
from napari_blindspot.method.inr_field import InrField, b_spline_at_pixels
from napari_blindspot.method.siren import Siren, pixel_coordinates

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["fit_inr"]

ITERATIONS = 60
"""Steps of the SIREN."""

POINTS = 8192
"""Pixels that a step looks at."""

FEATURES, OCTAVES, LAYERS, OMEGA = 64, 6, 5, 10.0
"""Of the SIREN: those of the measured presets."""

RATE, BETA = 5e-3, 0.999
"""Learning rate, and memory of the squared gradients: those of the measured presets."""


def fit_inr(image: npt.ArrayLike, *, iterations: int = ITERATIONS, seed: int = 0) -> InrField:
    """Fit an INR to a denoised plane.

    Parameters
    ----------
    image : array_like
        (Y, X), such as ``result.denoised``, or an output that was read; NaN count as the mean.
    iterations : int
        Steps of the SIREN; 0 for the splines alone.
    seed : int
        Draws the weights and the pixels of each step.

    Returns
    -------
    InrField
        The image as a function of position.

    Raises
    ------
    ImageError
        If it is no plane of intensities.
    """
    plane = np.asarray(check_plane(image), np.float64)
    known = np.isfinite(plane)
    mean = float(plane[known].mean()) if known.any() else 0.0
    scale = (float(plane[known].std()) if known.any() else 0.0) or 1.0
    pixels = torch.from_numpy(np.where(known, (plane - mean) / scale, 0.0).astype(np.float32))
    generator = torch.Generator().manual_seed(seed)
    siren = Siren(FEATURES, OCTAVES, (0.0,) * LAYERS, OMEGA, generator)
    torch.nn.init.zeros_(siren.output.weight)
    torch.nn.init.zeros_(siren.output.bias)
    if iterations:
        _learn(siren, pixels - b_spline_at_pixels(pixels), iterations, generator)
    siren.requires_grad_(False)
    return InrField(siren, pixels, mean, scale, gain=0.0, offset=1.0, cubic=True)


def _learn(siren: Siren, target: torch.Tensor, iterations: int, generator: torch.Generator) -> None:
    """Let a SIREN learn a plane, (Y, X), at the centres of its pixels."""
    values = target.flatten()
    coordinates = pixel_coordinates(target.shape[0], target.shape[1], target.device)
    numbers = one_cycle(max(iterations, 2), RATE, rise=0.1, below=25, last=10_000)
    optimizer = make_adam(siren.parameters(), numbers, BETA, target.device)
    for _ in range(iterations):
        optimizer.advance()
        pick = torch.randint(len(values), (POINTS,), generator=generator)
        loss = (siren(coordinates[pick])[:, 0] - values[pick]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
