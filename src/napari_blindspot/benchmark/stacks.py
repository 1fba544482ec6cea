"""Stacks with noise put on, denoised by this project and by classical filters, as one table.

The truth is a nearly clean stack. What single images are scored by belongs to
`napari_blindspot.benchmark.contest`.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from napari_blindspot.benchmark.metrics import best_affine
from napari_blindspot.benchmark.peers.shared.bm4d import bm4d_between
from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Finished
from napari_blindspot.files.door import read_image
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Filtered = Mapping[int, npt.NDArray[Any]]

__all__ = ["NoisyStack", "StackOptions", "compare_on_stacks", "noisy_stack"]

READ_NOISE = 0.5
"""Standard deviation of the read noise, in photons."""

WIDTHS = (0.3, 0.5, 0.8, 1.2, 2.0, 3.0)
"""Of the Gaussian along z or time, in planes; the best by the truth is told."""

BLOCK = 16
"""Side of the squares, in pixels, over which the error is averaged for the flicker."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """How stacks are made and scored.

    Attributes
    ----------
    photons : tuple of float
        Of the brightest pixel, on average; a stack is made of each.
    planes : int
        How many of the middle are taken.
    scored : int
        How many of these, in their middle, are denoised by this project and scored.
    crop : int or None
        Side of the part of every plane with most structure; None for whole planes.
    drift : float
        By how many pixels, at most, a plane that is not scored lies off.
    flicker : float
        By which share, at most, such a plane is brighter.
    preset : str
        Of this project.
    seed : int
        Draws noise, drift and flicker.
    """

    photons: tuple[float, ...] = (10.0, 40.0)
    planes: int = 13
    scored: int = 2
    crop: int | None = None
    drift: float = 0.0
    flicker: float = 0.0
    preset: str = "auto"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class NoisyStack:
    """A stack and its truth.

    Attributes
    ----------
    noisy, clean : ndarray
        (Z, Y, X), photons.
    scored : tuple of int
        Numbers of the planes that are scored.
    """

    noisy: npt.NDArray[np.float32]
    clean: Floats
    scored: tuple[int, ...]

    def si_psnr(self, estimate: npt.ArrayLike, plane: int) -> float:
        """Return the PSNR in dB of a plane after the affine fit that makes it largest.

        The peak is the brightest pixel of the truth.
        """
        fitted = best_affine(np.asarray(estimate, np.float64), self.clean[plane])
        error = float(np.mean((fitted - self.clean[plane]) ** 2))
        return float(10 * np.log10(float(self.clean.max()) ** 2 / error))

    def flicker(self, found: Filtered) -> float:
        """Return how much the local mean of the error varies from plane to plane, in photons."""
        errors = np.stack([found[z] - self.clean[z] for z in self.scored])
        rows, columns = (side // BLOCK for side in errors.shape[1:])
        blocks = errors[:, : rows * BLOCK, : columns * BLOCK].reshape(-1, rows, BLOCK, columns, BLOCK)
        return float(blocks.mean((2, 4)).std(0).mean())


def noisy_stack(path: Path, photons: float, options: StackOptions) -> NoisyStack:
    """Read the middle planes of a nearly clean stack, and put noise on.

    Raises
    ------
    ImageError
        If it is not a stack of one channel, or has too few planes.
    FileError
        If it cannot be read.
    """
    stack = np.asarray(read_image(path).array, np.float64).squeeze()
    if stack.ndim != 3 or len(stack) < options.planes:
        raise ImageError(
            f"{path} has the shape {stack.shape}, but a stack of {options.planes} planes or more of one "
            "channel is needed."
        )
    stack = (stack - np.percentile(stack, 0.5)).clip(0)
    first = len(stack) // 2 - options.planes // 2
    clean = photons * stack[first : first + options.planes] / stack.max()
    middle = options.planes // 2 - options.scored // 2
    scored = tuple(range(middle, middle + options.scored))
    clean = _moved(clean, scored, options)
    noisy = []
    for z, plane in enumerate(clean):
        draw = np.random.default_rng((options.seed, z))
        noisy.append(draw.poisson(plane) + READ_NOISE * draw.standard_normal(plane.shape))
    return NoisyStack(np.asarray(noisy, np.float32), clean, scored)


def _moved(clean: Floats, scored: Sequence[int], options: StackOptions) -> Floats:
    """Cut the part out of every plane, off its place and brighter where the plane is not scored."""
    sides = clean.shape[1:] if options.crop is None else (options.crop,) * 2
    margin = int(np.ceil(options.drift))
    height, width = (side - 2 * margin * (options.crop is None) for side in sides)
    top, left = _busiest(clean[scored[0]], (height, width), margin)
    draw = np.random.default_rng(options.seed)
    cut = []
    for z, plane in enumerate(clean):
        y, x = (0, 0) if z in scored else draw.integers(-margin, margin + 1, 2)
        brighter = 1.0 if z in scored else 1 + options.flicker * draw.random()
        cut.append(brighter * plane[top + y : top + y + height, left + x : left + x + width])
    return np.stack(cut)


def _busiest(plane: Floats, shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """Return the first row and column of the part of a plane that varies most, away from its border."""
    height, width = shape
    rows, columns = (side - length - margin for side, length in zip(plane.shape, shape, strict=True))
    if rows < margin or columns < margin:
        raise ImageError(
            f"Planes of {plane.shape[0]}×{plane.shape[1]} pixels are too small for parts of "
            f"{height}×{width} that drift by {margin}."
        )
    places = [(y, x) for y in range(margin, rows + 1, BLOCK) for x in range(margin, columns + 1, BLOCK)]
    return max(places, key=lambda at: float(plane[at[0] : at[0] + height, at[1] : at[1] + width].std()))


def compare_on_stacks(paths: Iterable[Path], options: StackOptions, say: Callable[[str], object]) -> None:
    """Score every method on every stack, and say the rows of a table as they come.

    Parameters
    ----------
    paths : iterable of Path
        Nearly clean stacks, (Z, Y, X) or (T, Y, X).
    options : StackOptions
        How they are made and scored.
    say : callable
        Takes one line at a time.

    Raises
    ------
    ImageError, FileError, SettingsError
        As `noisy_stack`, and if there is no such preset.
    """
    alone = Settings.from_preset(options.preset, device="cpu", neighbours=0, stack_start="anew")
    usual = Settings.from_preset(options.preset, device="cpu")
    say("| stack, photons | method | SI-PSNR, dB | worst plane against 2-D, dB | flicker | CPU s a plane |")
    say("| --- | --- | ---: | ---: | ---: | ---: |")
    for path in paths:
        for photons in options.photons:
            stack = noisy_stack(path, photons, options)
            scores: dict[str, list[float]] = {}
            for name, method in _methods(stack, options.preset, alone, usual).items():
                start = time.process_time()
                found = method(stack)
                seconds = (time.process_time() - start) / len(found)
                scores[name] = [stack.si_psnr(found[z], z) for z in stack.scored]
                reference = next(iter(scores.values()))
                worst = min(a - b for a, b in zip(scores[name], reference, strict=True))
                say(
                    f"| {path.stem}, {photons:g} | {name} | {np.mean(scores[name]):.2f} | {worst:+.2f} | "
                    f"{stack.flicker(found):.3f} | {seconds:.1f} |"
                )


def _methods(
    stack: NoisyStack, preset: str, alone: Settings, usual: Settings
) -> dict[str, Callable[[NoisyStack], Filtered]]:
    """Return what is compared, by name; the first is what the others are held against."""
    measured = Anscombe.of(estimate_noise(stack.noisy[stack.scored[0]]))
    found: dict[str, Callable[[NoisyStack], Filtered]] = {
        f"{preset}, planes alone": lambda stack: _own(stack, alone),
        preset: lambda stack: _own(stack, usual),
        "noisy": lambda stack: dict(enumerate(stack.noisy)),
        "mean of three": lambda stack: dict(enumerate(uniform_filter1d(stack.noisy, 3, axis=0))),
        "Gaussian, width by the truth": _best_gaussian,
    }
    if importlib.util.find_spec("bm4d") is not None:
        found["BM4D, noise measured"] = lambda stack: dict(enumerate(bm4d_between(measured, stack.noisy)))
        known = Anscombe(1.0, READ_NOISE**2)
        found["BM4D, noise known"] = lambda stack: dict(enumerate(bm4d_between(known, stack.noisy)))
    return found


def _own(stack: NoisyStack, settings: Settings) -> Filtered:
    """Return the planes that are scored as this project denoises them."""
    events = fit_stack(stack.noisy, settings, axes="ZYX", indices=[(z,) for z in stack.scored])
    return {event.plane[0]: event.result.denoised for event in events if isinstance(event, Finished)}


def _best_gaussian(stack: NoisyStack) -> Filtered:
    """Return the stack smoothed along its first axis, as wide as the truth likes best."""
    tried = [gaussian_filter1d(stack.noisy, width, axis=0) for width in WIDTHS]
    best = max(tried, key=lambda found: sum(stack.si_psnr(found[z], z) for z in stack.scored))
    return dict(enumerate(best))
