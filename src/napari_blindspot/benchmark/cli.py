"""The commands ``napari-blindspot benchmark fmdd | ablation | awgn | speed``: options, and what is said.

What the commands compute is in the modules beside this one, which are imported when a command runs.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_blindspot.errors import BlindspotError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_blindspot.benchmark.report import Report
    from napari_blindspot.benchmark.runner import Entry, Options, Sample

__all__ = ["app"]

app = typer.Typer(
    name="benchmark",
    help="Score this project and its rivals on the same images, in the same run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Root = Annotated[Path, typer.Argument(metavar="ROOT", help="Folder with raw and gt images (FMD dataset).")]
Out = Annotated[Path, typer.Option("--out", help="Folder for tables and pictures; an earlier run resumes.")]
Methods = Annotated[
    str | None, typer.Option(help="Comma-separated names  [default: all that are installed]")
]
Captures = Annotated[int | None, typer.Option(min=1, help="First N captures of each scene  [default: all]")]
Crop = Annotated[int | None, typer.Option(min=32, help="Central N×N pixels  [default: whole image]")]
Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu")]
Seed = Annotated[int, typer.Option(min=0, help="For everything random.")]
Timeout = Annotated[
    float | None, typer.Option(min=1, help="Seconds for a method on an image  [default: no limit]")
]
Iterations = Annotated[
    int | None, typer.Option(min=1, help="For every method that learns: a quick look, and said so.")
]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed in an earlier run.")]
N2vPython = Annotated[
    Path | None,
    typer.Option(help="Python of another environment with careamics and napari-blindspot, for n2v."),
]


@app.command()
def fmdd(
    root: Root,
    methods: Methods = None,
    captures: Captures = None,
    crop: Crop = None,
    device: Device = "auto",
    seed: Seed = 0,
    out: Out = Path("benchmark-fmdd"),
    timeout: Timeout = None,
    iterations: Iterations = None,
    retry_failed: Retry = False,
    n2v_python: N2vPython = None,
) -> None:
    """Score all methods on FMD images: results.csv, results.md and contact_sheet.png in the folder --out."""
    with _one_sentence():
        from napari_blindspot.benchmark.pairs import find_pairs
        from napari_blindspot.benchmark.published import FMDD
        from napari_blindspot.benchmark.report import Report
        from napari_blindspot.benchmark.runner import Options

        options = Options(crop, seed, _checked(device), iterations, timeout, retry_failed)
        found = find_pairs(root, captures)
        entries, skipped = _entries(methods, n2v_python)
        report = Report(
            title="FMDD: raw images of a fluorescence microscope, one capture in, one estimate out",
            names=[entry.name for entry in entries],
            options=options,
            skipped=skipped,
            published=FMDD,
            published_title="Published, not measured here: mean over FMDD's 48 raw test images",
        )
        _run(found.pairs, entries, out, options, report, found.problems)


def _entries(methods: str | None, n2v_python: Path | None) -> tuple[list[Entry], list[str]]:
    """Look the methods up; those that are not installed are left out with one line each."""
    from napari_blindspot.benchmark.methods import choose_methods
    from napari_blindspot.benchmark.runner import Entry

    names = [name.strip() for name in methods.split(",") if name.strip()] if methods is not None else None
    if names == []:
        raise SettingsError("--methods names no method; leave it out for all of them.")
    entries, skipped = [], []
    for method in choose_methods(names):
        if method.name == "n2v" and n2v_python is not None:
            entries.append(Entry(method.name, method, python=str(n2v_python)))
        elif missing := method.missing():
            verb = "is" if len(missing) == 1 else "are"
            skipped.append(
                f"{method.name} is skipped: {' and '.join(missing)} {verb} not installed "
                "(pip install 'napari-blindspot[bench]')."
            )
        else:
            entries.append(Entry(method.name, method))
    return entries, skipped


def _run(
    samples: Sequence[Sample],
    entries: Sequence[Entry],
    out: Path,
    options: Options,
    report: Report,
    problems: Sequence[str] = (),
) -> None:
    """Run, and write the report also when the run is interrupted."""
    from napari_blindspot.benchmark.report import write_report
    from napari_blindspot.benchmark.runner import run
    from napari_blindspot.benchmark.sheet import write_contact_sheet
    from napari_blindspot.benchmark.table import Table

    for line in (*report.skipped, *problems):
        typer.echo(line)
    table = Table(out, options.conditions())
    # Another choice of methods in the same folder must not drop the rows that are there.
    report.names += [
        name for name in dict.fromkeys(r.method for r in table.rows.values()) if name not in report.names
    ]
    try:
        run(samples, entries, table, options, typer.echo, problems)
    finally:
        write_report(table, report)
        write_contact_sheet(out / "contact_sheet.png", table, samples, report.names, options)
    typer.echo(f"Wrote results.csv, results.md and contact_sheet.png to {out}.")


def _checked(device: str) -> str:
    """Say at once, not once a method, that there is no such device."""
    from typing import get_args

    from napari_blindspot.settings import DeviceName

    if device not in get_args(DeviceName):
        raise SettingsError(
            f"There is no device {device!r}; choose one of: {', '.join(get_args(DeviceName))}."
        )
    if device not in ("auto", "cpu"):
        from napari_blindspot.engine.device import choose_device

        choose_device(device)  # type: ignore[arg-type]
    return device


@contextlib.contextmanager
def _one_sentence() -> Iterator[None]:
    """Print what was wrong as one sentence and end with status 2; an interrupt ends with 130."""
    try:
        yield
    except BlindspotError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted; what was finished is kept, the same command goes on from there.", err=True)
        raise typer.Exit(130) from None
