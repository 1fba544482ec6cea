"""Synthetic planes of many kinds, whose only purpose is to be various: made from random fields.

Like a microscope's they are sums of filaments, membranes, nuclei, points and textures, blurred by a point
spread function. Samples that look like those of one microscope, with its noise, are in
`napari_blindspot.samples`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.special import expit

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["StructureDraw", "SyntheticPlane", "random_plane"]

EPSILON = 1e-9
"""Added to what is divided by, in case a plane is empty."""


@dataclass(frozen=True, slots=True)
class SyntheticPlane:
    """A clean plane on the scale of a fit.

    Attributes
    ----------
    clean : ndarray
        (side, side) float32, such that it has mean 0, and with its noise a standard deviation of 1.
    sigma : float
        Standard deviation of the noise that is to be put on it.
    """

    clean: npt.NDArray[np.float32]
    sigma: float


def random_plane(seed: int, side: int) -> SyntheticPlane:
    """Make a plane of one to four kinds of structure.

    Parameters
    ----------
    seed : int
        Same seed, same plane.
    side : int
        Side of the plane in pixels.
    """
    draw = StructureDraw(np.random.default_rng(seed), side)
    rng = draw.rng
    plane = np.zeros((side, side))
    for _ in range(rng.integers(1, 5)):
        part = draw.structure()
        if rng.random() < 0.6:
            part = part * draw.region()
        plane += rng.uniform(0.2, 1.0) * part
    plane = ndimage.gaussian_filter(plane, draw.log_uniform(0.5, 2.0), mode="wrap")
    plane += rng.uniform(0.0, 0.3) * plane.mean()
    if rng.random() < 0.75:
        # As photon counts are once their noise has been stabilised.
        plane = np.sqrt((plane / (np.percentile(plane, 99.5) + EPSILON)).clip(0) + rng.uniform(0.0, 0.1))
    plane = (plane - plane.mean()) / (plane.std() + EPSILON)
    noise = draw.log_uniform(0.08, 1.5)
    whole = math.hypot(1.0, noise)
    return SyntheticPlane((plane / whole).astype(np.float32), noise / whole)


class StructureDraw:
    """Random structures of about unit brightness, (side, side), on planes whose edges meet."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng = rng
        self.side = side

    def log_uniform(self, low: float, high: float) -> float:
        """Return a number whose logarithm is uniform."""
        return float(np.exp(self.rng.uniform(math.log(low), math.log(high))))

    def structure(self) -> Floats:
        """Return one of the kinds below."""
        kinds = (
            *(self.filaments,) * 3,
            self.fibres,
            *(self.nuclei,) * 2,
            self.points,
            self.membranes,
            self.patchwork,
            self.texture,
            self.overlapping,
        )
        return kinds[self.rng.integers(len(kinds))]()

    def smooth(self, width: float) -> Floats:
        """Return a Gaussian random field of this correlation length, with standard deviation 1."""
        white = self.rng.standard_normal((self.side, self.side))
        return _scaled(ndimage.gaussian_filter(white, width, mode="wrap"))

    def fractal(self, slope: float, coarsest: float = math.inf, stretch: float = 1.0) -> Floats:
        """Return a random field whose amplitudes fall as a power of frequency, with standard deviation 1.

        Parameters
        ----------
        slope : float
            The power.
        coarsest : float
            Length in pixels beyond which there is no more of it.
        stretch : float
            How many times longer it is in one random direction.
        """
        frequency = np.fft.fftfreq(self.side)
        y, x = np.meshgrid(frequency, frequency, indexing="ij")
        angle = self.rng.uniform(0.0, math.pi)
        along = (math.sin(angle) * y + math.cos(angle) * x) * stretch
        across = math.cos(angle) * y - math.sin(angle) * x
        amplitude = (along**2 + across**2 + coarsest**-2 + 1e-8) ** (-slope / 2)
        amplitude[0, 0] = 0.0
        white = np.fft.fft2(self.rng.standard_normal((self.side, self.side)))
        return _scaled(np.fft.ifft2(white * amplitude).real)

    def region(self) -> Floats:
        """Return a soft or sharp mask of some part of the plane."""
        field = self.smooth(self.log_uniform(20, 80)) - self.rng.uniform(-0.5, 1.0)
        mask: Floats = expit(field / self.log_uniform(0.05, 0.8))
        return mask

    def filaments(self) -> Floats:
        """Return curves: where a random field has one value, wound or nearly straight."""
        return self._lines(copies=0.0)

    def fibres(self) -> Floats:
        """Return many curves side by side: where a random field has one of many values."""
        return self._lines(copies=self.log_uniform(1.0, 6.0))

    def _lines(self, copies: float) -> Floats:
        """Return curves at one value of a random field, or at so many; 0 for one."""
        stretch = self.log_uniform(2, 12) if copies or self.rng.random() < 0.5 else 1.0
        field = self.fractal(self.rng.uniform(2.5, 4.0), 6 * self.log_uniform(3, 40), stretch)
        gradient = np.hypot(*np.gradient(field))
        level = field - 0.7 * self.rng.normal()
        if copies:
            level = np.sin(2 * math.pi * copies * level) / (2 * math.pi * copies)
        distance = level / (gradient + 1e-3)
        brightness = 1 + 0.5 * self.smooth(self.log_uniform(5, 60))
        lines: Floats = np.exp(-((distance / self.log_uniform(0.4, 1.8)) ** 2) / 2) * brightness.clip(0.05)
        return lines

    def nuclei(self) -> Floats:
        """Return round or lobed bodies with a texture of their own."""
        level = self.smooth(self.log_uniform(4, 30)) - self.rng.uniform(0.3, 1.8)
        bodies = expit(level / self.log_uniform(0.02, 0.6))
        inside = 1 + self.rng.uniform(0.0, 0.6) * self.fractal(self.rng.uniform(0.8, 2.0))
        textured: Floats = bodies * inside.clip(0.1)
        return textured

    def points(self) -> Floats:
        """Return points of light of many brightnesses."""
        shape = (self.side, self.side)
        there = self.rng.random(shape) < self.log_uniform(3e-4, 1e-2)
        lights = there * self.rng.gamma(self.rng.uniform(0.7, 3.0), 1.0, shape)
        lights = ndimage.gaussian_filter(lights, self.log_uniform(0.3, 1.6), mode="wrap")
        bright = lights[lights > lights.mean()]
        scale = np.percentile(bright, 95) if bright.size else 1.0
        points: Floats = lights / (scale + EPSILON)
        return points

    def _cells(self) -> npt.NDArray[np.intp]:
        """Return which of some random points is the nearest to each pixel."""
        count = int(self.log_uniform(20, 400))
        seeds = np.zeros((self.side, self.side), int)
        places = self.rng.integers(self.side, size=(2, count))
        seeds[tuple(places)] = np.arange(1, count + 1)
        nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
        cells: npt.NDArray[np.intp] = seeds[tuple(nearest)]
        return cells

    def membranes(self) -> Floats:
        """Return the borders of polygons."""
        cells = self._cells()
        borders = ndimage.maximum_filter(cells, 3) != ndimage.minimum_filter(cells, 3)
        lines: Floats = 2 * ndimage.gaussian_filter(borders.astype(float), self.log_uniform(0.5, 2.0))
        return lines

    def patchwork(self) -> Floats:
        """Return polygons of random brightness."""
        cells = self._cells()
        brightness: Floats = self.rng.gamma(1.5, 0.5, cells.max() + 1)[cells]
        return brightness

    def texture(self) -> Floats:
        """Return a fractal texture, also one of streaks."""
        field = self.fractal(self.rng.uniform(1.0, 2.5), stretch=self.log_uniform(1, 5))
        pattern: Floats = np.exp(self.rng.uniform(0.2, 1.0) * field) / 2
        return pattern

    def overlapping(self) -> Floats:
        """Return ellipses and rectangles that hide each other, plain or striped."""
        plane = np.zeros((self.side, self.side))
        for _ in range(int(self.log_uniform(20, 150))):
            radius, (top, left) = self.log_uniform(4, 80), self.rng.random(2) * self.side
            box = tuple(slice(int(max(0, at - radius)), int(at + radius + 1)) for at in (top, left))
            y, x = np.mgrid[: self.side, : self.side][(slice(None), *box)]
            angle, thin = self.rng.uniform(0.0, math.pi), self.log_uniform(0.3, 1.0)
            u = math.cos(angle) * (y - top) + math.sin(angle) * (x - left)
            v = (math.cos(angle) * (x - left) - math.sin(angle) * (y - top)) / thin
            rectangle = self.rng.random() < 0.4
            inside = np.maximum(abs(u), abs(v)) < 0.7 * radius if rectangle else u**2 + v**2 < radius**2
            stripes = np.sin(u * self.log_uniform(0.1, 1.5) + self.rng.uniform(0.0, 6.0))
            look = self.rng.random() + 0.15 * self.rng.random() * stripes
            plane[box][inside] = look[inside]
        return plane.clip(0)


def _scaled(field: Floats) -> Floats:
    """Return a field of any shape with standard deviation 1."""
    scaled: Floats = field / field.std()
    return scaled
