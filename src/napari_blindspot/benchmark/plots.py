"""The two curves: quality against iterations (the paper's Figure 6), and seconds against image size."""

from __future__ import annotations

import importlib.util
import io
import re
from typing import TYPE_CHECKING

from napari_blindspot.benchmark.report import mean_over_scenes
from napari_blindspot.benchmark.table import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.benchmark.table import ScoreTable

__all__ = ["plot_iterations", "plot_seconds"]


def plot_iterations(path: Path, table: ScoreTable, preset: str, usual: int) -> bool:
    """Draw PSNR against the number of iterations; False if there is nothing to draw, or to draw with.

    Parameters
    ----------
    path : Path
        PNG to write.
    table : ScoreTable
        Of an ablation: methods ``iterations=N``, and `preset` with its `usual` number.
    preset : str
        What was varied.
    usual : int
        The preset's own number of iterations.
    """
    points: dict[int, float] = {}
    for name in {row.method for row in table.rows.values() if row.psnr is not None}:
        match = re.fullmatch(r"iterations=(\d+)", name)
        if match or name == preset:
            rows = [row for row in table.rows.values() if row.method == name]
            points[int(match[1]) if match else usual] = mean_over_scenes(rows, "psnr")
    return _draw(path, {preset: points}, "iterations", "PSNR in dB, mean over scenes", logarithmic=False)


def plot_seconds(path: Path, table: ScoreTable) -> bool:
    """Draw seconds against the side of the image; False if there is nothing to draw, or to draw with."""
    lines: dict[str, dict[int, float]] = {}
    for row in table.rows.values():
        if row.seconds:
            lines.setdefault(row.method, {})[int(row.scene.split("x")[0])] = row.seconds
    return _draw(path, lines, "side of the image in pixels", "seconds", logarithmic=True)


def _draw(
    path: Path, lines: dict[str, dict[int, float]], x_label: str, y_label: str, *, logarithmic: bool
) -> bool:
    if importlib.util.find_spec("matplotlib") is None or not any(
        len(points) > 1 for points in lines.values()
    ):
        return False
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for name, points in lines.items():
        x = sorted(points)
        axes.plot(x, [points[value] for value in x], marker="o", label=name)
    if logarithmic:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())
    return True
