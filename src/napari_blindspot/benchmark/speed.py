"""How long a run takes: seconds and memory against image size and number of planes (the paper's Table 2).

Every timing is a process of its own (`napari_blindspot.benchmark.worker`), one after another, with the wall
time of BM3D on the same images beside it. FLOPs are counted in `napari_blindspot.benchmark.cost`, phases in
`napari_blindspot.benchmark.profile`; the tables are made in `napari_blindspot.benchmark.speed_tables`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.methods import available_methods, choose_methods
from napari_blindspot.benchmark.peers.shared.bm4d import BM4D
from napari_blindspot.benchmark.report import protocol_lines, quick_note
from napari_blindspot.benchmark.runner import BenchmarkOptions, MethodVariant, run_benchmark
from napari_blindspot.benchmark.speed_tables import beside_busy, of_planes, speed_tables
from napari_blindspot.benchmark.table import ScoreTable, write_atomically
from napari_blindspot.settings import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.benchmark.cost import Cost

    Plane = npt.NDArray[np.float32]

__all__ = ["SpeedImage", "SpeedOptions", "measure_speed", "speed_variants"]


@dataclass(frozen=True, slots=True)
class SpeedImage:
    """A synthetic confocal image of one size; its captures are repetitions of the same.

    Attributes
    ----------
    size : int
        Side in pixels.
    seed : int
        Same seed, same image.
    capture : int
        Which repetition, from 1.
    """

    size: int
    seed: int
    capture: int = 1

    @property
    def scene(self) -> str:
        """The size in words, as it stands in the table."""
        return f"{self.size}x{self.size}"

    def load(self, crop: int | None = None) -> tuple[Plane, Plane]:
        """Return noisy and clean image, (size, size) float32, the noisy one in [0, 255]."""
        from napari_blindspot.samples import confocal

        sample = confocal((self.size, self.size), self.seed)
        scale = 255.0 / float(sample.noisy.max())
        noisy = (sample.noisy * scale).astype(np.float32)
        return noisy, (sample.truth * scale).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SpeedOptions:
    """What is measured.

    Attributes
    ----------
    methods : sequence of str or None
        Presets and peers; all of them if None.
    sizes : sequence of int
        Sides of images in pixels.
    lengths : sequence of int
        Numbers of planes of the stacks that the presets are timed on too, with BM4D beside them.
    busy : sequence of int
        Numbers of other processes that compute meanwhile, with which all methods are timed too.
    repeat : int
        Runs of each, of which the median is told.
    iterations : int, optional
        In place of the presets' own numbers.
    count_flops : bool
        Count FLOPs too, up to `napari_blindspot.benchmark.cost.LARGEST_COUNTED`.
    profile : bool
        Say too where the time goes, on the largest size up to that.
    run : BenchmarkOptions
        What holds for all methods.
    notes : sequence of str
        Paragraphs of Markdown at the end of the report.
    """

    methods: Sequence[str] | None
    sizes: Sequence[int]
    lengths: Sequence[int] = ()
    busy: Sequence[int] = ()
    repeat: int = 1
    iterations: int | None = None
    count_flops: bool = True
    profile: bool = False
    run: BenchmarkOptions = field(default_factory=BenchmarkOptions)
    notes: Sequence[str] = ()


def measure_speed(options: SpeedOptions, out: Path, echo: Callable[[str], object]) -> None:
    """Measure, and write ``results.csv``, ``results.md`` and a picture; an earlier run resumes.

    Parameters
    ----------
    options : SpeedOptions
        What is measured.
    out : Path
        Folder of the results.
    echo : callable
        Gets a line about every timing and about what is skipped.

    Raises
    ------
    SettingsError
        If there is no such method.
    FileError
        If the folder holds results of other options, or cannot be written.
    """
    from napari_blindspot.benchmark.cost import LARGEST_COUNTED
    from napari_blindspot.benchmark.plots import plot_seconds

    names = [method.name for method in choose_methods(options.methods)]
    variants = speed_variants(names, options.iterations, options.lengths, options.busy)
    table = ScoreTable(out, {**options.run.conditions(), "iterations": options.iterations})
    present = [variant for variant in variants if not variant.method.missing()]
    for variant in variants:
        if variant not in present:
            echo(f"{variant.name} is skipped: {variant.method.missing()[0]} is not installed.")
    # All methods of a repetition one after another, so that a slow moment of the machine hits all.
    captures, seed = range(1, options.repeat + 1), options.run.seed
    images = [SpeedImage(size, seed, capture) for size in options.sizes for capture in captures]
    run_benchmark(images, present, table, options.run, echo)
    presets = [name for name in names if name in PRESETS]
    small = [size for size in options.sizes if size <= LARGEST_COUNTED]
    costs = _costs(presets, small, seed) if options.count_flops else {}
    medians = "One run of each." if options.repeat == 1 else f"Medians of {options.repeat} runs of each."
    lines = ["# Speed", *protocol_lines(options.run)[1:], medians, *quick_note(options.iterations)]
    lines.append(speed_tables(table, [variant.name for variant in present], costs))
    if options.profile and small and presets:
        lines += _profiles(presets, max(small), options)
    if plot_seconds(out / "seconds.png", table):
        lines.append("![seconds against size](seconds.png)")
    lines += options.notes
    write_atomically(out / "results.md", "\n\n".join(lines) + "\n")
    echo(f"Wrote results.csv and results.md to {out}.")


def speed_variants(
    names: Sequence[str],
    iterations: int | None = None,
    lengths: Sequence[int] = (),
    busy: Sequence[int] = (),
) -> list[MethodVariant]:
    """Return methods, beside busy processes too, and stacks for the presets among them and for BM4D.

    Parameters
    ----------
    names : sequence of str
        Presets and peers.
    iterations : int, optional
        In place of the presets' own numbers.
    lengths : sequence of int
        Numbers of planes of stacks.
    busy : sequence of int
        Numbers of other processes that compute meanwhile.
    """
    known = available_methods()
    fewer = {} if iterations is None else {"iterations": iterations}
    variants = []
    for name in names:
        alone = MethodVariant(name, known[name], fewer if name in PRESETS else {})
        variants.append(alone)
        variants += [replace(alone, name=beside_busy(name, count), busy=count) for count in busy]
        if name not in PRESETS:
            continue
        stack = replace(known[name], factory="napari_blindspot.benchmark.ours:fitted_stack")
        variants += [MethodVariant(of_planes(name, n), stack, {**fewer, "length": n}) for n in lengths]
    if any(name in PRESETS for name in names):
        variants += [MethodVariant(of_planes(BM4D.name, n), BM4D, {"length": n}) for n in lengths]
    return variants


def _costs(presets: Sequence[str], sizes: Sequence[int], seed: int) -> dict[tuple[str, int], Cost]:
    """Count what presets have to compute, by preset and size in pixels."""
    from napari_blindspot.benchmark.cost import count_cost

    costs: dict[tuple[str, int], Cost] = {}
    for size in sizes:
        image, _ = SpeedImage(size, seed).load()
        costs |= {(name, size): count_cost(name, image) for name in presets}
    return costs


def _profiles(presets: Sequence[str], size: int, options: SpeedOptions) -> list[str]:
    """Return the Markdown of where presets spend their time on an image of a size in pixels."""
    from napari_blindspot.benchmark.method_protocol import Request
    from napari_blindspot.benchmark.ours import settings_of
    from napari_blindspot.benchmark.profile import phase_table, time_phases

    image, _ = SpeedImage(size, options.run.seed).load()
    told = Request("", device=options.run.device, seed=options.run.seed, iterations=options.iterations)
    phases = {name: time_phases(image, settings_of(replace(told, method=name))) for name in presets}
    return [f"## Where the time goes, {size}²", phase_table(phases)]
