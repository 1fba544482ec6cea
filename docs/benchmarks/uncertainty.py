"""The tables of `uncertainty.md`: how often the error lies within two predicted standard deviations.

    python docs/benchmarks/uncertainty.py fmdd PATH/TO/FMDD --preset fast
    python docs/benchmarks/uncertainty.py kinds PATH/TO/FMDD --preset fast --crop 128

The truth of FMDD is a mean of 50 captures: it lies elsewhere by up to 0.7 pixels, has another gain, and has
noise of its own. It is moved to the estimate and fitted to it, and its noise is added to the prediction.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kept_fits import add_option, kept_fit
from scipy.ndimage import shift
from scipy.optimize import minimize

from napari_blindspot.benchmark.metrics import best_affine
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.inspection.residual import noise_sigma
from napari_blindspot.inspection.uncertainty import error_sigma

if TYPE_CHECKING:
    from napari_blindspot.core.noise_model import NoiseModel

CAPTURES = 50
"""FMDD's truth is the mean of so many, and has that part of their noise's variance."""

BLOCK = 16
"""Side in pixels of the blocks in which error and prediction are compared."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Calibration:
    """How well a prediction fits the errors.

    Attributes
    ----------
    coverage : float
        Share of the pixels whose error lies within two predicted standard deviations.
    correlation : float
        Of the predicted standard deviation with the absolute error, in means over blocks.
    ratio : float
        Root mean square of the errors, relative to that of the prediction.
    """

    coverage: float
    correlation: float
    ratio: float

    @property
    def cells(self) -> str:
        """As cells of a table."""
        return f"{self.coverage:.1%} | {self.correlation:.2f} | {self.ratio:.2f}"


def calibration(error: Floats, predicted: Floats, truth_variance: Floats | float = 0.0) -> Calibration:
    """Compare errors, (Y, X), with predicted standard deviations; the truth may have noise of its own."""
    total = np.sqrt(predicted**2 + truth_variance)
    both = [means(np.abs(error)), means(predicted)]
    return Calibration(
        coverage=float((np.abs(error) <= 2 * total).mean()),
        correlation=float(np.corrcoef(*both)[0, 1]),
        ratio=float(np.sqrt((error**2).mean() / (total**2).mean())),
    )


def means(image: Floats) -> Floats:
    """Return the means over blocks, flat."""
    height, width = (side // BLOCK * BLOCK for side in image.shape)
    parts = image[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return np.asarray(parts.mean((1, 3)).ravel())


def moved_to(estimate: Floats, truth: Floats) -> Floats:
    """Return a truth where, and on the scale on which, an estimate lies."""

    def distance(offset: Floats) -> float:
        moved = shift(truth, offset, order=3, mode="reflect")
        return float(((best_affine(moved, estimate) - estimate) ** 2).mean())

    start = [[-0.3, 0.0], [-0.5, 0.0], [-0.3, 0.2]]
    options = {"xatol": 0.02, "fatol": 1e-4, "initial_simplex": start, "maxfev": 40}
    offset = minimize(distance, start[0], method="Nelder-Mead", options=options).x
    if np.abs(offset).max() <= 0.1:
        return best_affine(truth, estimate)
    return best_affine(shift(truth, offset, order=3, mode="reflect"), estimate)


def on_fmdd(noisy: Any, denoised: Any, noise: NoiseModel, truth: Any) -> Calibration:
    """Calibrate on an image of FMDD."""
    estimate = np.asarray(denoised, np.float64)
    error = estimate - moved_to(estimate, np.asarray(truth, np.float64))
    own = noise_sigma(estimate, noise) ** 2 / CAPTURES
    return calibration(error, error_sigma(noisy, denoised, noise).astype(np.float64), own)


def on_synthetic(noisy: Any, denoised: Any, noise: NoiseModel, truth: Any) -> Calibration:
    """Calibrate on an image whose truth is known; it may have another scale."""
    estimate = np.asarray(denoised, np.float64)
    error = estimate - best_affine(np.asarray(truth, np.float64), estimate)
    return calibration(error, error_sigma(noisy, denoised, noise).astype(np.float64))


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=("fmdd", "kinds"))
    parser.add_argument("folder", type=Path, help="FMDD, flat: with raw/ and gt/")
    parser.add_argument("--preset", default="auto")
    parser.add_argument("--crop", type=int, default=256, help="side of the images of kinds")
    add_option(parser)
    options = parser.parse_args()
    print("| image | within 2σ | correlation in 16² | error / σ |")
    print("| --- | ---: | ---: | ---: |")
    if options.table == "fmdd":
        for pair in find_pairs(options.folder, 1).pairs:
            noisy, truth = pair.load()
            result, _ = kept_fit(pair.scene, noisy, options.preset, options.keep)
            print(
                f"| {pair.scene} | {on_fmdd(noisy, result.denoised, result.noise, truth).cells} |",
                flush=True,
            )
        return
    from kinds import centre_of, kinds, scenes

    for scene, clean in scenes(options.folder):
        part = centre_of(clean, options.crop)
        for kind, noisy in kinds(part, np.random.default_rng(1)):
            name = f"{scene} {options.crop} {kind}"
            result, _ = kept_fit(name, noisy, options.preset, options.keep)
            measured = result.noise is not None and result.noise.measured
            cells = (
                on_synthetic(noisy, result.denoised, result.noise, part).cells if measured else "– | – | –"
            )
            print(f"| {scene}, {kind} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
