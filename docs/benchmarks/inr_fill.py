"""The table of `inr.md` on F_φ as the fill: hidden pixels filled by the normalised convolution, or by F_φ.

    python docs/benchmarks/inr_fill.py PATH/TO/FMDD --crop 256

Two F_φ learn one half of the pixels each, as the squares of a chessboard, so that no pixel is filled by one
that has seen it. Targets of one draw belong to one half, and only they are hidden: the table is of noise
that needs no gap. What is scored is the blind prediction, before any refinement.
"""

from __future__ import annotations

import argparse
import copy
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.benchmark.metrics import score
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.engine import measured_run
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.hardware.backends import unet_arithmetic
from napari_blindspot.engine.inr_fit import InrFit
from napari_blindspot.engine.run import LossRecord
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.compact_unet import MULTIPLE
from napari_blindspot.method.fill import denoiser_input, normalised_convolution
from napari_blindspot.method.symmetry import turn, turn_back
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from napari_blindspot.engine.networks import Networks

SYMMETRIES = 8
INR_STEPS = (0, 200, 1000)


@dataclass
class Prepared(Exception):
    """Carries the networks of a run out, before it fits them."""

    networks: Networks


def prepared(noisy: np.ndarray, settings: Settings) -> Networks:
    """Measure a plane, (Y, X), and return its networks as a run would begin with them."""
    prepare = measured_run.prepare

    def stop(*arguments: object, **options: object) -> None:
        raise Prepared(prepare(*arguments, **options))

    measured_run.prepare = stop
    try:
        for _ in fit_plane(noisy, settings):
            pass
    except Prepared as reached:
        return reached.networks
    finally:
        measured_run.prepare = prepare
    raise RuntimeError("The run fits nothing.")


def chessboard(image: torch.Tensor) -> torch.Tensor:
    """Return which pixels of (…, Y, X) lie on black squares, (1, 1, Y, X) bool."""
    y, x = (torch.arange(side) for side in image.shape[-2:])
    return ((y[:, None] + x) % 2 == 0)[None, None]


def cross_fitted(networks: Networks, steps: int) -> torch.Tensor:
    """Return at every pixel the value of the F_φ that has not seen it, (1, 1, Y, X)."""
    fit, black = networks.fit, chessboard(networks.fit.noisy)
    filled = torch.zeros_like(fit.noisy)
    for half in (black, ~black):
        seen = half & fit.valid
        base = normalised_convolution(fit.noisy, seen.float(), fit.mask.fill_weights)[0, 0]
        generator = torch.Generator().manual_seed(1)
        inr = InrFit(fit.noisy[0, 0], seen[0, 0], base, fit.settings, steps, generator)
        losses = LossRecord(steps, fit.device)
        for _ in range(steps):
            inr.step(losses)
            losses.done += 1
        filled = torch.where(half, filled, inr.image()[None, None])
    return filled


def estimate(
    networks: Networks, network: nn.Module, image: torch.Tensor, visible: torch.Tensor, fill: torch.Tensor
) -> torch.Tensor:
    """Return D_θ's estimate of (N, 1, Y, X), with a fill given for every pixel."""
    fit = networks.fit
    features, _ = denoiser_input(image, visible, image[:, :0], fit.mask.fill_weights)
    features = torch.cat([torch.where(visible, image, fill), features[:, 1:]], dim=1)
    height, width = image.shape[-2:]
    padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
    features = torch.nn.functional.pad(features, padding, mode="replicate")
    features = features.contiguous(memory_format=torch.channels_last)
    with unet_arithmetic(fit.settings.precision, fit.device):
        correction = network(features)
    return fill + correction.float()[..., :height, :width]


