"""F_φ of one plane as a function of position: sampled between the pixels, with exact gradients.

Positions are in pixels of the plane, whose first pixel has its centre at (0, 0) and reaches from -0.5 to
0.5. How F_φ is fitted belongs to `napari_blindspot.engine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from napari_blindspot.method.siren import Siren
from napari_blindspot.method.stabilisation import intensities
from napari_blindspot.method.weights import put_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    from torch import nn

    Floats = npt.NDArray[np.float32]

__all__ = [
    "CHUNK",
    "InrField",
    "SampledImage",
    "b_spline_at_pixels",
    "b_spline_weights",
    "field_of_weights",
    "read_cubic",
    "read_linear",
    "sample_positions",
]

CHUNK = 16384
"""Points evaluated at once: few enough to stay in a processor's cache. A convention."""


@dataclass(frozen=True, slots=True)
class SampledImage:
    """An image that was sampled at a step of its own.

    Attributes
    ----------
    values : ndarray
        (rows, columns) float32.
    origin : tuple of float
        (y, x) of the first sample, in pixels of the plane.
    step : float
        Distance of two samples, in pixels of the plane.
    """

    values: Floats
    origin: tuple[float, float]
    step: float


@dataclass(frozen=True, slots=True)
class InrField:
    """F_φ of one plane, with the way from its values to intensities.

    Attributes
    ----------
    siren : Module
        The network; coordinates in [-1, 1] in, what the base lacks out.
    base : Tensor
        (Y, X) float32, what the network adds to, on the scale of the fit.
    cubic : bool
        Whether the base is read by cubic B-splines between its pixels, and not linearly.
    mean, scale : float
        Undo the standardisation.
    gain, offset : float
        Of the noise's variance, by which the plane was stabilised; gain 0 for a division alone.
    """

    siren: nn.Module
    base: torch.Tensor
    mean: float
    scale: float
    gain: float
    offset: float
    cubic: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the plane."""
        height, width = self.base.shape
        return height, width

    def at(self, points: npt.ArrayLike) -> Floats:
        """Return the intensities at points.

        Parameters
        ----------
        points : array_like
            (N, 2), (y, x) in pixels.

        Returns
        -------
        ndarray
            (N,) float32.
        """
        with torch.no_grad():
            return np.concatenate([self._read(part).numpy() for part in _chunks(points)])

    def gradient_at(self, points: npt.ArrayLike) -> Floats:
        """Return the gradient of the intensity at points, by differentiating the networks themselves.

        Parameters
        ----------
        points : array_like
            (N, 2), (y, x) in pixels.

        Returns
        -------
        ndarray
            (N, 2) float32, along y and x, in intensities a pixel.
        """
        parts = []
        for part in _chunks(points):
            with torch.enable_grad():
                where = part.requires_grad_(True)
                (slope,) = torch.autograd.grad(self._read(where).sum(), where)
            parts.append(slope.numpy())
        return np.concatenate(parts)

    def sample(self, zoom: float = 1.0, region: tuple[int, int, int, int] | None = None) -> SampledImage:
        """Return the intensities of a part of the plane at any resolution.

        Parameters
        ----------
        zoom : float
            Samples a pixel, along y and along x.
        region : tuple of int, optional
            (first row, first column, row after the last, column after the last); the whole plane if not
            given. It lies within the plane.

        Returns
        -------
        SampledImage
            Its samples divide the pixels of the region evenly, so that they cover the same area.
        """
        points, shape, origin = sample_positions(region or (0, 0, *self.shape), zoom)
        return SampledImage(self.at(points).reshape(shape), origin, 1 / zoom)

    def sample_gradient(
        self, zoom: float = 1.0, region: tuple[int, int, int, int] | None = None
    ) -> tuple[SampledImage, SampledImage]:
        """Return how steep the image is, and in which direction it rises.

        Parameters
        ----------
        zoom, region
            As for `sample`.

        Returns
        -------
        magnitude : SampledImage
            In intensities a pixel.
        direction : SampledImage
            In degrees from -180 to 180; 0 where the image rises along x, 90 where it rises along y, which
            is downwards on the screen.
        """
        points, shape, origin = sample_positions(region or (0, 0, *self.shape), zoom)
        slope = self.gradient_at(points)
        steepness = np.hypot(slope[:, 0], slope[:, 1]).reshape(shape)
        direction = np.degrees(np.arctan2(slope[:, 0], slope[:, 1])).reshape(shape)
        return SampledImage(steepness, origin, 1 / zoom), SampledImage(direction, origin, 1 / zoom)

    def inconsistency(self, estimate: npt.ArrayLike, shifts: int = 3) -> Floats:
        """Return how far F_φ lies from an estimate of D_θ within every pixel, as L_mc compares them.

        Parameters
        ----------
        estimate : array_like
            (Y, X), the image of the U-Net.
        shifts : int
            Samples of each pixel along y and along x.

        Returns
        -------
        ndarray
            (Y, X) float32, the root mean square over the samples of a pixel, in intensities.
        """
        height, width = self.shape
        fine = self.sample(shifts).values.reshape(height, shifts, width, shifts)
        away = fine - np.asarray(estimate, np.float32)[:, None, :, None]
        return np.asarray(np.sqrt((away**2).mean((1, 3))), np.float32)

    def _read(self, points: torch.Tensor) -> torch.Tensor:
        """Return intensities at (N, 2) points in pixels, (N,)."""
        sides = torch.tensor(self.shape, dtype=torch.float32) - 1.0
        where = 2.0 * points / sides - 1.0
        base = read_cubic(self.base, points) if self.cubic else read_linear(self.base, where)
        standard: torch.Tensor = base + self.siren(where)[:, 0]
        return intensities(standard * self.scale + self.mean, self.gain, self.offset)


def field_of_weights(
    weights: Mapping[str, Floats],
    base: Floats,
    *,
    features: int,
    octaves: int,
    omega: float,
    layers: int,
    mean: float,
    scale: float,
    gain: float,
    offset: float,
) -> InrField:
    """Return F_φ of the weights of a fitted model.

    Parameters
    ----------
    weights : mapping of str to ndarray
        By the names of the network's parameters.
    base : ndarray
        (Y, X), what the network adds to, by cubic B-splines.
    features, octaves, omega, layers
        How the network is built.
    mean, scale, gain, offset : float
        As in `InrField`.
    """
    siren = Siren(features, octaves, (0.0,) * layers, omega, torch.Generator())
    put_weights(siren, weights, "")
    siren.requires_grad_(False).eval()
    pixels = torch.from_numpy(np.array(base, np.float32))
    return InrField(siren, pixels, mean, scale, gain, offset, cubic=True)


def sample_positions(
    region: tuple[int, int, int, int], zoom: float
) -> tuple[npt.NDArray[np.float64], tuple[int, int], tuple[float, float]]:
    """Return where samples lie that divide the pixels of a region evenly.

    Parameters
    ----------
    region : tuple of int
        (first row, first column, row after the last, column after the last).
    zoom : float
        Samples a pixel.

    Returns
    -------
    points : ndarray
        (rows * columns, 2) float64, (y, x) in pixels.
    shape : tuple of int
        (rows, columns).
    origin : tuple of float
        (y, x) of the first sample.
    """
    top, left, bottom, right = region
    shape = max(1, round((bottom - top) * zoom)), max(1, round((right - left) * zoom))
    origin = top - 0.5 + 0.5 / zoom, left - 0.5 + 0.5 / zoom
    y, x = (first + np.arange(count) / zoom for first, count in zip(origin, shape, strict=True))
    points = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return points, shape, origin


def _chunks(points: Any) -> Iterator[torch.Tensor]:
    """Yield points in float32, some at a time."""
    every = torch.from_numpy(np.asarray(points, np.float32).reshape(-1, 2))
    yield from torch.split(every, CHUNK)


def read_linear(base: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Read (Y, X) at coordinates (N, 2) in [-1, 1], linearly between its pixels."""
    grid = where.flip(1)[None, None]
    read = F.grid_sample(base[None, None], grid, padding_mode="border", align_corners=True)
    return read[0, 0, 0]


