"""Synthetic fluorescence images whose truth is known: confocal, two-photon, wide-field, and a z-stack.

They look like cells (filaments, nuclei, puncta, behind a point-spread function) and carry noise of known
parameters, so that a gain in PSNR can be measured without a download. Numpy and scipy only; how they are
shown or written belongs elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

__all__ = ["Sample", "confocal", "two_photon", "wide_field", "z_stack"]

NOISE_BLUR = 0.72
"""σ in pixels of the Gaussian that correlates wide-field noise: about 0.6 at a lag of one pixel, 0.36 on
the diagonal and 0.15 at two, as wide-field images of real cameras have it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A noisy image with its truth and the parameters of its noise.

    The noise is y = gain · Poisson((truth − offset) / gain) + offset + N(0, read_noise²), rounded and
    clipped to 16 bits; its variance is gain · (truth − offset) + read_noise².

    Attributes
    ----------
    name : str
        What the image imitates.
    noisy : ndarray
        ([Z,] Y, X) uint16.
    truth : ndarray
        ([Z,] Y, X) float32, the expectation of `noisy`, on the same scale.
    voxel_size : tuple of float
        µm along every axis.
    gain : float
        Grey values per photon.
    offset : float
        Grey value without any light.
    read_noise : float
        Standard deviation of the signal-independent noise, in grey values.
    correlated : bool
        Whether neighbouring pixels share noise (correlation about 0.6 at a lag of one pixel).
    """

    name: str
    noisy: npt.NDArray[np.uint16]
    truth: npt.NDArray[np.float32]
    voxel_size: tuple[float, ...]
    gain: float
    offset: float
    read_noise: float
    correlated: bool = False


def confocal(shape: tuple[int, int] = (256, 256), seed: int = 0) -> Sample:
    """Return a confocal plane: nuclei, fibres and puncta, few photons, nearly no read noise.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) in pixels.
    seed : int
        Same seed, same image.
    """
    rng = np.random.default_rng(seed)
    light = 0.7 * _nuclei(rng, shape, count=_count(shape, 2800), radius=13.0)
    light += 0.6 * _filaments(rng, shape, count=_count(shape, 2200), width=2.0)
    light += 0.4 * _puncta(rng, shape, count=_count(shape, 2000), width=1.8)
    photons = 0.8 + 8.0 * light
    return _expose("confocal", photons, (0.1, 0.1), rng, gain=15.0, offset=20.0, read_noise=6.0)


def two_photon(shape: tuple[int, int] = (256, 256), seed: int = 0) -> Sample:
    """Return a two-photon plane: cell bodies in scattering tissue, very few photons.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) in pixels.
    seed : int
        Same seed, same image.
    """
    rng = np.random.default_rng(seed)
    cells = _nuclei(rng, shape, count=_count(shape, 2600), radius=9.0)
    light = 0.8 * ndimage.gaussian_filter(cells, 1.5)
    light += 0.5 * _filaments(rng, shape, count=_count(shape, 3500), width=1.8)
    haze = ndimage.gaussian_filter(rng.standard_normal(shape), 20.0)
    photons = 1.5 + 0.5 * haze / np.abs(haze).max() + 10.0 * light
    return _expose("two-photon", photons, (0.5, 0.5), rng, gain=14.0, offset=10.0, read_noise=8.0)


def wide_field(shape: tuple[int, int] = (256, 256), seed: int = 0) -> Sample:
    """Return a wide-field plane: blurred cells over haze; camera noise that neighbours share.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) in pixels.
    seed : int
        Same seed, same image.
    """
    rng = np.random.default_rng(seed)
    sharp = _filaments(rng, shape, count=_count(shape, 1000), width=1.8)
    sharp += 0.9 * _nuclei(rng, shape, count=_count(shape, 9000), radius=16.0)
    light = ndimage.gaussian_filter(sharp, 1.2) + 0.6 * ndimage.gaussian_filter(sharp, 12.0)
    photons = 40.0 + 260.0 * light
    return _expose(
        "wide-field", photons, (0.16, 0.16), rng, gain=1.0, offset=100.0, read_noise=24.0, correlated=True
    )


def z_stack(shape: tuple[int, int, int] = (12, 128, 128), seed: int = 0) -> Sample:
    """Return a confocal z-stack of nuclei and filaments, with the longer point-spread function along z.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) in pixels.
    seed : int
        Same seed, same stack.
    """
    rng = np.random.default_rng(seed)
    nuclei = _nuclei(rng, shape, count=_count(shape, 16000), radius=11.0, flatness=0.3)
    filaments = _filaments(rng, shape, count=_count(shape, 3500), width=1.3)
    light = ndimage.gaussian_filter(0.6 * nuclei + filaments, (0.8, 0.6, 0.6))
    photons = 0.8 + 20.0 * light
    return _expose("z-stack", photons, (0.5, 0.13, 0.13), rng, gain=8.0, offset=30.0, read_noise=4.0)


def _expose(
    name: str,
    photons: FloatArray,
    voxel_size: tuple[float, ...],
    rng: np.random.Generator,
    *,
    gain: float,
    offset: float,
    read_noise: float,
    correlated: bool = False,
) -> Sample:
    """Return what a camera makes of ([Z,] Y, X) photons a voxel: shot noise, read noise, rounding.

    Parameters are those of `Sample`; the noise is drawn by `rng`.
    """
    truth = gain * photons + offset
    signal = gain * rng.poisson(photons) + offset
    noise = signal - truth + rng.normal(0.0, read_noise, photons.shape)
    if correlated:
        noise = _blur_noise(noise)
    noisy = np.clip(np.rint(truth + noise), 0, 65535).astype(np.uint16)
    return Sample(name, noisy, truth.astype(np.float32), voxel_size, gain, offset, read_noise, correlated)


def _blur_noise(noise: FloatArray) -> FloatArray:
    """Let neighbours of a (Y, X) plane share their noise; its variance stays what it was."""
    impulse = np.zeros((15, 15))
    impulse[7, 7] = 1.0
    kernel = ndimage.gaussian_filter(impulse, NOISE_BLUR, mode="constant")
    blurred = ndimage.convolve(noise, kernel / np.sqrt(np.sum(kernel**2)), mode="wrap")
    return np.asarray(blurred, np.float64)


def _count(shape: tuple[int, ...], pixels_each: int) -> int:
    """Return how many objects a field of this size holds, at least two."""
    return max(2, int(np.prod(shape)) // pixels_each)


def _filaments(rng: np.random.Generator, shape: tuple[int, ...], count: int, width: float) -> FloatArray:
    """Draw curved fibres as persistent random walks, in an array of `shape`, to about [0, 1].

    `width` is the σ of their blur in pixels.
    """
    field = np.zeros(shape)
    size = np.asarray(shape, float)
    steps = int(0.9 * max(shape))
    for _ in range(count):
        bend = ndimage.gaussian_filter1d(rng.standard_normal(2 * steps), 25.0, mode="wrap") * 0.18
        angle = rng.uniform(0, 2 * np.pi) + np.cumsum(bend)
        path = np.cumsum(np.stack([np.sin(angle), np.cos(angle)]) * 0.5, axis=1)
        path += (rng.uniform(0, size[-2:]) - path[:, :1].T).T
        if len(shape) == 3:
            depth = rng.uniform(0, size[0]) + np.linspace(0, rng.normal(0, size[0] / 4), path.shape[1])
            path = np.vstack([depth, path])
        index = np.rint(path).astype(int)
        inside = np.all((index >= 0) & (index < size[:, None]), axis=0)
        np.add.at(field, tuple(index[:, inside]), rng.uniform(0.4, 1.0))
    return _to_unit(ndimage.gaussian_filter(field, _psf(shape, width)))


def _puncta(rng: np.random.Generator, shape: tuple[int, ...], count: int, width: float) -> FloatArray:
    """Draw bright spots of `width` (σ in pixels) in an array of `shape`, to about [0, 1]."""
    field = np.zeros(shape)
    index = tuple(rng.integers(0, side, count) for side in shape)
    np.add.at(field, index, rng.uniform(0.3, 1.0, count))
    return _to_unit(ndimage.gaussian_filter(field, _psf(shape, width)))


def _nuclei(
    rng: np.random.Generator, shape: tuple[int, ...], count: int, radius: float, flatness: float = 1.0
) -> FloatArray:
    """Draw ellipsoids with chromatin texture and soft rims in an array of `shape`, to about [0, 1].

    `radius` is their mean radius in pixels, `flatness` that along z relative to it.
    """
    field = np.zeros(shape)
    for _ in range(count):
        centre = rng.uniform(0, shape)
        radii = radius * rng.uniform(0.7, 1.2, len(shape))
        if len(shape) == 3:
            radii[0] *= flatness
        turn = rng.uniform(0, np.pi)
        # Beyond twice the radius nothing of a body is left.
        reach = 2.0 * radii
        reach[-2:] = reach[-2:].max()
        first = np.maximum(np.floor(centre - reach), 0).astype(int)
        last = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
        window = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        away = [axis - c for axis, c in zip(np.ogrid[window], centre, strict=True)]
        y, x = away[-2:]
        away[-2:] = [np.cos(turn) * y + np.sin(turn) * x, np.cos(turn) * x - np.sin(turn) * y]
        distance = np.sqrt(sum((axis / r) ** 2 for axis, r in zip(away, radii, strict=True)))
        body = 1.0 / (1.0 + np.exp((distance - 1.0) * radius / 1.2))
        np.maximum(field[window], rng.uniform(0.5, 1.0) * body, out=field[window])
    texture = _to_unit(ndimage.gaussian_filter(rng.standard_normal(shape), _psf(shape, radius / 6)))
    return field * (0.6 + 0.4 * texture)


def _psf(shape: tuple[int, ...], width: float) -> tuple[float, ...]:
    """Return σ in voxels along every axis; along z a voxel is longer, so fewer of them are blurred."""
    return (0.8, width, width) if len(shape) == 3 else (width, width)


def _to_unit(field: FloatArray) -> FloatArray:
    """Scale a field of any shape to [0, 1], all but the brightest thousandth of the pixels."""
    low, high = np.percentile(field, (0.1, 99.9))
    return np.asarray(np.clip((field - low) / max(high - low, 1e-12), 0.0, 1.2), np.float64)
