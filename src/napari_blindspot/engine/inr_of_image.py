"""An INR of an image or a stack that is denoised already, for looking between its pixels and planes.

F_φ is a SIREN on top of a smooth function of the estimate, cubic B-splines with its pixels as coefficients:
these alone blur it by a kernel of (1, 4, 1) / 6, and the SIREN learns what that takes away. Along z the
splines run through the planes. The INR that is
fitted beside the U-Net is another one, in `napari_blindspot.engine.inr_fit`: it begins at the noisy image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.plane import check_plane
from napari_blindspot.engine.hardware.adam import make_adam, one_cycle
from napari_blindspot.method.inr_field import InrField, b_spline_at_pixels
from napari_blindspot.method.inr_volume import InrVolume, coefficients_along_z, volume_coordinates
from napari_blindspot.method.siren import Siren, pixel_coordinates

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["fit_inr", "fit_volume"]

ITERATIONS = 60
"""Steps of the SIREN."""

POINTS = 8192
"""Pixels that a step looks at, at most."""

FEATURES, OCTAVES, LAYERS, OMEGA = 64, 6, 5, 10.0
"""Of the SIREN: those of the measured presets."""

FEWEST_PLANES = 2
"""Of a stack: of one there is nothing between planes."""

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
    pixels, mean, scale = _standardised(np.asarray(check_plane(image), np.float64))
    generator = torch.Generator().manual_seed(seed)
    coordinates = pixel_coordinates(pixels.shape[0], pixels.shape[1], pixels.device)
    lacks = (pixels - b_spline_at_pixels(pixels)).flatten()
    siren = _learned(lambda pick: (coordinates[pick], lacks[pick]), len(lacks), 2, iterations, generator)
    return InrField(siren, pixels, mean, scale, gain=0.0, offset=1.0, cubic=True)


def fit_volume(stack: npt.ArrayLike, *, iterations: int = ITERATIONS, seed: int = 0) -> InrVolume:
    """Fit one INR of (z, y, x) to the denoised planes of a stack.

    Parameters
    ----------
    stack : array_like
        (Z, Y, X) of two planes or more, such as ``denoise_stack(…).denoised``; NaN count as the mean.
    iterations : int
        Steps of the SIREN; 0 for the splines alone.
    seed : int
        Draws the weights and the pixels of each step.

    Returns
    -------
    InrVolume
        The stack as a function of position.

    Raises
    ------
    ImageError
        If it is no stack of planes of intensities, or one of them has no pixel with a value.
    """
    planes = np.asarray(stack)
    if planes.ndim != 3 or len(planes) < FEWEST_PLANES:
        raise ImageError(
            f"The stack has the shape {planes.shape}, but two planes or more are needed, (Z, Y, X)."
        )
    for at, plane in enumerate(planes):
        if not np.isfinite(check_plane(plane)).any():
            raise ImageError(f"Plane {at} of the stack has no result: denoise it as well, or leave it out.")
    pixels, mean, scale = _standardised(np.asarray(planes, np.float64))
    generator = torch.Generator().manual_seed(seed)
    # The splines along z run through the planes, so that each lacks what it would lack alone.
    lacks = torch.stack([plane - b_spline_at_pixels(plane) for plane in pixels]).flatten()

    def some(pick: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.stack(torch.unravel_index(pick, pixels.shape), dim=1)
        return volume_coordinates(places.float(), tuple(pixels.shape)), lacks[pick]

    siren = _learned(some, len(lacks), 3, iterations, generator)
    return InrVolume(siren, coefficients_along_z(pixels), mean, scale)


def _standardised(values: npt.NDArray[np.float64]) -> tuple[torch.Tensor, float, float]:
    """Return intensities with mean 0 and standard deviation 1, and what was subtracted and divided by."""
    known = np.isfinite(values)
    mean = float(values[known].mean()) if known.any() else 0.0
    scale = (float(values[known].std()) if known.any() else 0.0) or 1.0
    return torch.from_numpy(np.where(known, (values - mean) / scale, 0.0).astype(np.float32)), mean, scale


def _learned(
    some: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    count: int,
    dimensions: int,
    iterations: int,
    generator: torch.Generator,
) -> Siren:
    """Return a SIREN that has learned values at points.

    Parameters
    ----------
    some : callable
        Returns coordinates, (P, D), and values, (P,), of the points of some numbers, (P,).
    count : int
        How many points there are.
    dimensions : int
        D.
    iterations : int
        Steps; after none the network is 0 everywhere.
    generator : torch.Generator
        Draws weights and points.
    """
    siren = Siren(FEATURES, OCTAVES, (0.0,) * LAYERS, OMEGA, generator, dimensions=dimensions)
    torch.nn.init.zeros_(siren.output.weight)
    torch.nn.init.zeros_(siren.output.bias)
    numbers = one_cycle(max(iterations, 2), RATE, rise=0.1, below=25, last=10_000)
    optimizer = make_adam(siren.parameters(), numbers, BETA, torch.device("cpu"))
    for _ in range(iterations):
        optimizer.advance()
        where, values = some(torch.randint(count, (min(POINTS, count),), generator=generator))
        loss = (siren(where)[:, 0] - values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    siren.requires_grad_(False)
    return siren
