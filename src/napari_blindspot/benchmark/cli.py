"""The commands ``napari-blindspot benchmark fmdd | ablation | awgn | speed``: options, and what is said.

What the commands compute is in the modules beside this one, which are imported when a command runs.
"""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_blindspot.core.errors import BlindspotError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_blindspot.benchmark.report import Report
    from napari_blindspot.benchmark.runner import Entry, Options, Sample
    from napari_blindspot.benchmark.table import Table

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
    """Score all methods on FMD images: results.csv, results.md and contact_sheet.png in --out."""
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


@app.command()
def ablation(
    root: Root,
    preset: Annotated[str, typer.Option(help="What is varied.")] = "paper",
    studies: Annotated[
        str | None, typer.Option(help="Of p0, losses, dilation, iterations, source  [default: all]")
    ] = None,
    captures: Captures = 1,
    crop: Crop = None,
    device: Device = "auto",
    seed: Seed = 0,
    out: Out = Path("benchmark-ablation"),
    timeout: Timeout = None,
    iterations: Iterations = None,
    retry_failed: Retry = False,
) -> None:
    """Repeat the paper's ablations (tables 3 to 5, figure 6) on FMD images, in one table that resumes."""
    with _one_sentence():
        from napari_blindspot.benchmark.ablation import study_entries, study_groups
        from napari_blindspot.benchmark.pairs import find_pairs
        from napari_blindspot.benchmark.plots import plot_iterations
        from napari_blindspot.benchmark.report import Report
        from napari_blindspot.benchmark.runner import Options
        from napari_blindspot.settings import Settings

        chosen = _names(studies, "--studies")
        # Every variant carries its own number of iterations, so the runner must not set another.
        options = Options(crop, seed, _checked(device), None, timeout, retry_failed)
        entries, skipped = study_entries(preset, chosen, iterations)
        found = find_pairs(root, captures)
        report = Report(
            title=f"Ablation of the preset {preset}, one setting at a time",
            names=[entry.name for entry in entries],
            options=options,
            skipped=skipped,
            notes=_quick_note(iterations),
            groups=study_groups(preset, chosen, iterations),
        )
        extra: dict[str, object] = {"preset": preset, "iterations": iterations}
        table = _run(found.pairs, entries, out, options, report, found.problems, extra)
        usual = Settings.from_preset(preset, iterations=iterations).iterations
        if plot_iterations(out / "iterations.png", table, preset, usual):
            typer.echo(f"Wrote iterations.png to {out}.")


@app.command()
def awgn(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER", help="8-bit grayscale images such as BSD68 [default: scikit-image's]"
        ),
    ] = None,
    sigma: Annotated[float, typer.Option(min=0.1, help="Standard deviation on the scale [0, 255].")] = 25.0,
    methods: Methods = None,
    crop: Crop = None,
    device: Device = "auto",
    seed: Seed = 0,
    out: Out = Path("benchmark-awgn"),
    timeout: Timeout = None,
    iterations: Iterations = None,
    retry_failed: Retry = False,
    n2v_python: N2vPython = None,
) -> None:
    """Score all methods on artificial i.i.d. Gaussian noise."""
    with _one_sentence():
        from napari_blindspot.benchmark.awgn import find_images
        from napari_blindspot.benchmark.published import AWGN25_BSD68
        from napari_blindspot.benchmark.report import Report
        from napari_blindspot.benchmark.runner import Options

        options = Options(crop, seed, _checked(device), iterations, timeout, retry_failed)
        images = find_images(folder, sigma, seed)
        entries, skipped = _entries(methods, n2v_python)
        report = Report(
            title=f"Artificial noise: i.i.d. Gaussian, σ = {sigma:g}",
            names=[entry.name for entry in entries],
            options=options,
            skipped=skipped,
            published=AWGN25_BSD68,
            published_title="Published, not measured here: σ = 25 on BSD68",
        )
        _run(images, entries, out, options, report, extra={"sigma": sigma})


