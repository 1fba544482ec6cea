"""The figures of `stacks.md`: what a warm start, a shared fit and neighbouring planes are worth.

python docs/benchmarks/stacks.py warm --planes 8 --size 256
python docs/benchmarks/stacks.py neighbours PATH/TO/FMDD --scene TwoPhoton_MICE_fov19 --crop 256
python docs/benchmarks/stacks.py adversaries golgi.tif cells.tif --photons 40
python docs/benchmarks/stacks.py drift golgi.tif --photons 40
python docs/benchmarks/stacks.py steady

Single planes, classical filters and the default on nearly clean stacks are compared by
`napari-blindspot benchmark stacks`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import shift, uniform_filter1d

from napari_blindspot import Result, Settings
from napari_blindspot.benchmark.metrics import score
from napari_blindspot.benchmark.stacks import READ_NOISE, StackOptions, noisy_stack
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.files.door import read_image
from napari_blindspot.samples import confocal, z_stack
from napari_blindspot.stack import fit_stack


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


def adversaries(path: Path, photons: float, preset: str, crop: int, other: Path) -> None:
    """Compare the default with planes alone where neighbours do not belong to a plane."""
    count, middle = 9, 4
    options = StackOptions(planes=count, scored=1, crop=crop)
    given, second = noisy_stack(path, photons, options), noisy_stack(other, photons, options)
    noisy, rng = given.noisy, np.random.default_rng(1)
    others = rng.permutation([z for z in range(count) if z != middle])
    in_turn = np.where((np.arange(count) % 2 == middle % 2)[:, None, None], noisy, second.noisy)
    strange = {
        "as it is": noisy,
        "the plane repeated": np.repeat(noisy[middle : middle + 1], count, axis=0),
        "shuffled": noisy[np.insert(others, middle, middle)],
        "scene cut": np.concatenate([noisy[: middle + 1], second.noisy[middle + 1 :]]),
        "two channels in turn": in_turn,
        "another field on both sides": np.concatenate([second.noisy[:4], noisy[4:5], second.noisy[5:]]),
        "flash before, empty after": noisy.copy(),
        "black before, saturated after": noisy.copy(),
        "the others twice as bright": np.where(
            (np.arange(count) == middle)[:, None, None], noisy, 2 * noisy
        ),
        "running mean of three": uniform_filter1d(noisy, 3, axis=0),
    }
    flash = strange["flash before, empty after"]
    flash[middle - 1] = 20 * noisy[middle - 1] + 3 * photons
    flash[middle + 1] = 0.5 * rng.standard_normal(noisy.shape[1:])
    extremes = strange["black before, saturated after"]
    extremes[middle - 1], extremes[middle + 1] = 0, noisy.max()
    print("| stack | planes alone | default | difference | seen | notices |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    known: dict[bytes, float] = {}
    for name, stack in strange.items():
        blurred = replace(given, clean=uniform_filter1d(given.clean, 3, axis=0))
        truth, scores = (blurred if "mean" in name else given), []
        for neighbours in (0, "auto"):
            settings = Settings.from_preset(
                preset, device="cpu", neighbours=neighbours, stack_start="anew", train_inr=False
            )
            plane = stack[middle].tobytes()
            if neighbours == 0 and plane in known:
                scores.append(known[plane])
                continue
            said: list[str] = []
            for event in fit_stack(stack, settings, axes="TYX", indices=[(middle,)]):
                if isinstance(event, Started | Finished):
                    notices = event.notices if isinstance(event, Started) else event.result.notices
                    said += [notice.kind for notice in notices if notice.kind not in said]
                if isinstance(event, Finished):
                    scores.append(truth.si_psnr(event.result.denoised, middle))
                    seen = event.result.neighbours
            if neighbours == 0:
                known[plane] = scores[0]
        about = ", ".join(kind for kind in said if "neighbours" in kind or "planes" in kind)
        gain = scores[1] - scores[0]
        print(
            f"| {name} | {scores[0]:.2f} | {scores[1]:.2f} | {gain:+.2f} | {seen} | {about} |", flush=True
        )


MARGIN = 10
"""Pixels by which a plane drifts at most."""

MOVED = {
    "aligned": (0, 0.0),
    "off by up to 3": (3, 0.0),
    "up to 10": (10, 0.0),
    "brighter by up to half": (0, 0.5),
}


def drift(path: Path, photons: float, preset: str, crop: int) -> None:
    """Compare neighbours that lie off or are brighter, each by a random amount, with those that do not."""
    count, middle = 9, 4
    whole = noisy_stack(path, photons, StackOptions(planes=count, scored=1, crop=crop + 2 * MARGIN))
    print("| stack, photons | planes alone | " + " | ".join(MOVED) + " |")
    print("| --- |" + " ---: |" * (len(MOVED) + 1))
    scores: list[float] = []
    for name, (by, brighter) in MOVED.items():
        rng, cut = np.random.default_rng(0), []
        for z, plane in enumerate(whole.clean):
            y, x = (0, 0) if z == middle else rng.integers(-by, by + 1, 2)
            light = 1.0 if z == middle else 1 + brighter * rng.random()
            part = light * plane[MARGIN + y : MARGIN + y + crop, MARGIN + x : MARGIN + x + crop]
            draw = np.random.default_rng((0, z))
            cut.append(draw.poisson(part) + READ_NOISE * draw.standard_normal(part.shape))
        noisy = np.asarray(cut, np.float32)
        truth = replace(whole, clean=whole.clean[:, MARGIN : MARGIN + crop, MARGIN : MARGIN + crop])
        for neighbours in (0, "auto") if name == "aligned" else ("auto",):
            scores.append(truth.si_psnr(denoised(noisy, middle, preset, neighbours), middle))
    print(f"| {path.stem}, {photons:g} | " + " | ".join(f"{one:.2f}" for one in scores) + " |")


STEPS = (0.0, 0.4, 0.7, 1.4)
"""Pixels along both axes by which a scene moves from one frame to the next."""


def steady(preset: str) -> None:
    """Denoise the middle one of nine frames of a scene that drifts."""
    side, margin, count = 160, 30, 9
    print("| pixels a frame | PSNR of two scenes, dB |\n| ---: | --- |")
    for step in STEPS:
        scores = []
        for seed in range(2):
            scene = confocal((side + 2 * margin,) * 2, seed=seed).truth.astype(float)
            scene *= 10 / scene.max()
            ways = [step * (number - count // 2) for number in range(count)]
            moved = np.stack([shift(scene, (way, -way), mode="nearest") for way in ways]).clip(0.02)
            frames = moved[:, margin : margin + side, margin : margin + side]
            noisy = np.random.default_rng(seed).poisson(frames).astype(np.uint16)
            truth = frames[count // 2]
            error = np.mean((denoised(noisy, count // 2, preset) - truth) ** 2)
            scores.append(10 * np.log10(truth.max() ** 2 / error))
        print(f"| {step:g} | " + ", ".join(f"{one:.2f}" for one in scores) + " |", flush=True)


def denoised(noisy: Any, plane: int, preset: str, neighbours: int | str = "auto") -> Any:
    """Return one plane of a stack, (T, Y, X), that is fitted anew."""
    settings = Settings.from_preset(preset, device="cpu", neighbours=neighbours, stack_start="anew")
    events = fit_stack(noisy, settings, axes="TYX", indices=[(plane,)])
    return next(event.result.denoised for event in events if isinstance(event, Finished))


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
    three = commands.add_parser("adversaries")
    three.add_argument("path", type=Path)
    three.add_argument("other", type=Path, help="another stack, the other channel or field")
    three.add_argument("--photons", type=float, default=40)
    three.add_argument("--crop", type=int, default=96)
    commands.add_parser("steady")
    four = commands.add_parser("drift")
    four.add_argument("path", type=Path)
    four.add_argument("--photons", type=float, default=40)
    four.add_argument("--crop", type=int, default=96)
    given = parser.parse_args()
    if given.command == "warm":
        warm(given.preset, given.planes, given.size)
    elif given.command == "adversaries":
        adversaries(given.path, given.photons, given.preset, given.crop, given.other)
    elif given.command == "steady":
        steady(given.preset)
    elif given.command == "drift":
        drift(given.path, given.photons, given.preset, given.crop)
    else:
        neighbours(given.folder, given.scene, given.crop, given.preset)


if __name__ == "__main__":
    main()
