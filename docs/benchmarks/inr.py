"""The table of `inr.md`: what F_φ may stand on and learn, and how far its image is from the U-Net's then.

    python docs/benchmarks/inr.py PATH/TO/FMDD --preset fast

Every candidate is fitted after the run, on its scale: stabilised and standardised.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from kept_fits import add_option, kept_fit

from napari_blindspot.benchmark.metrics import score
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.engine.hardware.adam import make_adam, one_cycle
from napari_blindspot.method.fill import gaussian, normalised_convolution
from napari_blindspot.method.inr_field import InrField
from napari_blindspot.method.siren import Siren, pixel_coordinates
from napari_blindspot.noise.anscombe import Anscombe

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.core.model import Model

RATE, BETA = 5e-3, 0.999


@dataclass(frozen=True)
class Candidate:
    """How F_φ is fitted.

    Attributes
    ----------
    name : str
        In the table.
    base : callable
        Makes what F_φ stands on of noisy plane and estimate, (Y, X) each.
    cubic : bool
        Whether that is read by cubic B-splines, and not linearly.
    steps : int
        Of the optimiser.
    middle : bool
        Whether the first half of the steps learns the mean of noisy plane and estimate.
    shift : float
        Width in pixels of the shifts of L_mc; 0 for the centres of the pixels.
    octaves : int
        Of the encoding: the band limit.
    points : int
        Pixels a step.
    """

    name: str
    base: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    cubic: bool = False
    steps: int = 60
    middle: bool = False
    shift: float = 1.0
    octaves: int = 6
    points: int = 8192


def blurred(image: torch.Tensor, sigma: float) -> torch.Tensor:
    """Return the normalised convolution of all pixels."""
    seen = torch.ones_like(image)[None, None]
    return normalised_convolution(image[None, None], seen, gaussian(sigma, 3))[0, 0]


CANDIDATES = (
    Candidate("convolution of y; x̂ by L_mc", lambda y, x: blurred(y, 1.0)),
    Candidate("the same, 240 steps", lambda y, x: blurred(y, 1.0), steps=240),
    Candidate("convolution of y; (y + x̂)/2, then x̂ by L_mc", lambda y, x: blurred(y, 1.0), middle=True),
    Candidate("the same, 240 steps", lambda y, x: blurred(y, 1.0), middle=True, steps=240),
    Candidate("nothing; x̂ by L_mc, 240 steps", lambda y, x: torch.zeros_like(x), steps=240),
    Candidate("the same, 4 octaves", lambda y, x: torch.zeros_like(x), steps=240, octaves=4),
    Candidate("convolution of x̂ (1 px); x̂ by L_mc", lambda y, x: blurred(x, 1.0)),
    Candidate("convolution of x̂ (0.6 px); x̂ by L_mc", lambda y, x: blurred(x, 0.6)),
    Candidate("B-splines of x̂ alone", lambda y, x: x, cubic=True, steps=0),
    Candidate("B-splines of x̂; x̂ by L_mc", lambda y, x: x, cubic=True),
    Candidate("B-splines of x̂; x̂ at the centres", lambda y, x: x, cubic=True, shift=0.0),
    Candidate("the same, 30 steps", lambda y, x: x, cubic=True, shift=0.0, steps=30),
    Candidate("the same, 2048 pixels a step", lambda y, x: x, cubic=True, shift=0.0, points=2048),
    Candidate("the same, 240 steps", lambda y, x: x, cubic=True, shift=0.0, steps=240),
)


def fitted(candidate: Candidate, noisy: torch.Tensor, estimate: torch.Tensor, model: Model) -> InrField:
    """Fit F_φ as a candidate says; noisy plane and estimate are (Y, X), on the scale of the fit."""
    generator = torch.Generator().manual_seed(0)
    siren = Siren(64, candidate.octaves, (0.0,) * 5, 10.0, generator)
    torch.nn.init.zeros_(siren.output.weight)
    torch.nn.init.zeros_(siren.output.bias)
    base, stabiliser = candidate.base(noisy, estimate), Anscombe.of(model.noise)
    field = InrField(siren, base, 0.0, 1.0, 0.0, 1.0, cubic=candidate.cubic)
    sides = torch.tensor(base.shape) - 1.0
    where = pixel_coordinates(*base.shape, base.device)
    numbers = one_cycle(max(candidate.steps, 2), RATE, rise=0.1, below=25, last=10_000)
    optimizer = make_adam(siren.parameters(), numbers, BETA, base.device)
    middle = ((noisy + estimate) / 2).flatten()
    for step in range(candidate.steps):
        optimizer.advance()
        pick = torch.randint(base.numel(), (candidate.points,), generator=generator)
        shift = candidate.shift * (torch.rand(len(pick), 2, generator=generator) - 0.5)
        points = (where[pick] + 1) / 2 * sides + shift
        target = middle if candidate.middle and step < candidate.steps / 2 else estimate.flatten()
        loss = (field._read(points) - target[pick]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return InrField(
        siren, base, model.mean, model.scale, stabiliser.gain, stabiliser.offset, cubic=candidate.cubic
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="FMDD, flat: with raw/ and gt/")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--scenes", type=int, help="the first so many only")
    add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, list[tuple[float, float]]] = {}
    noisy_images, seconds = [], []
    for pair in find_pairs(options.folder, 1).pairs[: options.scenes]:
        noisy, truth = pair.load()
        result, model = kept_fit(pair.scene, noisy, options.preset, options.keep)
        noisy_images.append(score(noisy, truth).si_psnr)
        seconds.append(result.seconds)
        rows.setdefault("U-Net", []).append((score(result.denoised, truth).si_psnr, 0.0))
        rows.setdefault("INR of the run", []).append((score(result.inr, truth).si_psnr, 0.0))
        stabiliser = Anscombe.of(model.noise)
        both = [
            torch.from_numpy(
                ((stabiliser.forward(np.asarray(x, np.float64)) - model.mean) / model.scale).astype(
                    np.float32
                )
            )
            for x in (noisy, result.denoised)
        ]
        last = ""
        for candidate in CANDIDATES:
            last = candidate.name if not candidate.name.startswith("the same") else last
            name = candidate.name.replace("the same", last)
            start = time.perf_counter()
            image = fitted(candidate, *both, model).sample().values
            took = time.perf_counter() - start
            rows.setdefault(name, []).append((score(image, truth).si_psnr, took))
    print("| F_φ: stands on; learns | below the U-Net, dB | least above the noisy image, dB | seconds |")
    print("| --- | ---: | ---: | ---: |")
    unet = [value for value, _ in rows["U-Net"]]
    for name, values in rows.items():
        below = float(np.mean([u - v for u, (v, _) in zip(unet, values, strict=True)]))
        above = min(v - n for n, (v, _) in zip(noisy_images, values, strict=True))
        took = float(np.mean([s for _, s in values]))
        print(f"| {name} | {below:.2f} | {above:.2f} | {took:.2f} |")
    print(f"\nA run took {np.mean(seconds):.0f} s on average.")


if __name__ == "__main__":
    main()
