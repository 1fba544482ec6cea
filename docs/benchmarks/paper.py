"""From `paper` to `auto`, one rung at a time, and what three channels leak to each other.

A rung keeps what the rungs before it changed. What no setting can say (a squared loss, a stabilised plane,
one visible set for three channels) is put in place here. Every result is a line of OUT, from which an
interrupted run goes on; the table is printed at the end.
"""

from __future__ import annotations

import argparse
import csv
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from napari_blindspot import denoise
from napari_blindspot.benchmark.metrics import score
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.engine import paper_fit
from napari_blindspot.method import losses, masks
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

PAPER = {"preset": "paper", "passes": 100}
AUTO = {"preset": "auto", "unet_weights": "random", "refine_iterations": (), "symmetries": 1}

RUNGS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "paper": (PAPER, ()),
    "three channels of one visible set": (PAPER, ("one set",)),
    "one channel": (PAPER | {"input_channels": 1}, ()),
    "squared errors": (PAPER | {"input_channels": 1}, ("squared",)),
    "stabilised noise": (PAPER | {"input_channels": 1}, ("squared", "stabilised")),
    "gap by the noise": (PAPER | {"input_channels": 1}, ("squared", "stabilised", "gap")),
    "holes and compact U-Net": (AUTO, ()),
    "eight symmetries": (AUTO | {"symmetries": 8}, ()),
    "refinement": ({"preset": "auto", "unet_weights": "random"}, ()),
    "pretrained weights (auto)": ({"preset": "auto"}, ()),
}
"""Settings, and what is put in place beside them."""


def squared(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of (a - b)² over the pixels of a mask."""
    weight = mask.to(a.dtype)
    return ((a - b).square() * weight).sum() / weight.sum().clamp(min=1.0)


def one_set(valid: torch.Tensor, fraction: float, generator: torch.Generator) -> torch.Tensor:
    """Draw one visible set for all channels, (C, Y, X)."""
    return masks.sample_visible(valid[:1], fraction, generator).expand(valid.shape)


@contextmanager
def put_in_place(extras: tuple[str, ...]) -> Iterator[None]:
    """Replace what a rung replaces, until it has run."""
    with ExitStack() as stack:
        if "squared" in extras:
            stack.enter_context(mock.patch.object(losses, "masked_l1", squared))
        if "one set" in extras:
            stack.enter_context(mock.patch.object(paper_fit, "sample_visible", one_set))
        yield


def run(noisy: np.ndarray, rung: str, seed: int, device: str) -> np.ndarray:
    """Return the estimate of a rung for a plane (Y, X), in the plane's intensities."""
    changes, extras = RUNGS[rung]
    changes = changes | {"seed": seed, "device": device}
    noise = estimate_noise(noisy)
    if "gap" in extras:
        planned = make_plan(noisy, noise, Settings.from_preset("auto")).settings
        changes["dilation"] = planned.gap
    plane, anscombe = noisy, Anscombe.of(noise)
    if "stabilised" in extras:
        plane = anscombe.forward(noisy).astype(np.float32)
    with put_in_place(extras):
        estimate = denoise(plane, settings=Settings.from_preset(**changes)).denoised
    return np.asarray(anscombe.inverse(estimate) if "stabilised" in extras else estimate)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="folder with raw and gt images")
    parser.add_argument("out", type=Path, help="CSV file of the results")
    parser.add_argument("--scenes", default="TwoPhoton_MICE,Confocal_MICE,WideField_BPAE_R")
    parser.add_argument(
        "--rungs", default=",".join(RUNGS), help="comma-separated, in the words of the table"
    )
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    done: dict[tuple[str, str, str], str] = {}
    if options.out.exists():
        with options.out.open(newline="", encoding="utf-8") as file:
            done = {(line[0], line[1], line[2]): line[3] for line in csv.reader(file)}
    pairs = find_pairs(options.root, 1, scenes=options.scenes.split(",")).pairs
    wanted = [name for name in RUNGS if name in options.rungs.split(",")]
    for rung in wanted:
        for pair in pairs:
            key = (rung, pair.scene, str(options.seed))
            if key in done:
                continue
            noisy, truth = pair.load(options.crop)
            start = time.perf_counter()
            scores = score(run(noisy, rung, options.seed, options.device), truth)
            done[key] = f"{scores.psnr:.2f} / {scores.si_psnr:.2f} / {scores.ssim:.3f}"
            with options.out.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow([*key, done[key], f"{time.perf_counter() - start:.0f}"])
            print(*key, done[key], flush=True)
    scenes = [pair.scene for pair in pairs]
    print(f"| rung | {' | '.join(scenes)} |\n| --- |{' ---: |' * len(scenes)}")
    for rung in RUNGS:
        cells = [done.get((rung, scene, str(options.seed)), "–") for scene in scenes]
        print(f"| {rung} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
