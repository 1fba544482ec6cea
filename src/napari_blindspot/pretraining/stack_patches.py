"""Patches of synthetic stacks: a plane and those beside it, of which some are absent or do not belong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage, special

from napari_blindspot.method.symmetry import SYMMETRIES, turn
from napari_blindspot.pretraining.batches import BATCH_SIZE, Draws, TrainingBatch
from napari_blindspot.pretraining.synthetic_stacks import random_stack

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = ["StackPatches"]

STACK_PLANES, STACK_SIDE, PATCH_SIDE = 12, 144, 96
"""Planes of a stack, and sides of stacks and patches in pixels. Conventions."""

USES = 24
"""How many patches a stack gives before a new one takes its place, on average."""

COUNTS_SHARE, LEAST_PEAK, MOST_PEAK, MOST_READ_NOISE = 0.5, 0.4, 60.0, 1.5
"""Share of patches whose noise is that of photon counts, how many there are where it is bright, and the
standard deviation of the read noise at most, in photons."""

ROOT_SHARE = 0.75
"""Share of the others on which intensities are as a stabilisation leaves them."""

NOISE = (0.06, 1.5)
"""Standard deviation of the noise relative to that of the plane."""

ALL_SHARE = 0.5
"""Share of patches that see as many neighbours as there can be on both sides."""

ALIEN_SHARE = 0.12
"""Share of patches one of whose neighbours does not belong; half as often all of one side."""

SHIFTS = 0.3
"""Share of patches whose neighbours lie beside their place by up to 2 pixels."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A plane and those beside it, clean."""

    planes: Floats
    """(2 * reach + 1, side, side)."""
    there: npt.NDArray[np.bool_]
    """(2 * reach + 1,)."""