def fill_of(networks: Networks, image: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    """Return the fill of a run: the normalised convolution of what is visible."""
    return normalised_convolution(image, visible.float(), networks.fit.mask.fill_weights)


def blind_prediction(networks: Networks, given: torch.Tensor | None, *, halves: bool) -> torch.Tensor:
    """Fit blindly, and return every pixel as predicted while it was hidden, (1, 1, Y, X).

    Parameters
    ----------
    networks : Networks
        As a run begins with them; they are not changed.
    given : Tensor or None
        (1, 1, Y, X), the fill; the normalised convolution without it.
    halves : bool
        Whether the targets of one draw belong to one half of the pixels.
    """
    fit, black = networks.fit, chessboard(networks.fit.noisy)
    network = copy.deepcopy(fit.network)
    generator = torch.Generator().manual_seed(0)
    fit.generator.manual_seed(0)
    iterations = sum(networks.schedule.legs)
    warm = fit.settings.unet_weights == "pretrained"
    rate = fit.settings.unet_learning_rate * (measured_run.WARM_RATE if warm else 1.0)
    trainer = Trainer(network, iterations, rate, measured_run.FIT_MEMORY)
    known = fit.noisy if given is None else given
    pixels = torch.cat([fit.noisy, fit.valid.float(), known, black.float()], dim=1)

    def error(
        image: torch.Tensor, visible: torch.Tensor, fill: torch.Tensor, weight: torch.Tensor, net: nn.Module
    ) -> torch.Tensor:
        fill = fill_of(networks, image, visible) if given is None else fill
        return (weight * (estimate(networks, net, image, visible, fill) - image) ** 2).sum()

    def pieces() -> list[Callable[[nn.Module], torch.Tensor]]:
        patches = fit.patches.cut(pixels)
        image, valid, fill, half = (patches[:, n : n + 1] for n in range(4))
        targets, visible = fit.mask.draw(len(patches), *image.shape[-2:], generator)
        if halves:
            chosen = torch.rand(len(patches), 1, 1, 1, generator=generator) < 0.5
            targets &= (half > 0.5) == chosen
            visible = ~targets
        visible &= valid > 0.5
        weight = (targets & (valid > 0.5)).float()
        weight /= weight.sum().clamp_min(1.0)
        each = (slice(n, n + 1) for n in range(len(patches)))
        return [functools.partial(error, image[n], visible[n], fill[n], weight[n]) for n in each]

    for _ in range(iterations):
        fit.patches.place(fit.settings.batch_size)
        trainer.advance()
        trainer.step(pieces())
    total = torch.zeros_like(fit.noisy)
    with torch.no_grad():
        for symmetry in range(SYMMETRIES):
            image, valid, fill, half = (turn(x, symmetry) for x in (fit.noisy, fit.valid, known, black))
            for targets, visible in fit.mask.cover(*image.shape[-2:], generator):
                for chosen in (True, False) if halves else (None,):
                    hidden = targets if chosen is None else targets & (half == chosen)
                    seen = (visible if chosen is None else ~hidden) & valid
                    base = fill_of(networks, image, seen) if given is None else fill
                    found = estimate(networks, trainer.mean, image, seen, base)
                    total += turn_back(torch.where(hidden, found, 0.0), symmetry)
    return total / SYMMETRIES


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="FMDD, flat: with raw/ and gt/")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--weights", default="pretrained", help="random: D_θ begins with random ones")
    parser.add_argument("--crop", type=int, default=256, help="side of the centre that is taken")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = Settings.from_preset(options.preset, device="cpu", unet_weights=options.weights)
    names = ["F_φ of no step", *(f"F_φ of {steps} steps" for steps in INR_STEPS[1:])]
    print("| image | convolution | convolution, targets of one half | " + " | ".join(names) + " |")
    print("| --- |" + " ---: |" * (2 + len(names)))
    rows = []
    for pair in find_pairs(options.folder, 1).pairs:
        noisy, truth = (centre(image, options.crop) for image in pair.load())
        networks = prepared(noisy, settings)
        if networks.settings.gap:
            continue
        fills = [(None, False), (None, True), *((cross_fitted(networks, n), True) for n in INR_STEPS)]
        row = []
        for fill, halves in fills:
            found = blind_prediction(networks, fill, halves=halves)
            row.append(score(networks.restoration.invert(found[0, 0].numpy()), truth).si_psnr)
        rows.append(row)
        print(f"| {pair.scene} | " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)
    print("| mean | " + " | ".join(f"{value:.2f}" for value in np.mean(rows, axis=0)) + " |")


def centre(image: np.ndarray, side: int) -> np.ndarray:
    """Return the middle of an image, (side, side)."""
    top, left = ((length - side) // 2 for length in image.shape)
    return image[top : top + side, left : left + side]


if __name__ == "__main__":
    main()
