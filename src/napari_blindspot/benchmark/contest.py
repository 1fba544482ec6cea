"""Several methods on several images, with a report: what the commands fmdd, ablation and awgn share.

Options and words of the command line belong to `napari_blindspot.benchmark.cli`, the running itself to
`napari_blindspot.benchmark.runner`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.benchmark.methods import available_methods, choose_methods
from napari_blindspot.benchmark.report import write_report
from napari_blindspot.benchmark.runner import MethodVariant, run_benchmark
from napari_blindspot.benchmark.sheet import write_contact_sheet
from napari_blindspot.benchmark.table import ScoreTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from napari_blindspot.benchmark.report import ScoreReport
    from napari_blindspot.benchmark.runner import ScoredImage

__all__ = ["choose_variants", "run_and_report"]


def choose_variants(
    names: Sequence[str] | None, pythons: Mapping[str, str], weights: Mapping[str, Path] | None = None
) -> tuple[list[MethodVariant], list[str]]:
    """Look methods up; those that are not installed or lack weights are left out with one line each.

    Parameters
    ----------
    names : sequence of str or None
        All methods if None.
    pythons : mapping
        Name of a method to the interpreter of another environment, in which it is taken to be installed.
    weights : mapping, optional
        Name of a network, as in `Method.weights`, to its file of weights.

    Raises
    ------
    SettingsError
        If there is no such method.
    """
    variants, skipped, files = [], [], weights or {}
    for method in choose_methods(names):
        if method.name in pythons:
            variants.append(MethodVariant(method.name, method, python=pythons[method.name]))
        elif missing := method.missing():
            verb = "is" if len(missing) == 1 else "are"
            skipped.append(
                f"{method.name} is skipped: {' and '.join(missing)} {verb} not installed "
                f"(pip install 'napari-blindspot[{method.extra}]')."
            )
        elif method.weights and method.weights not in files:
            skipped.append(
                f"{method.name} is skipped: its weights are not part of this package; give the file of its "
                f"authors as --{method.weights}-weights."
            )
        else:
            given = {"weights": str(files[method.weights])} if method.weights else {}
            variants.append(MethodVariant(method.name, method, given))
    return variants, skipped


def run_and_report(
    images: Sequence[ScoredImage],
    variants: Sequence[MethodVariant],
    out: Path,
    report: ScoreReport,
    echo: Callable[[str], object],
    problems: Sequence[str] = (),
    extra: Mapping[str, object] | None = None,
) -> ScoreTable:
    """Run, and write the report also when the run is interrupted.

    Parameters
    ----------
    images, variants : sequence
        Every variant is run on every image.
    out : Path
        Folder of the results; an earlier run in it resumes.
    report : ScoreReport
        Title, options and more; methods whose rows are already there are added to its names.
    echo : callable
        Gets a line about every result.
    problems : sequence of str
        What was wrong with the images from the start.
    extra : mapping, optional
        Conditions of this run besides those of the options.
    """
    for line in (*report.skipped, *problems):
        echo(line)
    options = report.options
    table = ScoreTable(out, {**options.conditions(), **(extra or {})})
    # Another choice of methods in the same folder must not drop the rows that are there.
    known = [*available_methods(), *report.names]
    names = {*report.names, *(row.method for row in table.rows.values())}
    report.names = sorted(names, key=lambda name: known.index(name) if name in known else len(known))
    try:
        run_benchmark(images, variants, table, options, echo, problems)
    finally:
        write_report(table, report)
        write_contact_sheet(out / "contact_sheet.png", table, images, report.names, options)
    echo(f"Wrote results.csv, results.md and contact_sheet.png to {out}.")
    return table
