"""How long a run takes: seconds and memory against image size and number of planes (the paper's Table 2).

Every timing is a process of its own (`napari_blindspot.benchmark.worker`), one after another, with the wall
time of BM3D on the same images beside it. FLOPs are counted in `napari_blindspot.benchmark.cost`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.methods import available_methods
from napari_blindspot.benchmark.report import markdown_table
from napari_blindspot.benchmark.runner import Entry
from napari_blindspot.settings import PRESETS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from napari_blindspot.benchmark.cost import Cost
    from napari_blindspot.benchmark.methods import Denoiser, Request
    from napari_blindspot.benchmark.table import Table

    Plane = npt.NDArray[np.float32]
    Medians = dict[tuple[str, str], tuple[float, float]]
    """Seconds and MB by method and scene."""

__all__ = ["SpeedSample", "growth_exponent", "speed_entries", "speed_tables", "stacked"]


@dataclass(frozen=True, slots=True)
class SpeedSample:
    """A synthetic confocal image of one size; its captures are repetitions of the same."""

    size: int
    seed: int
    capture: int = 1

    @property
    def scene(self) -> str:
        """The size in words, as it stands in the table."""
        return f"{self.size}x{self.size}"

    def load(self, crop: int | None = None) -> tuple[Plane, Plane]:
        """Return noisy and clean image."""
        from napari_blindspot.samples import confocal

        sample = confocal((self.size, self.size), self.seed)
        scale = 255.0 / float(sample.noisy.max())
        noisy = (sample.noisy * scale).astype(np.float32)
        return noisy, (sample.truth * scale).astype(np.float32)


def speed_entries(
    names: Sequence[str], iterations: int | None = None, planes: Sequence[int] = ()
) -> list[Entry]:
    """Return methods, and stacks for the presets among them.

    Parameters
    ----------
    names : sequence of str
        Presets and peers.
    iterations : int, optional
        In place of the presets' own numbers.
    planes : sequence of int
        Lengths of stacks.
    """
    known = available_methods()
    fewer = {} if iterations is None else {"iterations": iterations}
    entries = []
    for name in names:
        if name not in PRESETS:
            entries.append(Entry(name, known[name]))
            continue
        entries.append(Entry(name, known[name], fewer))
        stacked = replace(known[name], factory="napari_blindspot.benchmark.speed:stacked")
        entries += [Entry(f"{name}, {n} planes", stacked, {**fewer, "length": n}) for n in planes]
    return entries


def stacked(request: Request) -> Denoiser:
    """Return a function that denoises a stack and gives back its first plane.

    The planes are the image, each moved 3 pixels on: neighbours that are alike. ``length`` in the overrides
    says how many.
    """
    from napari_blindspot.core.events import Finished
    from napari_blindspot.stack import fit_stack

    overrides = dict(request.overrides)
    length = overrides.pop("length")
    settings = Settings.from_preset(request.method, seed=request.seed, device=request.device, **overrides)

    def denoise(image: Plane) -> Plane:
        stack = np.stack([np.roll(image, 3 * at, axis=1) for at in range(length)])
        for event in fit_stack(stack, settings):
            if isinstance(event, Finished) and event.plane == (0,):
                first = event.result.denoised
        return first

    return denoise


def growth_exponent(amounts: Iterable[float], seconds: Iterable[float]) -> float:
    """Fit seconds = c * amount ** exponent by least squares on logarithms; NaN for fewer than two."""
    x, y = np.log(np.asarray(list(amounts), np.float64)), np.log(np.asarray(list(seconds), np.float64))
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else float("nan")


def speed_tables(table: Table, names: Sequence[str], costs: dict[tuple[str, int], Cost]) -> str:
    """Return the Markdown: FLOPs a size, then seconds, ratios to BM3D, memory and growth.

    Parameters
    ----------
    table : Table
        With one capture for every repetition.
    names : sequence of str
        Methods and stacks, in the order of the rows.
    costs : dict
        By preset and size.
    """
    medians = {
        (name, scene): _median(table, name, scene)
        for name in names
        for scene in {row.scene for row in table.rows.values()}
    }
    found = {key: value for key, value in medians.items() if value is not None}
    sizes = sorted({int(scene.split("x")[0]) for _, scene in found})
    parts = ["## What is computed", _cost_table(costs)] if costs else []
    timed = [[name, *(_cell(found, name, n) for n in sizes), _growth(found, name)] for name in names]
    parts += [
        "## Seconds / MB for the whole run",
        markdown_table(["method", *(f"{n}²" for n in sizes), "exponent in pixels"], timed),
    ]
    rival = next((name for name in names if name.startswith("bm3d")), None)
    if rival is not None:
        ours = [name for name in names if name != rival]
        ratios = [[name, *(_ratio(found, name, rival, n) for n in sizes)] for name in ours]
        parts += [
            f"## Times the seconds of {rival}, in the same run",
            markdown_table(["method", *(f"{n}²" for n in sizes)], ratios),
        ]
    stacks = _stack_table(found, names, sizes)
    if stacks:
        parts += ["## Seconds a plane of a stack", stacks]
    return "\n\n".join(parts)


def _cost_table(costs: dict[tuple[str, int], Cost]) -> str:
    header = [
        "preset",
        "size",
        "M parameters",
        "GFLOP an iteration",
        "GFLOP a pass",
        "GMAC a pass",
        "GFLOP a step of refinement",
        "TFLOP a run",
        "of which INR",
    ]
    rows = [
        [
            preset,
            f"{size}²",
            f"{cost.parameters / 1e6:.3f}",
            f"{cost.iteration / 1e9:.2f}",
            f"{cost.prediction / 1e9:.2f}",
            f"{cost.prediction / 2e9:.2f}",
            f"{cost.refinement / 1e9:.2f}" if cost.refinement else "–",
            f"{cost.whole / 1e12:.3f}",
            f"{cost.inr / cost.whole:.0%}" if cost.inr else "–",
        ]
        for (preset, size), cost in costs.items()
    ]
    return markdown_table(header, rows)


def _median(table: Table, name: str, scene: str) -> tuple[float, float] | None:
    """Return seconds and MB over the repetitions."""
    rows = [row for row in table.rows.values() if (row.method, row.scene) == (name, scene)]
    seconds = [row.seconds for row in rows if row.seconds is not None]
    memory = [row.peak_mb for row in rows if row.peak_mb is not None]
    return (float(np.median(seconds)), float(np.median(memory))) if seconds else None


def _cell(found: Medians, name: str, size: int) -> str:
    median = found.get((name, f"{size}x{size}"))
    return "–" if median is None else f"{median[0]:.1f} / {median[1]:.0f}"


def _ratio(found: Medians, name: str, rival: str, size: int) -> str:
    mine, theirs = (found.get((each, f"{size}x{size}")) for each in (name, rival))
    return "–" if mine is None or theirs is None else f"{mine[0] / theirs[0]:.2f}"


def _growth(found: Medians, name: str) -> str:
    mine = [
        (int(scene.split("x")[0]), median[0]) for (method, scene), median in found.items() if method == name
    ]
    return _exponent(growth_exponent((n**2 for n, _ in mine), (s for _, s in mine)))


def _stack_table(found: Medians, names: Sequence[str], sizes: Sequence[int]) -> str:
    """Return seconds a plane against the number of planes; empty where there are no stacks."""
    rows = []
    for name in names:
        lengths = {int(n.split(", ")[1].split()[0]): n for n in names if n.startswith(f"{name}, ")}
        for size in sizes if lengths else ():
            members = {1: name, **lengths}
            medians = {n: found.get((member, f"{size}x{size}")) for n, member in members.items()}
            there = {n: median for n, median in medians.items() if median is not None}
            each = ", ".join(f"{n}: {s / n:.2f} s, {mb:.0f} MB" for n, (s, mb) in sorted(there.items()))
            # The first plane of a stack is fitted from nothing: the others grow with their number.
            later = {n: s for n, (s, _) in there.items() if n > 1}
            rows.append([name, f"{size}²", each, _exponent(growth_exponent(later, later.values()))])
    header = ["method", "size", "planes: seconds a plane, peak", "exponent in planes, from the second on"]
    return markdown_table(header, rows) if rows else ""


def _exponent(exponent: float) -> str:
    return "–" if np.isnan(exponent) else f"{exponent:.2f}"
