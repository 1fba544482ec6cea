"""Synthetic stacks of many kinds: volumes seen plane by plane, and movies of things that move and blink.

Volumes are random fields in three dimensions, and plane structures bent into the third, both seen through a
point spread function. Movies are plane structures that drift, deform, blink and bleach on a ground of their
own. They are made while a training runs, none of them twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage
from scipy.special import expit

from napari_blindspot.pretraining.synthetic import EPSILON, StructureDraw

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = ["random_stack"]

MOVIE_SHARE, STILL_SHARE = 0.45, 0.3
"""Share of movies among stacks, and of those among movies in which nothing moves. Conventions."""

SPACINGS = (1.0, 10.0)
"""Distance of the planes of a volume, in pixels."""

SPEEDS = (0.03, 5.0)
"""Speed of what moves in a movie, in pixels a frame."""


def random_stack(seed: int, planes: int, side: int) -> Floats:
    """Make a stack of one to four kinds of structure.

    Parameters
    ----------
    seed : int
        Same seed, same stack.
    planes, side : int
        How many planes, and their side in pixels.

    Returns
    -------
    ndarray
        (planes, side, side) float32, clean, not below 0; they follow each other in z or in time.
    """
    rng = np.random.default_rng(seed)
    kind = _Movie if rng.random() < MOVIE_SHARE else _Volume
    return kind(rng, planes, side).stack().clip(0).astype(np.float32)


class _Volume:
    """Structures in three dimensions, on volumes whose faces meet.

    Parameters
    ----------
    rng : Generator
        Draws all that is random.
    planes, side : int
        How many planes, and their side in pixels.
    """

    def __init__(self, rng: np.random.Generator, planes: int, side: int) -> None:
        self.rng = rng
        self.draw = StructureDraw(rng, side)
        self.planes = planes
        # The volume ends where it began; a few planes more keep its ends apart.
        self.shape = (planes + 4, side, side)
        self.spacing = self.draw.log_uniform(*SPACINGS)
        z = fft.fftfreq(self.shape[0]).astype(np.float32)[:, None, None] / self.spacing
        y = fft.fftfreq(side).astype(np.float32)[None, :, None]
        x = fft.rfftfreq(side).astype(np.float32)[None, None, :]
        self.z2, self.xy2 = z**2, y**2 + x**2

    def stack(self) -> Floats:
        """Return the planes."""
        rng, draw = self.rng, self.draw
        total = np.zeros(self.shape, np.float32)
        for _ in range(rng.integers(1, 4)):
            kinds = (
                *(self.bodies,) * 2,
                *(self.curves,) * 2,
                *(self.bent,) * 3,
                self.sheets,
                self.points,
                self.texture,
            )
            part = kinds[rng.integers(len(kinds))]()
            if rng.random() < 0.3:
                part = part * expit((self.smooth(draw.log_uniform(20, 80)) - rng.uniform(-0.5, 1)) / 0.4)
            total += np.float32(rng.uniform(0.2, 1.0)) * part
        seen = self.seen(total)
        seen = seen + rng.uniform(0.0, 0.3) * seen.mean()
        if rng.random() < 0.5:
            # Light is lost on the way down.
            decay = np.exp(-np.arange(self.shape[0]) * draw.log_uniform(0.003, 0.08))
            seen = seen * decay[:, None, None].astype(np.float32)
        planes: Floats = seen[2 : 2 + self.planes]
        return planes

    def seen(self, volume: Floats) -> Floats:
        """Return a volume as a microscope shows it: blurred, more so along z, with or without haze."""
        rng, draw = self.rng, self.draw
        width = draw.log_uniform(0.5, 2.0)
        long = width * rng.uniform(1.0, 4.0)
        spectrum = np.exp(-2 * math.pi**2 * (width**2 * self.xy2 + long**2 * self.z2))
        if rng.random() < 0.4:
            haze, depth = draw.log_uniform(3, 15), draw.log_uniform(5, 40)
            wide = np.exp(-2 * math.pi**2 * (haze**2 * self.xy2 + depth**2 * self.z2))
            spectrum = spectrum + rng.uniform(0.1, 1.0) * wide
        return self._filtered(volume, spectrum)

    def _filtered(self, volume: Floats, spectrum: Floats) -> Floats:
        filtered: Floats = fft.irfftn(fft.rfftn(volume) * spectrum.astype(np.float32), self.shape)
        return filtered

    def _field(self, amplitude: Floats) -> Floats:
        """Return a random field with these amplitudes, with standard deviation 1."""
        field = self._filtered(self.rng.standard_normal(self.shape, dtype=np.float32), amplitude)
        scaled: Floats = field / (field.std() + EPSILON)
        return scaled

    def smooth(self, width: float) -> Floats:
        """Return a Gaussian random field of this correlation length in pixels."""
        return self._field(np.exp(-2 * math.pi**2 * width**2 * (self.xy2 + self.z2)))

    def fractal(self, slope: float, coarsest: float) -> Floats:
        """Return a field whose amplitudes fall as a power of frequency, up to the coarsest length."""
        return self._field((self.xy2 + self.z2 + np.float32(coarsest**-2)) ** np.float32(-slope / 2))

    def _gradient(self, field: Floats) -> Floats:
        """Return the length of a field's gradient, per pixel."""
        z = np.gradient(field, axis=0) / self.spacing
        y, x = np.gradient(field, axis=(1, 2))
        length: Floats = np.sqrt(z**2 + y**2 + x**2 + 1e-6)
        return length

    def _line_field(self) -> Floats:
        """Return a field whose levels are drawn as lines."""
        return self.fractal(self.rng.uniform(3.0, 4.5), 6 * self.draw.log_uniform(3, 40))

    def bodies(self) -> Floats:
        """Return nuclei, vesicles or cells, with a texture of their own."""
        level = self.smooth(self.draw.log_uniform(2, 30)) - self.rng.uniform(0.3, 2.2)
        inside: Floats = expit(level / self.draw.log_uniform(0.02, 0.6))
        if self.rng.random() < 0.7:
            texture = self.fractal(self.rng.uniform(1.2, 2.5), self.draw.log_uniform(5, 60))
            inside = inside * (1 + self.rng.uniform(0.0, 0.6) * texture).clip(0.1)
        return inside

    def curves(self) -> Floats:
        """Return filaments: where two fields have given values at once."""
        distance = np.zeros(self.shape, np.float32)
        for _ in range(2):
            field = self._line_field()
            distance += ((field - 0.7 * self.rng.normal()) / self._gradient(field)) ** 2
        lines: Floats = np.exp(-distance / (2 * self.draw.log_uniform(0.6, 3.0) ** 2))
        return 3 * lines

    def sheets(self) -> Floats:
        """Return membranes: where one field has a given value."""
        field = self._line_field()
        distance = (field - 0.7 * self.rng.normal()) / self._gradient(field)
        brightness = (1 + 0.5 * self.smooth(self.draw.log_uniform(5, 60))).clip(0.05)
        membranes: Floats = np.exp(-((distance / self.draw.log_uniform(0.5, 2.0)) ** 2) / 2) * brightness
        return membranes

    def points(self) -> Floats:
        """Return points of light of many brightnesses."""
        there = self.rng.random(self.shape, dtype=np.float32) < self.draw.log_uniform(1e-4, 5e-3)
        lights: Floats = there.astype(np.float32) * self.rng.gamma(
            self.rng.uniform(0.7, 3.0), 1.0, self.shape
        ).astype(np.float32)
        width = self.draw.log_uniform(0.3, 3.0)
        lights = self._filtered(lights, np.exp(-2 * math.pi**2 * width**2 * (self.xy2 + self.z2)))
        bright = lights[lights > lights.mean()]
        points: Floats = (lights / (np.percentile(bright, 95) + EPSILON)).clip(0)
        return points

    def texture(self) -> Floats:
        """Return a fractal texture."""
        field = self.fractal(self.rng.uniform(1.5, 3.0), self.draw.log_uniform(10, 200))
        pattern: Floats = np.exp(self.rng.uniform(0.2, 1.0) * field) / 2
        return pattern

    def bent(self) -> Floats:
        """Return plane structures on curved surfaces, each as thick as it likes."""
        total = np.zeros(self.shape, np.float32)
        middle = self.shape[0] / 2
        z = np.arange(self.shape[0], dtype=np.float32)[:, None, None]
        for _ in range(self.rng.integers(1, 4)):
            structure = self.draw.structure().astype(np.float32)
            height = self.rng.uniform(0, middle) * self.draw.smooth(self.draw.log_uniform(15, 80))
            depth = z - (self.rng.uniform(0, 2 * middle) + height.astype(np.float32))
            thick = self.draw.log_uniform(1.0, 12.0) / self.spacing + 0.4
            total += structure * np.exp(-((depth / thick) ** 2) / 2)
        return total


