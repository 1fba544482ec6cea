"""What a batch of many stacks costs beside its fits: a task of Dask, files, and a large plane.

    python docs/benchmarks/scale.py --folder /tmp/scale

Planes that hold one value are left as they are, so that a batch of them costs what a batch costs without
its fits: opening, records, locks, writing, and on a cluster the scheduler. What a file adds is the slope
between a small batch and a large one, in the process that starts the batch and on a cluster of one worker.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from napari_blindspot import Finished, denoise_stack
from napari_blindspot.samples import z_stack

if TYPE_CHECKING:
    from napari_blindspot import Event

FEW, MANY = 8, 40
"""Files of the two batches whose difference is measured."""

PROGRAM = "from napari_blindspot.cli.app import app; app()"

SMALL, LARGE = 64, 2048
"""Sides of the planes, in pixels: to measure what a task costs, and what the pixels of a plane do."""


def main() -> None:
    """Measure what is asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--what", default="task,files,plane")
    options = parser.parse_args()
    wanted = options.what.split(",")
    if "task" in wanted:
        here = per_file(options.folder, SMALL, FEW, MANY)
        there = per_file(options.folder, SMALL, FEW, MANY, "--workers", "1")
        print(f"a file of one plane of {SMALL}², not fitted: {1e3 * here:.0f} ms in the process itself")
        print(f"... on a cluster of one worker: {1e3 * there:.0f} ms, {1e3 * (there - here):.0f} ms more")
    if "files" in wanted:
        seconds = per_file(options.folder, LARGE, 2, 6)
        print(f"a file of one plane of {LARGE}², not fitted: {1e3 * seconds:.0f} ms")
    if "plane" in wanted:
        first, later = planes_of_a_stack(options.preset)
        print(
            f"{options.preset}, planes of {LARGE}²: {first:.1f} s the first, {later:.1f} s each later one"
        )


def per_file(folder: Path, side: int, few: int, many: int, *how: str) -> float:
    """Return the seconds that each further file adds to a batch of files of one plane."""
    return (batch(folder, side, many, *how) - batch(folder, side, few, *how)) / (many - few)


def batch(folder: Path, side: int, count: int, *how: str) -> float:
    """Return the seconds of a batch of so many files whose planes hold one value."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(count):
        tifffile.imwrite(folder / f"{number:03}.tif", np.full((side, side), number + 1, np.uint16))
    command = [sys.executable, "-c", PROGRAM, "batch", str(folder), "--output", str(folder / "out")]
    start = time.perf_counter()
    subprocess.run([*command, *how, "--device", "cpu"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    made = len(list((folder / "out").glob("*.tif")))
    if made < count:
        raise SystemExit(f"{made} of {count} outputs were written.")
    return seconds


def planes_of_a_stack(preset: str) -> tuple[float, float]:
    """Return the seconds of the first plane of a stack of three, and of each later one."""
    stack = z_stack((3, LARGE, LARGE)).noisy
    ends = [time.perf_counter()]

    def note(event: Event) -> None:
        if isinstance(event, Finished):
            ends.append(time.perf_counter())

    denoise_stack(stack, preset, axes="ZYX", device="cpu", on_event=note)
    first, *later = np.diff(ends)
    return float(first), float(np.mean(later))


if __name__ == "__main__":
    main()