class StackPatches:
    """Draws patches of stacks that are made anew all the time.

    Parameters
    ----------
    draws : Draws
        Of the random numbers.
    stacks : int
        How many stacks there are at a time.
    reach : int
        How many planes on each side a plane may see.
    first : int
        Number of the first stack, from which what is on it follows.
    """

    def __init__(self, draws: Draws, stacks: int, reach: int, first: int = 0) -> None:
        self.draws = draws
        self.reach = reach
        self.rng = np.random.default_rng(draws.below(2**31))
        self.made = first
        self.stacks = [self._new() for _ in range(stacks)]

    def patches(self) -> TrainingBatch:
        """Return new patches with their neighbours."""
        windows = [self._window() for _ in range(BATCH_SIZE)]
        noise, gap = self.draws.noise(BATCH_SIZE, 2 * self.reach + 1, PATCH_SIDE)
        noisy, clean, strengths = [], [], []
        for window, patch_noise in zip(windows, noise, strict=True):
            planes, truth, strength = self._with_noise(window, patch_noise.numpy())
            symmetry = self.draws.below(SYMMETRIES)
            noisy.append(turn(torch.from_numpy(planes)[None], symmetry))
            clean.append(turn(torch.from_numpy(truth)[None, None], symmetry))
            strengths.append(strength)
        both = torch.cat(noisy)
        middle = self.reach
        neighbours = torch.cat([both[:, :middle], both[:, middle + 1 :]], dim=1)
        sigma = torch.tensor(strengths, dtype=torch.float32)[:, None, None, None]
        return TrainingBatch(
            both[:, middle : middle + 1].contiguous(), torch.cat(clean), neighbours, sigma, gap
        )

    def _new(self) -> npt.NDArray[np.float16]:
        """Make the next stack, with mean 1."""
        self.made += 1
        clean = random_stack(self.made, STACK_PLANES, STACK_SIDE)
        return (clean / max(float(clean.mean()), 1e-6)).clip(0, 6e4).astype(np.float16)

    def _window(self) -> _Window:
        """Cut a window from a stack, with what may be wrong with it."""
        rng, reach = self.rng, self.reach
        at = rng.integers(len(self.stacks))
        if rng.random() < 1 / USES:
            self.stacks[at] = self._new()
        stack = self.stacks[at]
        start = rng.integers(STACK_PLANES - 2 * reach)
        top, left = rng.integers(STACK_SIDE - PATCH_SIDE + 1, size=2)
        planes = self._cut(stack, np.arange(start, start + 2 * reach + 1), top, left)
        if rng.random() < 0.5:
            planes = planes[::-1]
        planes = np.ascontiguousarray(planes)
        there = np.ones(len(planes), bool)
        if rng.random() > ALL_SHARE:
            before, after = rng.integers(reach + 1, size=2)
            there[: reach - before] = there[reach + 1 + after :] = False
            there &= rng.random(len(there)) > rng.choice([0.0, 0.2])
        there[reach] = True
        self._put_aliens(planes)
        return _Window(planes, there)

    def _cut(
        self, stack: npt.NDArray[np.float16], which: npt.NDArray[np.intp], top: int, left: int
    ) -> Floats:
        """Return planes of a patch, float32, some of them beside their place."""
        planes = stack[which, top : top + PATCH_SIDE, left : left + PATCH_SIDE].astype(np.float32)
        if self.rng.random() < SHIFTS:
            for number in range(len(planes)):
                if number != self.reach:
                    y, x = np.clip(
                        np.array([top, left]) + self.rng.integers(-2, 3, size=2), 0, STACK_SIDE - PATCH_SIDE
                    )
                    planes[number] = stack[which[number], y : y + PATCH_SIDE, x : x + PATCH_SIDE]
        return planes

    def _put_aliens(self, planes: Floats) -> None:
        """Put planes that do not belong beside the middle one, in place."""
        rng, reach = self.rng, self.reach
        if rng.random() > ALIEN_SHARE:
            return
        others = [n for n in range(len(planes)) if n != reach]
        which = [rng.choice(others)]
        if rng.random() < 0.33:
            which = others[:reach] if rng.random() < 0.5 else others[reach:]
        stack = self.stacks[rng.integers(len(self.stacks))].astype(np.float32)
        kind = rng.integers(4)
        for number in which:
            if kind == 0:
                planes[number] = stack[number, :PATCH_SIDE, :PATCH_SIDE]
            elif kind == 1:
                planes[number] = planes[number].mean() * rng.choice([0.0, 1.0])
            elif kind == 2:
                planes[number] = ndimage.gaussian_filter(planes[number], rng.uniform(2, 8))
            else:
                planes[number] *= rng.uniform(0.3, 3.0)

    def _with_noise(self, window: _Window, noise: Floats) -> tuple[Floats, Floats, float]:
        """Return the noisy planes on the scale of a fit, NaN where absent, the clean middle, and sigma."""
        rng, middle = self.rng, self.reach
        planes = window.planes
        bright = float(np.percentile(planes, 99.7)) + 1e-6
        planes = planes / bright
        if not self.draws.correlated and rng.random() < COUNTS_SHARE:
            noisy, clean, sigma = self._counted(planes)
        else:
            if rng.random() < ROOT_SHARE:
                planes = np.sqrt(planes + rng.uniform(0.0, 0.1))
            clean = planes[middle]
            # A plane in which all is dark still has the noise of its stack.
            contrast = max(float(clean.std()), 0.1 * float(planes.std()), 1e-3)
            sigma = math.exp(rng.uniform(*np.log(NOISE))) * contrast
            noisy = planes + np.float32(sigma) * noise
        mean, spread = float(noisy[middle].mean()), float(noisy[middle].std())
        noisy = ((noisy - mean) / spread).astype(np.float32)
        noisy[~window.there] = np.nan
        return noisy, ((clean - mean) / spread).astype(np.float32), sigma / spread

    def _counted(self, planes: Floats) -> tuple[Floats, Floats, float]:
        """Return stabilised photon counts, the mean of those of the middle plane, and their sigma."""
        rng, middle = self.rng, self.reach
        peak = math.exp(rng.uniform(math.log(LEAST_PEAK), math.log(MOST_PEAK)))
        expected = np.clip(peak * (planes + rng.uniform(0.0, 0.1)), 0, 1e4)
        read = rng.choice([0.0, 1.0]) * rng.uniform(0.1, MOST_READ_NOISE)
        counts = rng.poisson(expected) + read * rng.standard_normal(planes.shape)
        noisy = 2 * np.sqrt((counts + 0.375 + read**2).clip(0))
        return noisy.astype(np.float32), mean_root(expected[middle], read), 1.0


def mean_root(expected: Floats, read: float) -> Floats:
    """Return the mean of the stabilised counts, 2 √(n + r + 3/8 + s²), of any shape.

    Parameters
    ----------
    expected : ndarray
        Mean photon counts.
    read : float
        s, the standard deviation of the read noise r in photons.
    """
    grid = np.concatenate([np.linspace(0, 5, 120), np.geomspace(5.1, 40, 60)])
    counts = np.arange(100)
    chance = np.exp(special.xlogy(counts, grid[:, None]) - grid[:, None] - special.gammaln(counts + 1))
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    roots = 2 * np.sqrt((counts[:, None] + read * nodes + 0.375 + read**2).clip(0))
    means = chance @ (roots @ weights / weights.sum())
    # From 40 on, the mean is that of the expectation up to a thousandth.
    many = 2 * np.sqrt(np.maximum(expected, 0) + 0.125 + read**2)
    root: Floats = np.where(expected < 40, np.interp(expected, grid, means), many).astype(np.float32)
    return root
