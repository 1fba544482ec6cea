"""The figures of `stacks.md`: what a warm start, a shared fit and neighbouring planes are worth.

python docs/benchmarks/stacks.py warm --planes 8 --size 256
python docs/benchmarks/stacks.py neighbours PATH/TO/FMDD --scene TwoPhoton_MICE_fov19 --crop 256
python docs/benchmarks/stacks.py peers golgi.tif cells.tif --photons 10,40
python docs/benchmarks/stacks.py adversaries golgi.tif --photons 40
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import uniform_filter1d

from napari_blindspot import Result, Settings
from napari_blindspot.benchmark.metrics import best_affine, score
from napari_blindspot.core.events import Finished
from napari_blindspot.files.door import read_image
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.samples import z_stack
from napari_blindspot.stack import fit_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def psnr(estimate: Any, truth: Any, peak: float) -> float:
    """Return the peak signal-to-noise ratio in dB."""
    return float(10 * np.log10(peak**2 / np.mean((np.asarray(estimate, float) - truth) ** 2)))


def timed(stack: Any, settings: Settings, axes: str) -> tuple[dict[int, Result], list[float]]:
    """Return the results by plane, and the CPU seconds of each in the order in which they came."""
    found, seconds, before = {}, [], time.process_time()
    for event in fit_stack(stack, settings, axes=axes):
        if isinstance(event, Finished):
            found[event.plane[0]] = event.result
            seconds.append(time.process_time() - before)
            before = time.process_time()
    return found, seconds


def warm(preset: str, planes: int, size: int) -> None:
    """Compare the strategies on the middle planes of a synthetic z-stack."""
    sample = z_stack((planes + 4, size, size))
    noisy, truth = sample.noisy[2:-2], sample.truth[2:-2]
    peak = float(np.ptp(truth))
    anew: list[float] = []
    print("| planes | PSNR, dB | worst plane against anew, dB | INR, dB | CPU s a plane | fitted anew |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for strategy in ("anew", "warm", "shared"):
        settings = Settings.from_preset(preset, stack_start=strategy, device="cpu")
        found, seconds = timed(noisy, settings, "ZYX")
        scores = [psnr(found[z].denoised, truth[z], peak) for z in range(planes)]
        inr = np.mean([psnr(found[z].inr, truth[z], peak) for z in range(planes)])
        anew = anew or scores
        worst = min(a - b for a, b in zip(scores, anew, strict=True))
        fresh = sum(result.origin == "anew" for result in found.values())
        print(
            f"| {strategy} | {np.mean(scores):.2f} | {worst:+.2f} | {inr:.2f} | "
            f"{np.mean(seconds[1:]):.1f} | {fresh} of {planes} |",
            flush=True,
        )


def neighbours(folder: Path, scene: str, crop: int, preset: str) -> None:
    """Compare the captures of one scene, one by one and beside each other, with their truth."""
    names = [folder / "raw" / f"{scene}_{capture}.png" for capture in (1, 2, 3, 4)]
    stack = np.stack([np.asarray(read_image(name).array) for name in names])
    truth = np.asarray(read_image(folder / "gt" / f"{scene}.png").array)
    top, left = ((side - crop) // 2 for side in truth.shape)
    stack, truth = (x[..., top : top + crop, left : left + crop] for x in (stack, truth))

    def row(name: str, estimates: Any, seconds: str) -> None:
        scores = [score(x, truth) for x in estimates]
        plain, scaled = [s.psnr for s in scores], [s.si_psnr for s in scores]
        print(
            f"| {scene} | {name} | {np.mean(plain):.2f} | {np.mean(scaled):.2f} | {seconds} |", flush=True
        )

    row("noisy capture", stack, "")
    row("mean of the four", [stack.mean(0)], "")
    for count in (0, 1, "auto"):
        settings = Settings.from_preset(preset, device="cpu", neighbours=count)
        found, spent = timed(stack, settings, "TYX")
        done = list(found.values())
        seconds = f"{spent[0]:.0f}, then {np.mean(spent[1:]):.0f}"
        seen = max(result.neighbours for result in done)
        name = f"{preset}, {seen} neighbours"
        if seen:
            shared = max(r.shared_noise for r in done if r.shared_noise is not None)
            name += f" (noise shared {shared:.3f})"
        row(name, [r.denoised for r in done], seconds)


def with_noise(path: Path, photons: float, planes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return middle planes of a nearly clean stack in photons, with Poisson and read noise and without.

    `photons` is how many the brightest pixel of the stack has on average; the read noise is half a photon.
    """
    stack = np.asarray(read_image(path).array, np.float64).squeeze()
    stack = (stack - np.percentile(stack, 0.5)).clip(0)
    first = len(stack) // 2 - planes // 2
    clean = photons * stack[first : first + planes] / stack.max()
    rng = np.random.default_rng(0)
    return (rng.poisson(clean) + 0.5 * rng.standard_normal(clean.shape)).astype(np.float32), clean


def si_psnr(estimate: np.ndarray, truth: np.ndarray, peak: float) -> float:
    """Return the PSNR of a plane after the affine fit that makes it largest."""
    return psnr(best_affine(np.asarray(estimate, np.float64), truth), truth, peak)


def bm4d_of(noisy: np.ndarray, stabiliser: Anscombe) -> np.ndarray:
    """Return the stack denoised by BM4D between a transform and its inverse."""
    import bm4d

    return np.asarray(stabiliser.inverse(bm4d.bm4d(stabiliser.forward(noisy), 1.0)))


