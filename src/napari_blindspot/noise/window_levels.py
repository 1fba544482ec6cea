"""Correlated noise measured once more, frequency by frequency: what is fine and dense is told from noise.

Whole blocks are quiet only where nothing lies in them (`napari_blindspot.noise.estimate`). Fine fibres
leave none quiet, and pass for noise that is stronger and more correlated than it is. A single frequency is
quiet in most windows all the same, because a fibre has few of them: the median over all windows is the
noise's, once what stands out of it has been taken away.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import dct

from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.blocks import MEDIAN_OF_SQUARES

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel

    Floats = npt.NDArray[np.floating[Any]]

__all__ = ["SIDE", "cosines", "levels_of", "measured_by_windows"]

SIDE, STEP = 8, 2
"""Side of a window and the distance of one from the next, in pixels. A convention."""

LAGS = 4
"""Longest lag in pixels whose correlation the frequencies of a window tell. A convention."""

OUTSTANDING = 3.0
"""Standard deviations of the noise from which on a coefficient of a window is structure."""

ROUNDS = 3
"""Rounds in which structure is taken away by the noise that the round before has measured."""

WHOLE_SIDE, PART_SIDE, PARTS_ACROSS = 512, 128, 4
"""Planes of up to 512² pixels are measured whole, of larger ones 4² parts of 128². A convention."""

MOST_PLANES = 8
"""Planes of a stack that are measured, evenly spread over it. A convention."""

FEWEST_WINDOWS = 100
"""Windows without a missing pixel below which nothing is measured. A convention."""


def measured_by_windows(noise: NoiseModel, planes: Floats) -> NoiseModel:
    """Return the noise with the strength and the correlation that its frequencies have.

    Parameters
    ----------
    noise : NoiseModel
        Of whole blocks, correlated. How it grows with intensity is kept; only its strength is scaled.
    planes : ndarray
        (N, Y, X) float64, intensities; NaN where a pixel is missing.

    Returns
    -------
    NoiseModel
        `noise` itself where the planes hold too little to tell more.
    """
    stabiliser = Anscombe.of(noise)
    if min(planes.shape[-2:]) < SIDE:
        return noise
    some = planes[:: -(-len(planes) // MOST_PLANES)]
    parts = [part for plane in some for part in _parts(stabiliser.forward(plane).astype(np.float32))]
    counts = [int(np.isfinite(_windows(part)).all((-2, -1)).sum()) for part in parts]
    if sum(counts) < FEWEST_WINDOWS:
        return noise
    parts = [part for part, count in zip(parts, counts, strict=True) if count]
    of_blocks = levels_of(noise.correlation)
    levels = np.maximum(of_blocks, _medians(parts))
    # A window holds too little of what varies slowly to tell it from structure.
    levels[0, 0] = of_blocks[0, 0]
    for _ in range(ROUNDS):
        rest = _medians([part - _outstanding(part, levels) for part in parts])
        levels = np.minimum(levels, rest / _kept_of_noise())
    covariance = _covariance_of(levels)
    variance = float(covariance[0, 0])
    if not variance > 0:
        return noise
    quarter = np.clip(covariance / variance, -1.0, 1.0)
    # Structure adds to both figures of the variance, so the lesser one is nearer.
    variance = min(variance, 1.0)
    half = np.concatenate([quarter[:, :0:-1], quarter], axis=1)
    return replace(
        noise,
        gain=noise.gain * variance,
        gain_error=noise.gain_error * variance,
        offset=noise.offset * variance,
        offset_error=noise.offset_error * variance,
        sigma=noise.sigma * variance**0.5,
        correlation=np.concatenate([half[:0:-1], half]),
    )


def _parts(plane: Floats) -> list[Floats]:
    """Return a plane, or parts of a large one that lie all over it."""
    if max(plane.shape) <= WHOLE_SIDE:
        return [plane]
    starts = [
        np.linspace(0, max(side - PART_SIDE, 0), min(PARTS_ACROSS, -(-side // PART_SIDE))).astype(int)
        for side in plane.shape
    ]
    return [plane[y : y + PART_SIDE, x : x + PART_SIDE] for y in starts[0] for x in starts[1]]


def _windows(plane: Floats) -> Floats:
    """Return the windows of a plane, (rows, columns, SIDE, SIDE)."""
    return sliding_window_view(plane, (SIDE, SIDE))[::STEP, ::STEP]


def _transformed(windows: Floats, matrix: Floats) -> Floats:
    """Return ``matrix @ window @ matrix.T`` of (…, SIDE, SIDE) windows, by products of large matrices."""
    rows = (windows.reshape(-1, SIDE) @ matrix.T).reshape(-1, SIDE, SIDE)
    both = (rows.transpose(0, 2, 1).reshape(-1, SIDE) @ matrix.T).reshape(-1, SIDE, SIDE)
    return both.transpose(0, 2, 1).reshape(windows.shape)


@cache
def cosines(count: int) -> Floats:
    """Return the orthonormal cosine transform, (count, count) float32."""
    return np.asarray(dct(np.eye(count), axis=0, norm="ortho"), np.float32)


@cache
def _lag_shares() -> Floats:
    """Return what each lag adds to the level of each frequency of one axis, (SIDE, LAGS + 1)."""
    matrix, shares = cosines(SIDE).astype(np.float64), np.zeros((SIDE, LAGS + 1))
    for lag in range(LAGS + 1):
        shift = np.eye(SIDE, k=lag) + (np.eye(SIDE, k=-lag) if lag else 0)
        shares[:, lag] = np.einsum("ka,ab,kb->k", matrix, shift, matrix)
    return shares


def levels_of(correlation: Floats) -> Floats:
    """Return the variance of each coefficient, (SIDE, SIDE), of noise with variance 1.

    `correlation` is (2L+1, 2L+1).
    """
    reach = len(correlation) // 2
    steps = np.arange(SIDE)[:, None] - np.arange(SIDE)
    inside = np.abs(steps) <= reach
    at = np.clip(steps, -reach, reach) + reach
    covariance = correlation[at[:, :, None, None], at] * inside[:, :, None, None] * inside
    matrix = cosines(SIDE)
    levels = np.einsum("ka,kc,lb,ld,acbd->kl", matrix, matrix, matrix, matrix, covariance)
    return np.asarray(np.maximum(levels, 1e-3), np.float64)


def _covariance_of(levels: Floats) -> Floats:
    """Return the covariance at lags of 0 to LAGS in y and x, (LAGS + 1, LAGS + 1), by least squares."""
    shares = _lag_shares()
    system = np.einsum("ka,lb->klab", shares, shares).reshape(SIDE * SIDE, -1)
    weights = 1 / np.sqrt(np.maximum(levels, 1e-6)).ravel()
    weights[0] = 0.0
    solution = np.linalg.lstsq(system * weights[:, None], levels.ravel() * weights, rcond=None)[0]
    return np.asarray(solution.reshape(LAGS + 1, LAGS + 1), np.float64)


def _medians(parts: list[Floats]) -> Floats:
    """Return the variance of each coefficient by the median of its squares, (SIDE, SIDE).

    Every other window is enough: they overlap by half.
    """
    matrix = cosines(SIDE)
    squares = []
    for part in parts:
        windows = _windows(part)[::2, ::2].reshape(-1, SIDE, SIDE)
        squares.append(_transformed(windows[np.isfinite(windows).all((1, 2))], matrix) ** 2)
    return np.asarray(np.median(np.concatenate(squares), axis=0) / MEDIAN_OF_SQUARES, np.float64)


def _outstanding(plane: Floats, levels: Floats) -> Floats:
    """Return what stands out of noise with such levels, (Y, X), as hard thresholding of windows leaves it.

    The first step of BM3D without its search for similar windows (Dabov et al., IEEE TIP 2007).
    """
    height, width = plane.shape
    below, right = -(height - SIDE) % STEP, -(width - SIDE) % STEP
    known = np.where(np.isfinite(plane), plane, np.nanmean(plane))
    windows = _windows(np.pad(known, ((0, below), (0, right)), "edge"))
    rows, columns = windows.shape[:2]
    matrix = cosines(SIDE)
    coefficients = _transformed(windows, matrix)
    kept = coefficients**2 > (OUTSTANDING**2 * levels).astype(np.float32)
    kept[..., 0, 0] = True
    weight = 1 / (kept.reshape(rows, columns, -1) @ levels.ravel()).astype(np.float32)
    back = _transformed(coefficients * kept, matrix.T) * weight[..., None, None]
    total = np.zeros((height + below, width + right), np.float32)
    weights = np.zeros_like(total)
    for y in range(SIDE):
        for x in range(SIDE):
            place = (slice(y, y + rows * STEP, STEP), slice(x, x + columns * STEP, STEP))
            total[place] += back[..., y, x]
            weights[place] += weight
    standing: Floats = (total / weights)[:height, :width]
    return standing


@cache
def _kept_of_noise() -> Floats:
    """Return which share of the noise's variance is left in each coefficient, (SIDE, SIDE).

    A part of the noise stands out of itself.
    """
    noise = np.random.default_rng(0).standard_normal((512, 512), np.float32)
    shares = _medians([noise - _outstanding(noise, np.ones((SIDE, SIDE)))])
    return (shares + shares.T) / 2
