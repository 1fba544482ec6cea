"""The Markdown of a measurement of speed: FLOPs, seconds, ratios to BM3D, memory and growth.

What is measured, and in which order, belongs to `napari_blindspot.benchmark.speed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.peers.shared.bm4d import BM4D
from napari_blindspot.benchmark.report import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_blindspot.benchmark.cost import Cost
    from napari_blindspot.benchmark.table import ScoreTable

    Medians = dict[tuple[str, str], tuple[float, float]]
    """Seconds and MB by method and scene."""

__all__ = ["beside_busy", "growth_exponent", "of_planes", "speed_tables"]


def beside_busy(name: str, count: int) -> str:
    """Return what a method is called that was timed beside so many busy processes."""
    return f"{name}, {count} busy"


def of_planes(name: str, count: int) -> str:
    """Return what a method is called that was timed on a stack of so many planes."""
    return f"{name}, {count} planes"


def growth_exponent(amounts: Iterable[float], seconds: Iterable[float]) -> float:
    """Fit seconds = c * amount ** exponent by least squares on logarithms.

    Parameters
    ----------
    amounts, seconds : iterable of float
        Equally many, all positive: pixels or planes, and the seconds for them.

    Returns
    -------
    float
        The exponent; NaN for fewer than two points.
    """
    x, y = np.log(np.asarray(list(amounts), np.float64)), np.log(np.asarray(list(seconds), np.float64))
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else float("nan")


def speed_tables(table: ScoreTable, names: Sequence[str], costs: dict[tuple[str, int], Cost]) -> str:
    """Return the Markdown: FLOPs a size, then seconds, ratios to BM3D, memory and growth.

    Parameters
    ----------
    table : ScoreTable
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
    slowed = _busy_table(found, names, sizes)
    if slowed:
        parts += ["## How much longer beside busy processes", slowed]
    stacks = _stack_table(found, names, sizes)
    if stacks:
        parts += ["## Seconds a plane of a stack", stacks]
    return "\n\n".join(parts)


def _cost_table(costs: dict[tuple[str, int], Cost]) -> str:
    """Return a row for each preset and size."""
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


def _median(table: ScoreTable, name: str, scene: str) -> tuple[float, float] | None:
    """Return seconds and MB over the repetitions."""
    rows = [row for row in table.rows.values() if (row.method, row.scene) == (name, scene)]
    seconds = [row.seconds for row in rows if row.seconds is not None]
    memory = [row.peak_mb for row in rows if row.peak_mb is not None]
    return (float(np.median(seconds)), float(np.median(memory))) if seconds else None


def _cell(found: Medians, name: str, size: int) -> str:
    """Return seconds and MB of a method on a size."""
    median = found.get((name, f"{size}x{size}"))
    return "–" if median is None else f"{median[0]:.1f} / {median[1]:.0f}"


def _ratio(found: Medians, name: str, rival: str, size: int) -> str:
    """Return the seconds of a method over those of its rival on a size."""
    mine, theirs = (found.get((each, f"{size}x{size}")) for each in (name, rival))
    return "–" if mine is None or theirs is None else f"{mine[0] / theirs[0]:.2f}"


def _growth(found: Medians, name: str) -> str:
    """Return the exponent with which the seconds of a method grow with the pixels."""
    mine = [
        (int(scene.split("x")[0]), median[0]) for (method, scene), median in found.items() if method == name
    ]
    return _exponent(growth_exponent((n**2 for n, _ in mine), (s for _, s in mine)))


def _numbered(names: Sequence[str], name: str, kind: str) -> dict[int, str]:
    """Return the rows of a method of one kind by their numbers."""
    start, end = f"{name}, ", f" {kind}"
    return {
        int(each[len(start) : -len(end)]): each
        for each in names
        if each.startswith(start) and each.endswith(end)
    }


def _busy_table(found: Medians, names: Sequence[str], sizes: Sequence[int]) -> str:
    """Return the seconds beside busy processes over those of the method alone; empty if there are none."""
    rows = [
        [name, str(count), *(_ratio(found, busy, name, n) for n in sizes)]
        for name in names
        for count, busy in _numbered(names, name, "busy").items()
    ]
    return markdown_table(["method", "busy processes", *(f"{n}²" for n in sizes)], rows) if rows else ""


def _stack_table(found: Medians, names: Sequence[str], sizes: Sequence[int]) -> str:
    """Return seconds a plane against the number of planes; empty where there are no stacks."""
    rows = []
    for name in dict.fromkeys(each.split(", ")[0] for each in names if each.endswith(" planes")):
        lengths = _numbered(names, name, "planes")
        rivals = _numbered(names, BM4D.name, "planes") if name != BM4D.name else {}
        for size in sizes:
            members = {1: name, **lengths}
            medians = {n: found.get((member, f"{size}x{size}")) for n, member in members.items()}
            there = {n: median for n, median in medians.items() if median is not None}
            each = ", ".join(f"{n}: {s / n:.2f} s, {mb:.0f} MB" for n, (s, mb) in sorted(there.items()))
            ratios = (f"{n}: {_ratio(found, lengths[n], rivals[n], size)}" for n in lengths if n in rivals)
            # The first plane of a stack is fitted from nothing: the others grow with their number.
            later = {n: s for n, (s, _) in there.items() if n > 1}
            exponent = _exponent(growth_exponent(later, later.values()))
            rows.append([name, f"{size}²", each, ", ".join(ratios) or "–", exponent])
    header = [
        "method",
        "size",
        "planes: seconds a plane, peak",
        f"times {BM4D.name}",
        "exponent in planes, from the second on",
    ]
    return markdown_table(header, rows) if rows else ""


def _exponent(exponent: float) -> str:
    return "–" if np.isnan(exponent) else f"{exponent:.2f}"
