"""F_φ of a stack as a function of position: sampled between its planes as between its pixels.

Positions are (z, y, x) in planes and pixels; the first pixel of the first plane has its centre at
(0, 0, 0). How F_φ is fitted belongs to `napari_blindspot.engine`; the INR of one plane is in
`napari_blindspot.method.inr_field`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.linalg import solve_banded

from napari_blindspot.method.inr_field import CHUNK, b_spline_weights

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    Floats = npt.NDArray[np.float32]

__all__ = ["InrVolume", "SampledVolume", "coefficients_along_z", "volume_coordinates"]


@dataclass(frozen=True, slots=True)
class SampledVolume:
    """A stack that was sampled at steps of its own.

    Attributes
    ----------
    values : ndarray
        (planes, rows, columns) float32.
    origin : tuple of float
        (z, y, x) of the first sample, in planes and pixels of the stack.
    step : tuple of float
        Distances of two samples along z, y and x, in planes and pixels of the stack.
    """

    values: Floats
    origin: tuple[float, float, float]
    step: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class InrVolume:
    """F_φ of a stack, with the way from its values to intensities.

    Attributes
    ----------
    siren : Module
        The network; what `volume_coordinates` returns in, what the base lacks out.
    base : Tensor
        (Z + 2, Y, X) float32, what `coefficients_along_z` returns: the network adds to cubic B-splines with
        these coefficients.
    mean, scale : float
        Undo the standardisation.
    """

    siren: nn.Module
    base: torch.Tensor
    mean: float
    scale: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X) of the stack."""
        planes, height, width = self.base.shape
        return planes - 2, height, width

    def at(self, points: npt.ArrayLike) -> Floats:
        """Return the intensities at points.

        Parameters
        ----------
        points : array_like
            (N, 3), (z, y, x) in planes and pixels; before the first and behind the last plane it is as at
            them.

        Returns
        -------
        ndarray
            (N,) float32.
        """
        every = torch.from_numpy(np.asarray(points, np.float32).reshape(-1, 3))
        with torch.no_grad():
            return np.concatenate([self._read(part).numpy() for part in torch.split(every, CHUNK)])

    def sample(
        self,
        zoom: tuple[float, float, float],
        region: tuple[int, int, int, int] | None = None,
    ) -> SampledVolume:
        """Return the intensities of all planes at any resolution.

        Parameters
        ----------
        zoom : tuple of float
            Samples a plane along z, and samples a pixel along y and along x.
        region : tuple of int, optional
            (first row, first column, row after the last, column after the last); whole planes if not given.

        Returns
        -------
        SampledVolume
            Its samples divide planes and pixels evenly, from edge to edge.
        """
        top, left, bottom, right = region or (0, 0, *self.shape[1:])
        axes, origin = [], []
        for first, last, by in zip((0, top, left), (self.shape[0], bottom, right), zoom, strict=True):
            origin.append(first - 0.5 + 0.5 / by)
            axes.append(origin[-1] + np.arange(max(1, round((last - first) * by))) / by)
        # One plane at a time: the positions take three times the room of the samples.
        values = np.empty([len(axis) for axis in axes], np.float32)
        plane = np.stack(np.meshgrid([0.0], *axes[1:], indexing="ij"), axis=-1).reshape(-1, 3)
        for at, z in enumerate(axes[0]):
            plane[:, 0] = z
            values[at] = self.at(plane).reshape(values.shape[1:])
        z, y, x = origin
        return SampledVolume(values, (z, y, x), (1 / zoom[0], 1 / zoom[1], 1 / zoom[2]))

    def _read(self, points: torch.Tensor) -> torch.Tensor:
        """Return intensities at (N, 3) points in planes and pixels, (N,)."""
        inside = torch.stack([points[:, 0].clamp(0, self.shape[0] - 1), points[:, 1], points[:, 2]], dim=1)
        added: torch.Tensor = self.siren(volume_coordinates(inside, self.shape))[:, 0]
        return (added + _read_splines(self.base, inside)) * self.scale + self.mean


def volume_coordinates(points: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Return coordinates of a network for (N, 3) points in planes and pixels of a stack (Z, Y, X).

    All axes are scaled alike, by the longest: a plane is to the network what a pixel is, so that it cannot
    vary faster between two planes than between two pixels.
    """
    middle = torch.tensor([(side - 1) / 2 for side in shape], dtype=points.dtype, device=points.device)
    return (points - middle) * (2.0 / (max(shape) - 1))


def coefficients_along_z(stack: torch.Tensor) -> torch.Tensor:
    """Return what cubic B-splines along z need to run through the planes of a stack.

    Planes lie too far apart to be smoothed over, as pixels are. The splines end without curvature, and one
    more plane of coefficients stands on either side.

    Parameters
    ----------
    stack : Tensor
        (Z, Y, X), two planes at least.

    Returns
    -------
    Tensor
        (Z + 2, Y, X) float32.
    """
    planes = stack.flatten(1).double().numpy()
    # (1, 4, 1) / 6 between, and no curvature at the ends, where the coefficient is the plane itself.
    bands = np.zeros((3, len(planes)))
    bands[0, 2:] = bands[2, :-2] = 1 / 6
    bands[1] = 4 / 6
    bands[1, [0, -1]] = 1.0
    inner = solve_banded((1, 1), bands, planes)
    whole = np.concatenate([2 * inner[:1] - inner[1:2], inner, 2 * inner[-1:] - inner[-2:-1]])
    return torch.from_numpy(whole.astype(np.float32)).view(-1, *stack.shape[1:])


def _read_splines(base: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Read coefficients, (Z + 2, Y, X), at (N, 3) points in planes and pixels."""
    first = points.floor()
    weights = [b_spline_weights(points[:, axis] - first[:, axis]) for axis in range(3)]
    # The coefficients begin one plane before the stack.
    starts = [first[:, 0].long() + 1, first[:, 1].long(), first[:, 2].long()]
    total = torch.zeros(len(points), dtype=base.dtype)
    for i, j, k in itertools.product(range(4), repeat=3):
        z, y, x = (
            (start + step - 1).clamp(0, side - 1)
            for start, step, side in zip(starts, (i, j, k), base.shape, strict=True)
        )
        total += weights[0][i] * weights[1][j] * weights[2][k] * base[z, y, x]
    return total
