"""The tables of `verdict.md`: whether blurred estimates, noise that was left and real fits are told apart.

    python docs/benchmarks/verdict.py PATH/TO/FMDD --preset fast
    python docs/benchmarks/verdict.py PATH/TO/FMDD --preset fast --held-out

The first is of the images that the thresholds were set on, the second of others. A blurred estimate counts
as one where its error is at least one and a half times that of the fit: less was hardly lost. So does the
fit of a part of an image whose error is that much larger than that of the whole image's fit there.
The truth of FMDD only decides that; the verdict never sees it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kept_fits import add_option, kept_fit
from scipy.ndimage import gaussian_filter
from uncertainty import moved_to

from napari_blindspot import judge, samples
from napari_blindspot.benchmark.metrics import best_affine
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.core.noise_model import NoiseModel

WORSE = 1.5
"""Mean squared error of a blurred estimate, relative to the fit's, from which on structure was lost."""

SIDE = 128
"""Of the parts and of the synthetic images, in pixels."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Choice:
    """Which images a table is of.

    Attributes
    ----------
    whole : bool
        Whether the whole images are among them.
    corners : tuple
        (y, x) of the parts of the whole images' fits; the noise is measured on the part.
    fitted : tuple of int or None
        (y, x) of the part that is fitted itself.
    seeds : tuple of int
        Of the synthetic images.
    """

    whole: bool
    corners: tuple[tuple[int, int], ...]
    fitted: tuple[int, int] | None
    seeds: tuple[int, ...]


SET_ON = Choice(True, ((20, 20), (180, 180), (340, 340), (20, 340)), (180, 180), ())
HELD_OUT = Choice(False, ((384, 0), (0, 180), (384, 180), (180, 384), (180, 0)), None, (100, 101))


@dataclass(frozen=True)
class Image:
    """A noisy image with a fit and the truth, (Y, X) each; `kind` is its line in the second table."""

    kind: str
    name: str
    noisy: Floats
    fit: Floats
    truth: Floats
    noise: NoiseModel
    lost: bool = False


def estimates(noisy: Floats, fit: Floats, *, lost: bool) -> Iterator[tuple[str, str, Floats]]:
    """Yield estimates: their name, what is to be said of them, and the pixels."""
    if lost:
        yield "fit that lost structure", "structure-removed", fit
    else:
        yield "fit", "noise-alone", fit
    for sigma in (1.5, 2.0, 3.0, 4.0):
        yield f"fit, blurred by {sigma:g} px", "structure-removed", gaussian_filter(fit, sigma)
    for sigma in (2.0, 3.0, 4.0):
        yield f"noisy image, blurred by {sigma:g} px", "structure-removed", gaussian_filter(noisy, sigma)
    yield "noisy image itself", "noise-left", noisy
    yield "noisy image, blurred by 0.5 px", "noise-left", gaussian_filter(noisy, 0.5)
    for share in (0.3, 0.5, 0.7):
        yield f"fit with {share:.0%} of the residual", "noise-left", fit + share * (noisy - fit)


def error(estimate: Floats, truth: Floats) -> float:
    """Return the mean squared error after the best affine fit."""
    return float(((best_affine(estimate, truth) - truth) ** 2).mean())


def judged(image: Image) -> Iterator[tuple[str, str, str, float, float, str]]:
    """Yield name, what is to be said, what was said, the two figures, and the kind of image."""
    least = WORSE * error(image.fit, image.truth)
    for name, expected, estimate in estimates(image.noisy, image.fit, lost=image.lost):
        if "blurred" in name and expected == "structure-removed" and error(estimate, image.truth) < least:
            continue
        verdict = judge(image.noisy, estimate, image.noise)
        yield name, expected, verdict.kind, verdict.structure, verdict.noise, image.kind


def images(folder: Path, choice: Choice, preset: str, keep: Path | None) -> Iterator[Image]:
    """Yield noisy images with their fits and truths."""
    for pair in find_pairs(folder, 1).pairs:
        noisy, recorded = (np.asarray(image, np.float64) for image in pair.load())
        result, _ = kept_fit(pair.scene, noisy, preset, keep)
        fit = np.asarray(result.denoised, np.float64)
        truth = moved_to(fit, recorded)
        if choice.whole:
            yield Image("whole image", pair.scene, noisy, fit, truth, estimate_noise(noisy))
        for y, x in choice.corners:
            part = np.s_[y : y + SIDE, x : x + SIDE]
            noise = estimate_noise(noisy[part])
            yield Image("part of one", f"{pair.scene} {y} {x}", noisy[part], fit[part], truth[part], noise)
        if choice.fitted is not None:
            y, x = choice.fitted
            part = np.s_[y : y + SIDE, x : x + SIDE]
            name = f"{pair.scene} c1 {y} {x} {SIDE}"
            result, _ = kept_fit(name, noisy[part], preset, keep)
            alone = np.asarray(result.denoised, np.float64)
            there = moved_to(alone, recorded[part])
            lost = error(alone, there) > WORSE * error(fit[part], there)
            yield Image("part fitted alone", name, noisy[part], alone, there, result.noise, lost)
    for make in (samples.confocal, samples.two_photon, samples.wide_field):
        for seed in choice.seeds:
            sample = make((SIDE, SIDE), seed=seed)
            name = f"{sample.name}, seed {seed}"
            result, _ = kept_fit(name, sample.noisy, preset, keep)
            planes = (
                np.asarray(image, np.float64) for image in (sample.noisy, result.denoised, sample.truth)
            )
            yield Image("synthetic image", name, *planes, result.noise)


def tabulate(rows: list[tuple[str, str, str, float, float, str]]) -> None:
    """Print how many estimates of each name were judged rightly, and the ranges of the two figures."""
    print("| estimate | is | right | structure | noise removed |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, expected in dict.fromkeys((row[0], row[1]) for row in rows):
        own = [row for row in rows if row[:2] == (name, expected)]
        spans = " | ".join(f"{min(r[k] for r in own):.2f} to {max(r[k] for r in own):.2f}" for k in (3, 4))
        print(f"| {name} | {expected} | {right(own)} | {spans} |")
    print()
    for kind in dict.fromkeys(row[5] for row in rows):
        print(f"{kind}: {right([row for row in rows if row[5] == kind])}.")
    print(f"All: {right(rows)} are judged rightly.")


def right(rows: list[tuple[str, str, str, float, float, str]]) -> str:
    """Return of how many rows what was said is what was to be said."""
    return f"{sum(row[1] == row[2] for row in rows)} of {len(rows)}"


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="FMDD, flat: with raw/ and gt/")
    parser.add_argument("--preset", default="auto")
    parser.add_argument("--held-out", action="store_true", help="of images that no threshold was set on")
    add_option(parser)
    options = parser.parse_args()
    choice = HELD_OUT if options.held_out else SET_ON
    rows = []
    for image in images(options.folder, choice, options.preset, options.keep):
        for row in judged(image):
            rows.append(row)
            if row[1] != row[2]:
                print(f"{image.name}, {row[0]}: {row[2]} ({row[3]:.2f}, {row[4]:.2f})", flush=True)
    tabulate(rows)


if __name__ == "__main__":
    main()
