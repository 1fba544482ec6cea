"""Where decibels are lost: gain drift, a truth that lies elsewhere or has noise, coarse errors, the rest.

Reads the estimates that `napari-blindspot benchmark fmdd` left in its output folder. Prints a Markdown
table, and draws a map of the errors of each image on request.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, shift
from scipy.optimize import minimize

from napari_blindspot.benchmark.metrics import DATA_RANGE, best_affine, score
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    from napari_blindspot.core.noise_model import NoiseModel

COARSE = 8.0
"""Sigma in pixels beyond which an error counts as coarse."""

CAPTURES = 50
"""FMDD's truth is the mean of so many, and has that part of their noise's variance."""


def aligned(estimate: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (y, x) shift in pixels that brings an estimate closest to the truth, and the result."""

    def distance(offset: np.ndarray) -> float:
        moved = shift(estimate, offset, order=3, mode="reflect")
        return float(((best_affine(moved, truth) - truth) ** 2).mean())

    start = [[0.3, 0.0], [0.5, 0.0], [0.3, 0.2]]
    options = {"xatol": 0.01, "fatol": 1e-4, "initial_simplex": start}
    offset = minimize(distance, start[0], method="Nelder-Mead", options=options).x
    return offset, best_affine(shift(estimate, offset, order=3, mode="reflect"), truth)


def noise_of_the_truth(noise: NoiseModel, estimate: np.ndarray, truth: np.ndarray) -> float:
    """Return its variance in squared grey levels, by the noise measured on one capture."""
    # The truth's intensities may be other multiples of the light than the capture's.
    scale = np.polyfit(estimate.ravel(), truth.ravel(), 1)[0]
    return float(scale**2 * noise.variance(estimate).mean() / CAPTURES)


def draw(path: Path, error: np.ndarray) -> None:
    """Save an error map: grey is none, white +16 and black -16 grey levels."""
    from PIL import Image

    Image.fromarray(np.clip(128 + 8 * error, 0, 255).astype(np.uint8)).save(path)


def psnr(square: float) -> float:
    """Return a mean squared error as PSNR in dB."""
    return float(10 * np.log10(DATA_RANGE**2 / square))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="folder with raw and gt images")
    parser.add_argument("results", type=Path, help="output folder of the benchmark")
    parser.add_argument("--methods", default="bm3d-vst,bm3d-vst-psd,auto")
    parser.add_argument("--maps", type=Path, help="folder for the error maps of the last method")
    options = parser.parse_args()
    methods = options.methods.split(",")
    print(
        "| image | method | PSNR | SI-PSNR | truth lies at (y, x) px | SI-PSNR there "
        "| without the truth's noise | coarse errors |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for pair in find_pairs(options.root, 1).pairs:
        noisy, truth = pair.load()
        noise = estimate_noise(noisy)
        for method in methods:
            file = options.results / "estimates" / f"{pair.scene}_{pair.capture}_{method}.npy"
            if not file.exists():
                continue
            estimate = np.clip(np.load(file).astype(np.float64), 0, DATA_RANGE)
            scores = score(estimate, truth)
            offset, moved = aligned(estimate, truth.astype(np.float64))
            error = moved - truth
            square = (error**2).mean()
            coarse = (gaussian_filter(error, COARSE) ** 2).mean() / square
            own = square - noise_of_the_truth(noise, estimate, truth)
            print(
                f"| {pair.scene} | {method} | {scores.psnr:.2f} | {scores.si_psnr:.2f} "
                f"| {offset[0]:.2f}, {offset[1]:.2f} | {psnr(square):.2f} | {psnr(own):.2f} "
                f"| {coarse:.0%} |",
                flush=True,
            )
            if options.maps and method == methods[-1]:
                options.maps.mkdir(parents=True, exist_ok=True)
                draw(options.maps / f"{pair.scene}_{method}.png", error)


if __name__ == "__main__":
    main()
