"""The commands ``napari-blindspot benchmark fmdd | paper | ablation | awgn | stacks | speed``.

What the commands compute is in the modules beside this one, which are imported when a command runs:
`napari_blindspot.benchmark.contest`, `napari_blindspot.benchmark.paper_tables` and
`napari_blindspot.benchmark.speed`.
"""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_blindspot.core.errors import BlindspotError, SettingsError
from napari_blindspot.engine.hardware.backends import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterator

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
Scenes = Annotated[
    str | None, typer.Option(help="Comma-separated beginnings of the names of scenes  [default: all]")
]
Crop = Annotated[int | None, typer.Option(min=32, help="Central N×N pixels  [default: whole image]")]
Device = Annotated[str, typer.Option(help=f"auto, {', '.join(BACKENDS)}")]
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

FfdnetWeights = Annotated[
    Path | None, typer.Option(help="FFDNet_gray.mat of FFDNet's authors, for ffdnet-vst and noise2vst.")
]


@app.command()
def fmdd(
    root: Root,
    methods: Methods = None,
    scenes: Scenes = None,
    captures: Captures = None,
    crop: Crop = None,
    device: Device = "auto",
    seed: Seed = 0,
    out: Out = Path("benchmark-fmdd"),
    timeout: Timeout = None,
    iterations: Iterations = None,
    retry_failed: Retry = False,
    n2v_python: N2vPython = None,
    ffdnet_weights: FfdnetWeights = None,
) -> None:
    """Score all methods on FMD images: results.csv, results.md and contact_sheet.png in --out."""
    with _one_sentence():
        from napari_blindspot.benchmark.contest import choose_variants, run_and_report
        from napari_blindspot.benchmark.pairs import find_pairs
        from napari_blindspot.benchmark.published import FMDD
        from napari_blindspot.benchmark.report import ScoreReport
        from napari_blindspot.benchmark.runner import BenchmarkOptions

        options = BenchmarkOptions(crop, seed, _checked(device), iterations, timeout, retry_failed)
        found = find_pairs(root, captures, scenes=_names(scenes, "--scenes"))
        variants, skipped = choose_variants(
            _names(methods, "--methods"), _pythons(n2v_python), _weights(ffdnet_weights)
        )
        report = ScoreReport(
            title="FMDD: raw images of a fluorescence microscope, one capture in, one estimate out",
            names=[variant.name for variant in variants],
            options=options,
            skipped=skipped,
            published=FMDD,
            published_title="Published, not measured here: mean over FMDD's 48 raw test images",
            names_development=True,
        )
        run_and_report(found.pairs, variants, out, report, typer.echo, found.problems)


@app.command()
def paper(
    root: Root,
    tables: Annotated[
        str,
        typer.Option(
            help="Of 1, 2, 3, 4, 5, 6 (its figure) and readings (what it leaves open), comma-separated."
        ),
    ] = "1",
    scenes: Scenes = None,
    captures: Captures = None,
    crop: Annotated[
        int | None,
        typer.Option(min=32, help="Central N×N pixels  [default: whole images in table 1, 128 in 3 to 6]"),
    ] = None,
    device: Device = "auto",
    seed: Seed = 0,
    out: Out = Path("benchmark-paper"),
    timeout: Timeout = None,
    iterations: Iterations = None,
    retry_failed: Retry = False,
) -> None:
    """Repeat the paper's tables with the preset paper, beside the published figures; resumes over days."""
    with _one_sentence():
        from napari_blindspot.benchmark.pairs import find_pairs
        from napari_blindspot.benchmark.paper_tables import PaperOptions, repeat_tables
        from napari_blindspot.benchmark.runner import BenchmarkOptions

        run = BenchmarkOptions(crop, seed, _checked(device), None, timeout, retry_failed)
        options = PaperOptions(_names(tables, "--tables") or [], iterations, run)
        found = find_pairs(root, captures, scenes=_names(scenes, "--scenes"))
        repeat_tables(found, options, out, typer.echo)