def read_cubic(base: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Read (Y, X) at (N, 2) points in pixels, by cubic B-splines of its values; smooth everywhere.

    The values are the coefficients: they are smoothed a little, as by a kernel (1, 4, 1) / 6.
    """
    first = points.detach().floor()
    total = torch.zeros(len(points), dtype=base.dtype, device=base.device)
    sides = base.shape
    weights = [b_spline_weights(points[:, axis] - first[:, axis]) for axis in (0, 1)]
    for i in range(4):
        row = (first[:, 0].long() + i - 1).clamp(0, sides[0] - 1)
        for j in range(4):
            column = (first[:, 1].long() + j - 1).clamp(0, sides[1] - 1)
            total = total + weights[0][i] * weights[1][j] * base[row, column]
    return total


def b_spline_at_pixels(base: torch.Tensor) -> torch.Tensor:
    """Return what cubic B-splines with these coefficients, (Y, X), are at the centres of the pixels."""
    padded = F.pad(base[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    rows = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6
    smoothed: torch.Tensor = (rows[:, :-2] + 4 * rows[:, 1:-1] + rows[:, 2:]) / 6
    return smoothed


def b_spline_weights(t: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the weights of the four coefficients around a point, t in [0, 1) past the second."""
    s = 1 - t
    return s**3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (4 - 6 * s**2 + 3 * s**3) / 6, t**3 / 6
