"""The paper's experiments with the preset ``paper``, beside what was published.

Quan et al. (CVPR 2025): Table 1 (images of microscopes), Table 2 (time, parameters, operations),
Tables 3 to 5 and Figure 6 (one setting at a time); the last four on FMD where the paper has SIDD.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_blindspot.benchmark.ablation import run_studies
from napari_blindspot.benchmark.contest import choose_variants, run_and_report
from napari_blindspot.benchmark.published import ABLATIONS, COMPLEXITY, FMDD
from napari_blindspot.benchmark.report import ScoreReport, markdown_table
from napari_blindspot.benchmark.speed import SpeedOptions, measure_speed
from napari_blindspot.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_blindspot.benchmark.pairs import FoundPairs
    from napari_blindspot.benchmark.runner import BenchmarkOptions

__all__ = ["TABLES", "PaperOptions", "repeat_tables"]

STUDY_OF = {"3": "p0", "4": "losses", "5": "dilation", "6": "iterations", "readings": "readings"}
"""Table or figure to the study of `napari_blindspot.benchmark.ablation` that repeats it."""

TABLES = ("1", "2", *STUDY_OF)
"""Tables 1 to 5, Figure 6, and the points that the paper leaves open."""

ABLATION_CROP = 128
"""Side in pixels of what the ablations are run on, unless another is asked for."""

COMPLEXITY_SIDE = 256
"""Side in pixels of the image of Table 2."""


@dataclass(frozen=True, slots=True)
class PaperOptions:
    """What is repeated.

    Attributes
    ----------
    tables : sequence of str
        Of `TABLES`.
    iterations : int, optional
        In place of the preset's own number: a quick look.
    run : BenchmarkOptions
        What holds for all of them; without a crop, Table 1 has whole images and the ablations
        have `ABLATION_CROP`.
    """

    tables: Sequence[str]
    iterations: int | None
    run: BenchmarkOptions


def repeat_tables(
    found: FoundPairs, options: PaperOptions, out: Path, echo: Callable[[str], object]
) -> None:
    """Run the experiments one after another; each resumes what its folder holds.

    Parameters
    ----------
    found : FoundPairs
        The images.
    options : PaperOptions
        What is repeated.
    out : Path
        Gets the folders ``table1``, ``table2`` and ``ablation``.
    echo : callable
        Gets a line about every result.

    Raises
    ------
    SettingsError
        If there is no such table.
    FileError
        If a folder holds results of other options, or cannot be written.
    """
    for name in options.tables:
        if name not in TABLES:
            raise SettingsError(f"There is no table {name!r}; choose from: {', '.join(TABLES)}.")
    if "1" in options.tables:
        _images(found, options, out / "table1", echo)
    if "2" in options.tables:
        _complexity(options, out / "table2", echo)
    studies = [STUDY_OF[name] for name in options.tables if name in STUDY_OF]
    if studies:
        _ablations(found, studies, options, out / "ablation", echo)


def _images(found: FoundPairs, options: PaperOptions, out: Path, echo: Callable[[str], object]) -> None:
    """Table 1: the noisy image and the preset, by scene and by microscope."""
    run = replace(options.run, iterations=options.iterations)
    variants, skipped = choose_variants(["noisy", "paper"], {})
    report = ScoreReport(
        title="Table 1 of the paper: raw images of FMD",
        names=[variant.name for variant in variants],
        options=run,
        skipped=skipped,
        published=FMDD,
        published_title="Published, not measured here: mean over FMDD's 48 raw test images",
    )
    run_and_report(found.pairs, variants, out, report, echo, found.problems)


def _complexity(options: PaperOptions, out: Path, echo: Callable[[str], object]) -> None:
    """Table 2: seconds, parameters and operations on an image of 256 by 256 pixels."""
    speed = SpeedOptions(
        methods=["paper"],
        sizes=[COMPLEXITY_SIDE],
        iterations=options.iterations,
        run=replace(options.run, crop=None, iterations=None),
        notes=["## Published, not measured here: Table 2, on an NVIDIA 3090", _published_costs()],
    )
    measure_speed(speed, out, echo)


def _published_costs() -> str:
    lines = [
        [cost.method, f"{cost.seconds:g}", f"{cost.parameters:g}", f"{cost.gmacs:g}"] for cost in COMPLEXITY
    ]
    return markdown_table(["method", "seconds", "parameters (M)", "GMACs of a pass"], lines)


def _ablations(
    found: FoundPairs,
    studies: list[str],
    options: PaperOptions,
    out: Path,
    echo: Callable[[str], object],
) -> None:
    """Tables 3 to 5, Figure 6 and the open points; variants that are the preset itself share a run."""
    report = ScoreReport(
        title="Tables 3 to 5 and Figure 6 of the paper, one setting at a time",
        names=[],
        options=replace(options.run, crop=options.run.crop or ABLATION_CROP),
        published=ABLATIONS,
        published_title="Published, not measured here: SIDD validation",
    )
    run_studies(found, "paper", studies, options.iterations, report, out, echo)