@app.command()
def speed(
    methods: Annotated[
        str, typer.Option(help="Comma-separated presets and peers; ratios are to the first bm3d.")
    ] = "bm3d-vst,auto,fast",
    sizes: Annotated[str, typer.Option(help="Comma-separated sides in pixels.")] = "128,256,512,1024",
    planes: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated lengths of stacks to time too, for the presets  [default: none]"
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of each, of which medians are told.")] = 1,
    device: Device = "auto",
    seed: Seed = 0,
    out: Out = Path("benchmark-speed"),
    timeout: Timeout = None,
    iterations: Iterations = None,
    retry_failed: Retry = False,
    count_flops: Annotated[bool, typer.Option(help="Count FLOPs too, up to 512².")] = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Say too where the time goes, on the largest size up to 512².")
    ] = False,
) -> None:
    """Measure seconds, memory and FLOPs against image size and number of planes, with BM3D beside them."""
    with _one_sentence():
        from napari_blindspot.benchmark import cost, speed
        from napari_blindspot.benchmark.methods import choose_methods
        from napari_blindspot.benchmark.plots import plot_seconds
        from napari_blindspot.benchmark.profile import phase_table, time_phases
        from napari_blindspot.benchmark.report import protocol_lines
        from napari_blindspot.benchmark.runner import Options, run
        from napari_blindspot.benchmark.table import Table, write_atomically
        from napari_blindspot.settings import PRESETS, Settings

        options = Options(None, seed, _checked(device), None, timeout, retry_failed)
        names = [method.name for method in choose_methods(_names(methods, "--methods"))]
        sides = _numbers(sizes, "--sizes", 32, "128,256,512")
        lengths = [] if planes is None else _numbers(planes, "--planes", 2, "4,16,64")
        entries = speed.speed_entries(names, iterations, lengths)
        table = Table(out, {**options.conditions(), "iterations": iterations})
        present = [entry for entry in entries if not entry.method.missing()]
        for entry in entries:
            if entry not in present:
                typer.echo(f"{entry.name} is skipped: {entry.method.missing()[0]} is not installed.")
        # All methods of a repetition one after another, so that a slow moment of the machine hits all.
        samples = [
            speed.SpeedSample(side, seed, number) for side in sides for number in range(1, repeat + 1)
        ]
        run(samples, present, table, options, typer.echo)
        presets = [name for name in names if name in PRESETS]
        costs: dict[tuple[str, int], cost.Cost] = {}
        for side in sides if count_flops else ():
            if side <= cost.LARGEST_COUNTED:
                image, _ = speed.SpeedSample(side, seed).load()
                costs |= {(name, side): cost.count_cost(name, image) for name in presets}
        text = speed.speed_tables(table, [entry.name for entry in present], costs)
        medians = "One run of each." if repeat == 1 else f"Medians of {repeat} runs of each."
        lines = ["# Speed", *protocol_lines(options)[1:], medians, *_quick_note(iterations), text]
        small = [side for side in sides if side <= cost.LARGEST_COUNTED]
        if profile and small and presets:
            image, _ = speed.SpeedSample(max(small), seed).load()
            changes = {"seed": seed, "device": device, "iterations": iterations}
            phases: dict[str, dict[str, float]] = {
                name: time_phases(image, Settings.from_preset(name, **changes)) for name in presets
            }
            lines += [f"## Where the time goes, {max(small)}²", phase_table(phases)]
        if plot_seconds(out / "seconds.png", table):
            lines.append("![seconds against size](seconds.png)")
        write_atomically(out / "results.md", "\n\n".join(lines) + "\n")
        typer.echo(f"Wrote results.csv and results.md to {out}.")


def _numbers(given: str, option: str, least: int, example: str) -> list[int]:
    """Split a comma-separated option of numbers."""
    try:
        numbers = [int(number) for number in given.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < least:
        raise SettingsError(
            f"{option} is {given!r}, but must be numbers of {least} or more, such as {example}."
        )
    return numbers


def _names(given: str | None, option: str) -> list[str] | None:
    """Split a comma-separated option; None stands for all."""
    if given is None:
        return None
    names = [name.strip() for name in given.split(",") if name.strip()]
    if not names:
        raise SettingsError(f"{option} names nothing; leave it out for all of them.")
    return names


def _quick_note(iterations: int | None) -> list[str]:
    return [] if iterations is None else [f"**Based on {iterations} iterations: a quick look.**"]


def _entries(methods: str | None, n2v_python: Path | None) -> tuple[list[Entry], list[str]]:
    """Look the methods up; those that are not installed are left out with one line each."""
    from napari_blindspot.benchmark.methods import choose_methods
    from napari_blindspot.benchmark.runner import Entry

    entries, skipped = [], []
    for method in choose_methods(_names(methods, "--methods")):
        if method.name == "n2v" and n2v_python is not None:
            entries.append(Entry(method.name, method, python=str(n2v_python)))
        elif missing := method.missing():
            verb = "is" if len(missing) == 1 else "are"
            skipped.append(
                f"{method.name} is skipped: {' and '.join(missing)} {verb} not installed "
                f"(pip install 'napari-blindspot[{method.extra}]')."
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
    extra: dict[str, object] | None = None,
) -> Table:
    """Run, and write the report also when the run is interrupted."""
    from napari_blindspot.benchmark.methods import available_methods
    from napari_blindspot.benchmark.report import write_report
    from napari_blindspot.benchmark.runner import run
    from napari_blindspot.benchmark.sheet import write_contact_sheet
    from napari_blindspot.benchmark.table import Table

    for line in (*report.skipped, *problems):
        typer.echo(line)
    table = Table(out, {**options.conditions(), **(extra or {})})
    # Another choice of methods in the same folder must not drop the rows that are there.
    known = [*available_methods(), *report.names]
    names = {*report.names, *(row.method for row in table.rows.values())}
    report.names = sorted(names, key=lambda name: known.index(name) if name in known else len(known))
    try:
        run(samples, entries, table, options, typer.echo, problems)
    finally:
        write_report(table, report)
        write_contact_sheet(out / "contact_sheet.png", table, samples, report.names, options)
    typer.echo(f"Wrote results.csv, results.md and contact_sheet.png to {out}.")
    return table


def _checked(device: str) -> str:
    """Say at once, not once a method, that there is no such device."""
    from typing import get_args

    from napari_blindspot.settings import DeviceName

    if device not in get_args(DeviceName):
        raise SettingsError(
            f"There is no device {device!r}; choose one of: {', '.join(get_args(DeviceName))}."
        )
    if device not in ("auto", "cpu"):
        from napari_blindspot.engine.hardware.backends import choose_device

        choose_device(device)  # type: ignore[arg-type]
    return device


@contextlib.contextmanager
def _one_sentence() -> Iterator[None]:
    """Print what was wrong as one sentence and end with status 2; an interrupt ends with 130."""
    try:
        if importlib.util.find_spec("skimage") is None:
            raise SettingsError(
                "The benchmark needs the package scikit-image, which is not installed; "
                'install it with: pip install "napari-blindspot[bench]".'
            )
        yield
    except BlindspotError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted; what was finished is kept, the same command goes on from there.", err=True)
        raise typer.Exit(130) from None
