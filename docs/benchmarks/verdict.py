"""The table of `verdict.md`: whether blurred estimates, noise that was left and real fits are told apart.

    python docs/benchmarks/verdict.py PATH/TO/FMDD --preset fast

A blurred estimate counts as one where its error is at least one and a half times that of the fit: less was
hardly lost. The truth of FMDD only decides that; the verdict never sees it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kept_fits import add_option, kept_fit
from scipy.ndimage import gaussian_filter

from napari_blindspot import judge, samples
from napari_blindspot.benchmark.metrics import best_affine
from napari_blindspot.benchmark.pairs import find_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.core.noise_model import NoiseModel

WORSE = 1.5
"""Mean squared error of a blurred estimate, relative to the fit's, from which on structure was lost."""

SIDE = 128
"""Of the synthetic images, in pixels."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


def estimates(noisy: Floats, fit: Floats) -> Iterator[tuple[str, str, Floats]]:
    """Yield estimates: their name, what is to be said of them, and the pixels."""
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


def judged(
    noisy: Any, fit: Any, noise: NoiseModel, truth: Any
) -> Iterator[tuple[str, str, str, float, float]]:
    """Yield name, what is to be said, what was said, and the two figures, of estimates of one image."""
    y, x, t = (np.asarray(image, np.float64) for image in (noisy, fit, truth))
    least = WORSE * error(x, t)
    for name, expected, estimate in estimates(y, x):
        if expected == "structure-removed" and error(estimate, t) < least:
            continue
        verdict = judge(y, estimate, noise)
        yield name, expected, verdict.kind, verdict.structure, verdict.noise


def images(folder: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, noisy image and truth."""
    for pair in find_pairs(folder, 1).pairs:
        yield pair.scene, *pair.load()
    for make in (samples.confocal, samples.two_photon, samples.wide_field):
        for seed in (100, 101):
            sample = make((SIDE, SIDE), seed=seed)
            yield f"{sample.name}, seed {seed}", sample.noisy, sample.truth


def tabulate(rows: list[tuple[str, str, str, float, float]]) -> None:
    """Print how many estimates of each name were judged rightly, and the ranges of the two figures."""
    print("| estimate | is | right | structure | noise removed |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, expected in dict.fromkeys((row[0], row[1]) for row in rows):
        own = [row for row in rows if row[0] == name]
        right = sum(row[2] == expected for row in own)
        spans = " | ".join(f"{min(r[k] for r in own):.2f} to {max(r[k] for r in own):.2f}" for k in (3, 4))
        print(f"| {name} | {expected} | {right} of {len(own)} | {spans} |")
    print(f"\n{sum(row[1] == row[2] for row in rows)} of {len(rows)} are judged rightly.")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="FMDD, flat: with raw/ and gt/")
    parser.add_argument("--preset", default="auto")
    add_option(parser)
    options = parser.parse_args()
    rows = []
    for name, noisy, truth in images(options.folder):
        result, _ = kept_fit(name, noisy, options.preset, options.keep)
        if result.noise is not None and result.noise.measured:
            rows += list(judged(noisy, result.denoised, result.noise, truth))
    tabulate(rows)


if __name__ == "__main__":
    main()
