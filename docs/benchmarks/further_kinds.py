"""The second table of `kinds.md`: what happens to images between the detector and the file.

    python docs/benchmarks/further_kinds.py PATH/TO/FMDD --preset fast

The images and columns are those of `kinds.py`, without its peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from kinds import asked, scaled, scenes, scored
from scipy.ndimage import gaussian_filter, rotate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kinds import Floats

DEGREES = 7


def further_kinds(clean: Floats, rng: np.random.Generator) -> Iterator[tuple[str, Any, Floats]]:
    """Yield name, noisy image and truth, 0 to 1, of each kind."""

    def photons(peak: float, dark: float) -> Floats:
        return rng.poisson(peak * clean + dark).astype(float)

    y, x = (np.arange(side) - side / 2 for side in clean.shape)
    distance = np.hypot(y[:, None], x)
    dim = 4.0 * rng.poisson((60 * clean + 5) / 4)
    yield "two tiles, one with a quarter of the light", np.where(x < 0, photons(60, 5), dim), clean
    light = 1 / (1 + 3 * (distance / distance.max()) ** 2)
    corrected = rng.poisson((80 * clean + 5) * light) / light
    yield "flat field corrected, a quarter in the corners", np.rint(5 * corrected), clean
    inside = distance < 0.47 * len(y)
    round_view = np.where(inside, photons(60, 3), 0.0)
    yield "round field of view", round_view, scaled(np.where(inside, 60 * clean + 3, 0.0))
    below = photons(40, 20)
    lifted = np.clip(below - gaussian_filter(below, 40), 0, None)
    truth = np.clip(40 * clean - gaussian_filter(40 * clean, 40), 0, None)
    yield "background taken off and cut off", np.rint(lifted), scaled(truth)
    root = np.sqrt(photons(60, 3))
    yield "square root in 8 bits", np.rint(255 * scaled(root)), scaled(np.sqrt(60 * clean + 3))
    highest = np.max([photons(30, 4) + 1.5 * rng.standard_normal(clean.shape) for _ in range(8)], axis=0)
    yield "largest of 8 planes", highest, clean
    yield "mean of 4 in 8 bits", np.rint(np.mean([photons(80, 10) for _ in range(4)], axis=0)), clean
    turned, true = (rotate(image, DEGREES, reshape=False, order=1) for image in (photons(40, 3), clean))
    part = (slice(32, -32),) * 2
    yield f"turned by {DEGREES} degrees", turned[part], scaled(true[part])
    speckled = (100 * clean + 10) * rng.gamma(8, 1 / 8, clean.shape)
    yield "speckle, multiplied", speckled, clean
    columns = 1 + 0.1 * rng.standard_normal(clean.shape[1])
    yield "gain of columns off by 10 %", rng.poisson((200 * clean + 20) * columns).astype(float), clean
    salted, lots = 150 * clean + 30 + 10 * rng.standard_normal(clean.shape), rng.random(clean.shape)
    salted = np.where(lots < 0.015, 0, np.where(lots > 0.985, 255, salted))
    yield "3 % black and white pixels", np.rint(np.clip(salted, 0, 255)), clean


def main() -> None:
    """Print a table for each scene."""
    options = asked(__doc__, "gt/")
    for scene, clean in scenes(options.folder):
        print(f"\n| {scene} | noisy | best Gaussian | {options.preset} | it says |")
        print("| --- | ---: | ---: | ---: | --- |")
        for kind, noisy, truth in further_kinds(clean, np.random.default_rng(2)):
            figures, result = scored(noisy.astype(np.float32), truth, {}, options.preset)
            cells = " | ".join(f"{figure:.2f}" for figure in figures)
            print(f"| {kind} | {cells} | {' '.join(result.warnings)} |", flush=True)


if __name__ == "__main__":
    main()
