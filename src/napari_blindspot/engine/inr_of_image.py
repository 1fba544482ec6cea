"""An INR of an image or a stack that is denoised already, for looking between its pixels and planes.

F_φ is a SIREN on top of a smooth function of the estimate, cubic B-splines with its pixels as coefficients:
these alone blur it by a kernel of (1, 4, 1) / 6, and the SIREN learns what that takes away. Along z the
splines run through the planes. The INR that is
fitted beside the U-Net is another one, in `napari_blindspot.engine.inr_fit`: it begins at the noisy image.
The planes of a stack have this one, fitted when somebody asks for it.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Finished
from napari_blindspot.core.images import Images
from napari_blindspot.core.plane import cast_like, check_plane
from napari_blindspot.engine.hardware.adam import make_adam, one_cycle
from napari_blindspot.engine.hardware.torch_state import computing
from napari_blindspot.engine.inr_fit import BETA, POINTS
from napari_blindspot.method.inr_field import CHUNK, InrField, b_spline_at_pixels
from napari_blindspot.method.inr_volume import InrVolume, coefficients_along_z, volume_coordinates
from napari_blindspot.method.siren import Siren, pixel_coordinates
from napari_blindspot.method.weights import take_weights
from napari_blindspot.noise.blank_areas import blank_areas, without_blank_areas
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model

__all__ = ["fit_inr", "fit_volume", "inr_at_pixels", "with_inr", "with_inr_later"]

ITERATIONS = 60
"""Steps of the SIREN."""

MANY_POINTS = 8192
"""Pixels that a step looks at, at most. Of a plane of a stack, whose INR someone waits for, they are as few
as in a run; docs/benchmarks/inr.md has both."""

FEWEST_PLANES = 2
"""Of a stack: of one there is nothing between planes."""


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
    siren = _siren_of(pixels, iterations, seed, MeasuredSettings(), MANY_POINTS)
    return InrField(siren, pixels, mean, scale, gain=0.0, offset=1.0, cubic=True)


def inr_at_pixels(denoised: npt.NDArray[Any], settings: MeasuredSettings) -> npt.NDArray[Any]:
    """Return the image of an INR that is fitted to a denoised plane of a stack.

    It depends on nothing else, so that it is the same whenever it is made.

    Parameters
    ----------
    denoised : ndarray
        (Y, X); its NaN, and its blank areas, stay as they are.
    settings : MeasuredSettings
        Of the run: how the SIREN is built, the seed, and whether it learns from the estimate.

    Returns
    -------
    ndarray
        (Y, X), in the dtype of `denoised`.
    """
    areas = blank_areas(denoised)
    bare = without_blank_areas(denoised, areas) if areas is not None else denoised
    pixels, mean, scale = _standardised(np.asarray(bare, np.float64))
    with computing(torch.device("cpu")):
        siren = _siren_of(pixels, _steps(settings), settings.seed, settings, POINTS)
        image = b_spline_at_pixels(pixels)
        where, values = pixel_coordinates(image.shape[0], image.shape[1], image.device), image.view(-1)
        with torch.no_grad():
            for some in torch.split(torch.arange(len(values)), CHUNK):
                values[some] += siren(where[some])[:, 0]
    found = image.numpy().astype(np.float64) * scale + mean
    left = ~np.isfinite(bare) if bare.dtype.kind == "f" else np.zeros(bare.shape, bool)
    return cast_like(np.where(left, denoised, found), denoised.dtype)


def with_inr_later(events: Iterable[Event], settings: MeasuredSettings) -> Iterator[Event]:
    """Let a result whose run has fitted no INR have one as soon as its image is read.

    Parameters
    ----------
    events : iterable of Event
        Of the fit of one plane.
    settings : MeasuredSettings
        Of the fit.
    """
    for event in events:
        if isinstance(event, Finished) and "inr" not in event.result.images:
            images = event.result.images
            later = {"inr": functools.partial(inr_at_pixels, images["denoised"], settings)}
            yield replace(event, result=replace(event.result, images=Images(images, later)))
        else:
            yield event


def with_inr(model: Model) -> Model:
    """Return a model with the INR of the plane that was fitted, which a plane of a stack lacks.

    Parameters
    ----------
    model : Model
        Given back as it is if it has one, or nothing that one could stand on.
    """
    if model.has_inr or model.inr_base is None:
        return model
    settings = model.settings
    with computing(torch.device("cpu")):
        pixels = torch.from_numpy(model.inr_base.values.copy())
        siren = _siren_of(pixels, _steps(settings), settings.seed, settings, POINTS)
    return replace(model, weights={**model.weights, **take_weights({"inr.": siren})})


def _steps(settings: MeasuredSettings) -> int:
    """Return how many steps the SIREN takes, which learns by what L_mc compares it with."""
    return ITERATIONS if settings.train_inr and "consistency" in settings.losses else 0


def _siren_of(
    pixels: torch.Tensor, iterations: int, seed: int, settings: MeasuredSettings, points: int
) -> Siren:
    """Return a SIREN that has learned what cubic B-splines of a (Y, X) plane lack at its pixels."""
    generator = torch.Generator().manual_seed(seed)
    coordinates = pixel_coordinates(pixels.shape[0], pixels.shape[1], pixels.device)
    lacks = (pixels - b_spline_at_pixels(pixels)).flatten()

    def some(pick: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return coordinates[pick], lacks[pick]

    return _learned(some, len(lacks), 2, iterations, generator, settings, points)


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

    siren = _learned(some, len(lacks), 3, iterations, generator, MeasuredSettings(), MANY_POINTS)
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
    settings: MeasuredSettings,
    points: int,
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
    settings : MeasuredSettings
        How the network is built, and how fast it learns.
    points : int
        Points of a step, at most.
    """
    siren = Siren(
        settings.inr_features,
        settings.inr_octaves,
        (0.0,) * len(settings.inr_dropout),
        settings.inr_omega,
        generator,
        dimensions=dimensions,
    )
    torch.nn.init.zeros_(siren.output.weight)
    torch.nn.init.zeros_(siren.output.bias)
    numbers = one_cycle(max(iterations, 2), settings.inr_learning_rate, rise=0.1, below=25, last=10_000)
    optimizer = make_adam(siren.parameters(), numbers, BETA, torch.device("cpu"))
    for _ in range(iterations):
        optimizer.advance()
        where, values = some(torch.randint(count, (min(points, count),), generator=generator))
        loss = (siren(where)[:, 0] - values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    siren.requires_grad_(False)
    return siren
