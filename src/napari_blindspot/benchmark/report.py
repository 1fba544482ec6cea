"""The Markdown of a run: means over scenes, a modality, a scene, what failed, what is published."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.machine import describe_machine, describe_versions
from napari_blindspot.benchmark.pairs import MODALITIES, is_development, modality
from napari_blindspot.benchmark.table import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from napari_blindspot.benchmark.published import Published
    from napari_blindspot.benchmark.runner import BenchmarkOptions
    from napari_blindspot.benchmark.table import ScoreRow, ScoreTable

__all__ = [
    "ScoreReport",
    "markdown_table",
    "mean_over_scenes",
    "protocol_lines",
    "quick_note",
    "write_report",
]

PROTOCOL = (
    "Whole image; float estimate clipped to [0, 255], not rounded; scikit-image's PSNR and SSIM, data "
    "range 255, default 7×7 window. SI-PSNR: PSNR after the best affine fit of the estimate to the truth. "
    "Captures are averaged within their scene, then scenes. Seconds are wall time of the method alone; MB "
    "is the peak of its process, or of the GPU's memory where it used one."
)

FEWEST_SCENES, RESAMPLES = 3, 10_000
"""Scenes below which no interval of their mean is told, and how often they are drawn anew. Conventions."""


@dataclass(slots=True)
class ScoreReport:
    """What goes into ``results.md``.

    Attributes
    ----------
    title : str
    names : list of str
        Methods in the order of the table.
    options : BenchmarkOptions
    skipped : list of str
        One line for each method that is not installed.
    published : sequence of Published
    published_title : str
    notes : list of str
        Paragraphs after the protocol.
    groups : dict
        Title to method names: further tables of some of the methods.
    names_development : bool
        Whether the scenes on which `auto` was developed are named, and left out of a further table.
    """

    title: str
    names: list[str]
    options: BenchmarkOptions
    skipped: list[str] = field(default_factory=list)
    published: Sequence[Published] = ()
    published_title: str = ""
    notes: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    names_development: bool = False


def write_report(table: ScoreTable, report: ScoreReport) -> None:
    """Write ``results.md`` beside the table."""
    rows = [row for row in table.rows.values() if row.method in report.names]
    names = [name for name in report.names if any(row.method == name for row in rows)]
    parts = [f"# {report.title}", *protocol_lines(report.options), *report.notes]
    if rows:
        parts += ["## Mean over scenes", _means(rows, names)]
        if report.names_development:
            parts += ["## How sure, and without the development images", _by_honesty(rows, names)]
        parts += ["## By microscope (PSNR / SI-PSNR / SSIM)", _by_modality(rows, names)]
        parts += [f"## {title}\n\n{_means(rows, members)}" for title, members in report.groups.items()]
        parts += ["## By scene (PSNR / SI-PSNR / SSIM)", _by_scene(rows, names)]
    wrong = [*report.skipped, *(_failure_line(table, key) for key in table.failures)]
    if wrong:
        parts += ["## What is missing", "\n".join(f"- {line}" for line in wrong)]
    if report.published:
        parts += [f"## {report.published_title}", _published(report.published)]
    write_atomically(table.folder / "results.md", "\n\n".join(parts) + "\n")


def protocol_lines(options: BenchmarkOptions) -> list[str]:
    """Return the protocol, the options and the machine as paragraphs."""
    how = [f"seed {options.seed}", f"device {options.device}"]
    if options.crop:
        how.append(f"**central {options.crop}×{options.crop} crop**")
    if options.iterations:
        how.append(f"**only {options.iterations} iterations for every method that learns: a quick look**")
    if options.timeout:
        how.append(f"time limit {options.timeout:g} s")
    return [
        PROTOCOL,
        f"Options: {', '.join(how)}.",
        f"Machine: {describe_machine(options.device)}.",
        f"Versions: {describe_versions()}.",
    ]


def quick_note(iterations: int | None) -> list[str]:
    """Return a paragraph that says that a run was a quick look, if it was one."""
    return [] if iterations is None else [f"**Based on {iterations} iterations: a quick look.**"]


def mean_over_scenes(rows: Iterable[ScoreRow], column: str) -> float:
    """Average a column within each scene, then over scenes; rows without numbers do not count."""
    means = _means_of_scenes(rows, column)
    return float(means.mean()) if len(means) else float("nan")


def _means_of_scenes(rows: Iterable[ScoreRow], column: str) -> npt.NDArray[np.float64]:
    """Return the mean of a column in each scene that has numbers, (scenes,)."""
    scenes: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        value = getattr(row, column)
        if value is not None:
            scenes[row.scene].append(value)
    return np.array([np.mean(values) for values in scenes.values()])


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Lay out a table whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])


def _means(rows: list[ScoreRow], names: list[str]) -> str:
    columns = (("psnr", 2), ("si_psnr", 2), ("ssim", 3), ("seconds", 1), ("peak_mb", 0))
    lines = []
    for name in names:
        mine = [row for row in rows if row.method == name]
        done = sum(row.psnr is not None for row in mine)
        numbers = [_format(mean_over_scenes(mine, column), digits) for column, digits in columns]
        everyone = len({(row.scene, row.capture) for row in rows})
        # A mean over fewer images than the others' must not pass for theirs.
        lines.append([name, *numbers, f"{done}" if done == everyone else f"**{done} of {everyone}**"])
    return markdown_table(["method", "PSNR", "SI-PSNR", "SSIM", "seconds", "MB", "images"], lines)


def _by_honesty(rows: list[ScoreRow], names: list[str]) -> str:
    """Say what chance and the choice of scenes may have done to the means."""
    scenes = sorted({row.scene for row in rows})
    known = [scene for scene in scenes if is_development(scene)]
    others = [row for row in rows if row.scene not in known]
    lines = []
    for name in names:
        mine = [row for row in rows if row.method == name]
        lines.append(
            [
                name,
                _interval(mine, "psnr"),
                _interval(mine, "si_psnr"),
                _triple([row for row in others if row.method == name]),
                " / ".join(
                    _format(mean_over_scenes(mine, column), digits)
                    for column, digits in (("psnr_corners", 2), ("ssim_corners", 3))
                ),
            ]
        )
    said = ", ".join(known) if known else "none of them"
    header = ["method", "PSNR, 95 %", "SI-PSNR, 95 %", "without development images", "four corners"]
    return (
        f"`auto` was developed on these scenes: {said}. The intervals are of the mean over scenes, "
        f"{len(scenes)} of which are drawn again and again with replacement. The next column has the mean "
        "over the other scenes (PSNR / SI-PSNR / SSIM), the last one PSNR / SSIM as FMD's authors score: "
        "the mean over four corners of 256×256 pixels.\n\n" + markdown_table(header, lines)
    )


def _interval(rows: list[ScoreRow], column: str) -> str:
    """Return the central 95 % of means over scenes that were drawn with replacement."""
    means = _means_of_scenes(rows, column)
    if len(means) < FEWEST_SCENES:
        return "–"
    drawn = np.random.default_rng(0).integers(len(means), size=(RESAMPLES, len(means)))
    low, high = np.percentile(means[drawn].mean(1), (2.5, 97.5))
    return f"{low:.2f} to {high:.2f}"


def _by_modality(rows: list[ScoreRow], names: list[str]) -> str:
    present = [name for name in (*MODALITIES, "other") if any(modality(row.scene) == name for row in rows)]
    lines = [
        [
            name,
            *(_triple([r for r in rows if r.method == name and modality(r.scene) == m]) for m in present),
        ]
        for name in names
    ]
    return markdown_table(["method", *present], lines)


def _by_scene(rows: list[ScoreRow], names: list[str]) -> str:
    scenes = sorted({row.scene for row in rows})
    lines = [
        [scene, *(_triple([r for r in rows if r.method == name and r.scene == scene]) for name in names)]
        for scene in scenes
    ]
    return markdown_table(["scene", *names], lines)


def _triple(rows: list[ScoreRow]) -> str:
    values = (("psnr", 2), ("si_psnr", 2), ("ssim", 3))
    if not any(row.psnr is not None for row in rows):
        return "–"
    return " / ".join(_format(mean_over_scenes(rows, column), digits) for column, digits in values)


def _format(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _failure_line(table: ScoreTable, key: tuple[str, str, str]) -> str:
    failure = table.failures[key]
    where = f"{failure.method} on {failure.scene}, capture {failure.capture}: " if failure.method else ""
    return where + failure.reason


def _published(published: Sequence[Published]) -> str:
    lines = [
        [row.method, f"{row.psnr:.2f}", "–" if row.ssim is None else f"{row.ssim:.3f}", row.source]
        for row in published
    ]
    return markdown_table(["method (published)", "PSNR", "SSIM", "source"], lines)