class _Movie:
    """Plane structures in time; parameters as those of `_Volume`."""

    def __init__(self, rng: np.random.Generator, planes: int, side: int) -> None:
        self.rng = rng
        self.draw = StructureDraw(rng, side)
        self.planes = planes
        self.side = side
        self.y = fft.fftfreq(side).astype(np.float32)[:, None]
        self.x = fft.rfftfreq(side).astype(np.float32)[None, :]
        self.still = rng.random() < STILL_SHARE

    def stack(self) -> Floats:
        """Return the frames."""
        rng, draw = self.rng, self.draw
        total = np.zeros((self.planes, self.side, self.side), np.float32)
        common = self._path(slow=True)
        for number in range(rng.integers(1, 5)):
            part = draw.structure()
            if number or rng.random() < 0.5:
                part = part * draw.region()
            path = common if number == 0 or rng.random() < 0.4 else self._path(slow=False) + common
            moved = self._moved(part.astype(np.float32), path)
            total += (rng.uniform(0.2, 1.0) * self._light())[:, None, None] * moved
        if not self.still and rng.random() < 0.35:
            total = self._deformed(total)
        width = draw.log_uniform(0.5, 2.0)
        blur = np.exp(-2 * math.pi**2 * width**2 * (self.y**2 + self.x**2))
        seen = fft.irfft2(fft.rfft2(total) * blur, total.shape[1:])
        seen = seen + rng.uniform(0.0, 0.3) * seen.mean()
        lamp = np.exp(rng.choice([0.0, 0.02, 0.06]) * rng.standard_normal(self.planes))
        frames: Floats = (seen * lamp[:, None, None]).astype(np.float32)
        return frames

    def _path(self, *, slow: bool) -> Floats:
        """Return the places, (frames, 2) in pixels, of something that drifts, trembles or stands still."""
        rng = self.rng
        if self.still:
            return np.zeros((self.planes, 2), np.float32)
        angle, speed = rng.uniform(0, 2 * math.pi), self.draw.log_uniform(*SPEEDS) * (0.2 if slow else 1.0)
        steps = np.array([math.cos(angle), math.sin(angle)]) * np.arange(self.planes)[:, None]
        tremble = rng.choice([0.0, 0.3, 0.6]) * rng.standard_normal((self.planes, 2))
        turned = rng.uniform(0, 0.4) * np.cumsum(rng.standard_normal((self.planes, 2)), axis=0)
        path: Floats = (speed * (steps + turned) + tremble).astype(np.float32)
        return path

    def _moved(self, part: Floats, path: Floats) -> Floats:
        """Return a plane at every place of a path, by the shift theorem."""
        if self.still:
            return np.broadcast_to(part, (self.planes, *part.shape))
        phase = path[:, 0, None, None] * self.y + path[:, 1, None, None] * self.x
        spectrum = fft.rfft2(ndimage.gaussian_filter(part, 0.5, mode="wrap"))
        moved: Floats = fft.irfft2(
            spectrum * np.exp(-2j * math.pi * phase).astype(np.complex64), part.shape
        )
        return moved

    def _light(self) -> Floats:
        """Return the brightness of something in each frame: steady, bleaching, blinking, coming, going."""
        rng, time = self.rng, np.arange(self.planes)
        kind = rng.random()
        if kind < 0.45:
            light = np.ones(self.planes)
        elif kind < 0.6:
            light = np.exp(-time * self.draw.log_uniform(0.01, 0.3))
        elif kind < 0.75:
            light = np.exp(
                rng.uniform(0.1, 0.8) * ndimage.gaussian_filter1d(rng.standard_normal(self.planes), 1)
            )
        elif kind < 0.87:
            light = (rng.random(self.planes) < rng.uniform(0.3, 0.8)).astype(float)
        else:
            light = expit((time - rng.uniform(0, self.planes)) / 0.4 * rng.choice([-1, 1]))
        return light.astype(np.float32)

    def _deformed(self, frames: Floats) -> Floats:
        """Return frames whose places move along a smooth field, further with each frame."""
        field = [self.draw.smooth(self.draw.log_uniform(12, 50)) for _ in range(2)]
        reach = self.draw.log_uniform(0.1, 1.5)
        grid = np.mgrid[: self.side, : self.side].astype(np.float32)
        for at, frame in enumerate(frames):
            away = (at - self.planes / 2) * reach
            places = [g + away * f for g, f in zip(grid, field, strict=True)]
            frames[at] = ndimage.map_coordinates(frame, places, order=1, mode="grid-wrap")
        return frames