@app.command()
def ablation(
    root: Root,
    preset: Annotated[str, typer.Option(help="What is varied.")] = "paper",
    studies: Annotated[
        str | None, typer.Option(help="Of p0, losses, dilation, iterations, readings  [default: all]")
    ] = None,
    scenes: Scenes = None,
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
        from napari_blindspot.benchmark.ablation import run_studies
        from napari_blindspot.benchmark.pairs import find_pairs
        from napari_blindspot.benchmark.report import ScoreReport
        from napari_blindspot.benchmark.runner import BenchmarkOptions

        options = BenchmarkOptions(crop, seed, _checked(device), None, timeout, retry_failed)
        found = find_pairs(root, captures, scenes=_names(scenes, "--scenes"))
        report = ScoreReport(f"Ablation of the preset {preset}, one setting at a time", [], options)
        run_studies(found, preset, _names(studies, "--studies"), iterations, report, out, typer.echo)


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
    ffdnet_weights: FfdnetWeights = None,
) -> None:
    """Score all methods on artificial i.i.d. Gaussian noise."""
    with _one_sentence():
        from napari_blindspot.benchmark.awgn import find_images
        from napari_blindspot.benchmark.contest import choose_variants, run_and_report
        from napari_blindspot.benchmark.published import AWGN25_BSD68
        from napari_blindspot.benchmark.report import ScoreReport
        from napari_blindspot.benchmark.runner import BenchmarkOptions

        options = BenchmarkOptions(crop, seed, _checked(device), iterations, timeout, retry_failed)
        images = find_images(folder, sigma, seed)
        variants, skipped = choose_variants(
            _names(methods, "--methods"), _pythons(n2v_python), _weights(ffdnet_weights)
        )
        report = ScoreReport(
            title=f"Artificial noise: i.i.d. Gaussian, σ = {sigma:g}",
            names=[variant.name for variant in variants],
            options=options,
            skipped=skipped,
            published=AWGN25_BSD68,
            published_title="Published, not measured here: σ = 25 on BSD68",
        )
        run_and_report(images, variants, out, report, typer.echo, extra={"sigma": sigma})


@app.command()
def stacks(
    paths: Annotated[
        list[Path], typer.Argument(metavar="STACK...", help="Nearly clean stacks, (Z, Y, X) or (T, Y, X).")
    ],
    photons: Annotated[
        str, typer.Option(help="Comma-separated numbers, each of the brightest pixel on average.")
    ] = "10,40",
    planes: Annotated[int, typer.Option(min=3, help="How many of the middle are taken.")] = 13,
    scored: Annotated[int, typer.Option(min=1, help="How many of these are denoised and scored.")] = 2,
    crop: Annotated[
        int | None, typer.Option(min=32, help="N×N pixels with most structure  [default: whole planes]")
    ] = None,
    drift: Annotated[float, typer.Option(min=0, help="Pixels by which the others lie off, at most.")] = 0.0,
    flicker: Annotated[
        float, typer.Option(min=0, help="Share by which the others are brighter, at most.")
    ] = 0.0,
    preset: Annotated[str, typer.Option(help="Of this project.")] = "auto",
    seed: Seed = 0,
) -> None:
    """Put noise on nearly clean stacks; score single planes, neighbours, filters along z or time, BM4D."""
    with _one_sentence():
        from napari_blindspot.benchmark.stacks import StackOptions, compare_on_stacks

        levels = tuple(float(level) for level in _numbers(photons, "--photons", 1, "10,40"))
        if scored > planes:
            raise SettingsError(f"--scored is {scored}, but only {planes} planes are taken.")
        options = StackOptions(levels, planes, scored, crop, drift, flicker, preset, seed)
        compare_on_stacks(paths, options, typer.echo)


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
    busy: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated numbers of processes that compute meanwhile, to time that too  "
            "[default: none]"
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
        from napari_blindspot.benchmark.runner import BenchmarkOptions
        from napari_blindspot.benchmark.speed import SpeedOptions, measure_speed

        options = SpeedOptions(
            methods=_names(methods, "--methods"),
            sizes=_numbers(sizes, "--sizes", 32, "128,256,512"),
            lengths=[] if planes is None else _numbers(planes, "--planes", 2, "4,16,64"),
            busy=[] if busy is None else _numbers(busy, "--busy", 1, "1,4"),
            repeat=repeat,
            iterations=iterations,
            count_flops=count_flops,
            profile=profile,
            run=BenchmarkOptions(None, seed, _checked(device), None, timeout, retry_failed),
        )
        measure_speed(options, out, typer.echo)


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


def _pythons(n2v_python: Path | None) -> dict[str, str]:
    """Return which methods run with the Python of another environment."""
    return {} if n2v_python is None else {"n2v": str(n2v_python)}


def _weights(ffdnet: Path | None) -> dict[str, Path]:
    """Return the files of weights that are given, by the names of their networks."""
    if ffdnet is None:
        return {}
    if not ffdnet.is_file():
        raise SettingsError(f"There is no file {ffdnet} for --ffdnet-weights.")
    return {"ffdnet": ffdnet.resolve()}


def _checked(device: str) -> str:
    """Say at once, not once a method, that there is no such device."""
    if device not in ("auto", "cpu"):
        from napari_blindspot.engine.hardware.backends import choose_device

        choose_device(device)
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