def peers(paths: list[Path], levels: list[float], preset: str, planes: int, middle: list[int]) -> None:
    """Compare single planes, classical filters and the default on nearly clean stacks with noise put on."""
    print("| stack, photons | method | SI-PSNR, dB | worst plane against 2-D, dB | CPU s a plane |")
    print("| --- | --- | ---: | ---: | ---: |")
    alone = Settings.from_preset(preset, device="cpu", neighbours=0, stack_start="anew")
    usual = Settings.from_preset(preset, device="cpu")
    for path in paths:
        for photons in levels:
            noisy, clean = with_noise(path, photons, planes)
            peak = float(clean.max())
            pooled = estimate_noise(noisy[middle[0]])
            methods: dict[str, Callable[[], Any]] = {
                "noisy": lambda noisy=noisy: noisy,
                "mean of three": lambda noisy=noisy: uniform_filter1d(noisy, 3, axis=0),
                f"{preset}, planes alone": lambda noisy=noisy: package(noisy, alone, middle),
                "BM4D, noise measured": lambda noisy=noisy, n=pooled: bm4d_of(noisy, Anscombe.of(n)),
                "BM4D, noise known": lambda noisy=noisy: bm4d_of(noisy, Anscombe(1.0, 0.25)),
                preset: lambda noisy=noisy: package(noisy, usual, middle),
            }
            scores: dict[str, list[float]] = {}
            for name, method in methods.items():
                start = time.process_time()
                found = method()
                count = len(middle) if isinstance(found, dict) else len(noisy)
                seconds = (time.process_time() - start) / count
                scores[name] = [si_psnr(found[z], clean[z], peak) for z in middle]
                reference = scores.get(f"{preset}, planes alone", scores[name])
                worst = min(a - b for a, b in zip(scores[name], reference, strict=True))
                print(
                    f"| {path.stem}, {photons:g} | {name} | {np.mean(scores[name]):.2f} | {worst:+.2f} | "
                    f"{seconds:.1f} |",
                    flush=True,
                )


def package(noisy: Any, settings: Settings, planes: Iterable[int]) -> dict[int, np.ndarray]:
    """Return some planes of a stack as this package denoises them."""
    return {
        event.plane[0]: event.result.denoised
        for event in fit_stack(noisy, settings, axes="ZYX", indices=[(z,) for z in planes])
        if isinstance(event, Finished)
    }


def adversaries(path: Path, photons: float, preset: str) -> None:
    """Compare the default with planes alone where neighbours do not belong to a plane."""
    noisy, clean = with_noise(path, photons, 13)
    peak, middle = float(clean.max()), 6
    rng = np.random.default_rng(1)
    shuffled = np.array([*rng.permutation([0, 2, 4]), 12, 10, 8])
    strange = {
        "as it is": noisy,
        "the plane repeated": np.repeat(noisy[middle : middle + 1], 13, axis=0),
        "shuffled": noisy[[shuffled[0], 11, shuffled[1], 1, 9, shuffled[2], 6, 12, 3, 10, 5, 7, 8]],
        "running mean of three": uniform_filter1d(noisy, 3, axis=0),
        "a scene cut": np.concatenate([noisy[:7], noisy[7:, ::-1, ::-1]]),
        "black and saturated neighbours": noisy.copy(),
        "neighbours twice as bright": noisy.copy(),
    }
    strange["black and saturated neighbours"][5] = 0
    strange["black and saturated neighbours"][7] = noisy.max()
    bright = strange["neighbours twice as bright"]
    bright[np.arange(13) != middle] *= 2
    print("| stack | planes alone | default | neighbours seen |\n| --- | ---: | ---: | ---: |")
    for name, stack in strange.items():
        scores, seen = [], 0
        truth = uniform_filter1d(clean, 3, axis=0)[middle] if "mean" in name else clean[middle]
        for neighbours in (0, "auto"):
            settings = Settings.from_preset(preset, device="cpu", neighbours=neighbours, stack_start="anew")
            *_, last = fit_stack(stack, settings, axes="TYX", indices=[(middle,)])
            scores.append(si_psnr(last.result.denoised, truth, peak))
            seen = last.result.neighbours
        print(f"| {name} | {scores[0]:.2f} | {scores[1]:.2f} | {seen} |", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="auto")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("warm")
    one.add_argument("--planes", type=int, default=8)
    one.add_argument("--size", type=int, default=256)
    two = commands.add_parser("neighbours")
    two.add_argument("folder", type=Path)
    two.add_argument("--scene", required=True)
    two.add_argument("--crop", type=int, default=256)
    three = commands.add_parser("peers")
    three.add_argument("paths", type=Path, nargs="+")
    three.add_argument("--photons", default="10,40")
    three.add_argument("--planes", type=int, default=13)
    three.add_argument("--score", default="5,7", help="numbers of the planes that are scored")
    four = commands.add_parser("adversaries")
    four.add_argument("path", type=Path)
    four.add_argument("--photons", type=float, default=40)
    given = parser.parse_args()
    if given.command == "warm":
        warm(given.preset, given.planes, given.size)
    elif given.command == "peers":
        levels = [float(level) for level in given.photons.split(",")]
        score_of = [int(number) for number in given.score.split(",")]
        peers(given.paths, levels, given.preset, given.planes, score_of)
    elif given.command == "adversaries":
        adversaries(given.path, given.photons, given.preset)
    else:
        neighbours(given.folder, given.scene, given.crop, given.preset)


if __name__ == "__main__":
    main()
