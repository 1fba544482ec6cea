"""The figures of `fibres.md`: fine structure under the correlated noise of a real wide-field microscope.

python docs/benchmarks/fibres.py PATH/TO/FMDD --preset auto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from kinds import asked, centre, installed_peers, scaled, scored
from scipy.ndimage import gaussian_filter
from skimage.io import imread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIDE = 256
STRENGTHS = (0.06, 0.12, 0.24)
"""Standard deviation of the noise where the image is half as bright as its brightest."""
TRUTHS = ("Confocal_BPAE_G", "TwoPhoton_BPAE_R")
FILAMENTS = ((1, 150, "dense"), (2, 150, "dense"), (2, 25, "sparse"), (4, 60, "dense"), (3, 25, "sparse"))
"""Width in pixels (full width at half maximum) and number of filaments."""
RANGES = 20
"""Ranges of intensity in which the spread of the real noise is measured."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


def filaments(rng: np.random.Generator, width: float, count: int) -> Floats:
    """Return bent lines of a Gaussian profile, (SIDE, SIDE), drawn twice as fine."""
    fine = np.zeros((2 * SIDE, 2 * SIDE))
    sigma = max(2 * width / 2.355, 0.6)
    for _ in range(count):
        place, angle, bend = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi), 0.0
        length, bright = int(rng.uniform(60, 400)), rng.uniform(0.4, 1)
        points = []
        for _ in range(2 * length):
            points.append(place.copy())
            bend = 0.95 * bend + rng.normal(0, 0.004)
            angle += bend
            place = place + 0.5 * np.array([np.sin(angle), np.cos(angle)])
        y, x = np.rint(2 * np.array(points)).astype(int).T
        inside = (y >= 0) & (y < 2 * SIDE) & (x >= 0) & (x < 2 * SIDE)
        line = np.zeros_like(fine)
        line[y[inside], x[inside]] = 1.0
        fine = np.maximum(fine, bright * gaussian_filter(line, sigma) * np.sqrt(2 * np.pi) * sigma)
    drawn: Floats = np.minimum(fine.reshape(SIDE, 2, SIDE, 2).mean((1, 3)), 1.3)
    return drawn


def scenes(folder: Path) -> Iterator[tuple[str, Floats]]:
    """Yield clean images, 0 to 1: two truths of FMDD, smoothed, and filaments on an uneven ground."""
    for name in TRUTHS:
        path = next(path for path in sorted((folder / "gt").iterdir()) if path.name.startswith(name))
        yield name, scaled(gaussian_filter(centre(imread(path).astype(float)), 0.7))
    rng = np.random.default_rng(5)
    for width, count, label in FILAMENTS:
        drawn = filaments(rng, width, count)
        ground = scaled(gaussian_filter(rng.standard_normal((SIDE, SIDE)), 24))
        yield f"{label} filaments, {width} px", scaled(drawn + 0.15 * ground)


def real_noise(folder: Path) -> list[Floats]:
    """Return eight fields, (SIDE, SIDE), of a wide-field microscope's noise with standard deviation 1.

    They are differences of two captures of one field, divided by their spread at each intensity.
    """
    captures = [
        path for path in sorted((folder / "raw").iterdir()) if path.name.startswith("WideField_BPAE_R")
    ]
    truth = next(path for path in (folder / "gt").iterdir() if path.name.startswith("WideField_BPAE_R"))
    level, fields = imread(truth).astype(float), []
    ranges = np.array_split(np.argsort(level, axis=None, kind="stable"), RANGES)
    for first, second in zip(captures[::2], captures[1::2], strict=True):
        difference = (imread(first).astype(float) - imread(second)) / np.sqrt(2)
        difference -= gaussian_filter(difference, 40)
        levels = [level.flat[part].mean() for part in ranges]
        variances = [difference.flat[part].var() for part in ranges]
        unit = difference / np.sqrt(np.interp(level, levels, variances))
        fields += [unit[y : y + SIDE, x : x + SIDE] for y in (0, SIDE) for x in (0, SIDE)]
    return fields


def cases(folder: Path) -> Iterator[tuple[str, float, Floats, np.ndarray[Any, np.dtype[np.uint16]]]]:
    """Yield name, strength of the noise, clean and noisy image of each case."""
    fields, number = real_noise(folder), 0
    for name, clean in scenes(folder):
        for strength in STRENGTHS:
            field = fields[number % 8]
            field = field[:, ::-1] if number // 8 % 2 else field
            number += 1
            noisy = clean + strength * np.sqrt((clean + 0.1) / 0.6) * field
            yield name, strength, clean, np.rint(200 + 1000 * noisy).clip(0).astype(np.uint16)


def main() -> None:
    """Print the table."""
    options, peers = asked(__doc__, "raw/ and gt/"), installed_peers()
    print(f"| scene | noise | noisy | best Gaussian | {' | '.join(peers)} | {options.preset} |")
    print("| --- |" + " ---: |" * (4 + len(peers)))
    rows = []
    for name, strength, clean, noisy in cases(options.folder):
        figures, _ = scored(noisy, clean, peers, options.preset)
        rows.append(figures)
        cells = " | ".join(f"{figure:.2f}" for figure in figures)
        print(f"| {name} | {strength} | {cells} |", flush=True)
    print("| mean | | " + " | ".join(f"{figure:.2f}" for figure in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
