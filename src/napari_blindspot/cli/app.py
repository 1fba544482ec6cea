"""The command line: the commands, what they are told, and their help.

What a command does is in the module of its name. Options that commands share are in
`napari_blindspot.cli.groups`, and those of a fit are made from its settings, so that none is named here.
Nothing here imports torch or the benchmark before a command needs it: ``--help`` answers at once.
"""

# Without `from __future__ import annotations`: typer reads them when the commands are made.

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from napari_blindspot.cli.exits import (
    DEVICE_FAILED,
    INTERRUPTED,
    TRACEBACK_VARIABLE,
    sentences,
    show_traceback,
)
from napari_blindspot.cli.groups import (
    ExistingOutputs,
    FileChoice,
    JobFileOptions,
    ModelOptions,
    Storage,
    WorkerOptions,
)
from napari_blindspot.cli.options import SettingsOptions, with_groups

__all__ = ["app"]

# All formats are not named here, because their list would have to be loaded for it.
ImageArgument = Annotated[
    Path, typer.Argument(metavar="INPUT", help="An image file, such as a TIFF, or an OME-Zarr.")
]

app = typer.Typer(
    name="napari-blindspot",
    help="Zero-shot denoising of fluorescence images: one noisy image in, a clean one out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class _BenchmarkGroup(TyperGroup):
    """The commands of the benchmark, which are imported when one of them or their list is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self._loaded())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self._loaded().get(cmd_name)

    def _loaded(self) -> dict[str, Any]:
        if not self.commands:
            from typer.main import get_group

            from napari_blindspot.benchmark.cli import app as benchmark

            self.commands = get_group(benchmark).commands
        return dict(self.commands)


app.add_typer(
    typer.Typer(
        name="benchmark",
        cls=_BenchmarkGroup,
        help="Score this project and its rivals on the same images, in the same run.",
        no_args_is_help=True,
    )
)


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    traceback: Annotated[
        bool,
        typer.Option(
            "--traceback", envvar=TRACEBACK_VARIABLE, help="Show where in the program an error is."
        ),
    ] = False,
) -> None:
    show_traceback(traceback)
    if version:
        from napari_blindspot import __version__

        typer.echo(f"napari-blindspot {__version__}")
        raise typer.Exit


@app.command("denoise")
@sentences()
@with_groups
def denoise_one(
    *,
    source: ImageArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="OME-TIFF or OME-Zarr to write  [default: <stem>_denoised.ome.tif beside it]",
        ),
    ] = None,
    choice: FileChoice,
    chosen: SettingsOptions,
    inr_output: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Also write the image of the INR, as OME-TIFF or OME-Zarr."),
    ] = None,
    models: ModelOptions,
    save_model: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Also write what was learned, to be applied to other images (.safetensors).",
        ),
    ] = None,
    storage: Storage,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there.")] = False,
) -> None:
    """Denoise an image; a stack plane by plane, each channel on its own.

    Ctrl-C stops the fit and keeps the best result so far; a second Ctrl-C discards it. Of a stack, the
    planes finished by then are kept in <output>_partial.ome.tif, and the same command goes on after them.
    """
    from napari_blindspot.api import resolve_settings
    from napari_blindspot.cli.denoise import denoise_file, job_of
    from napari_blindspot.cli.outputs import check_version
    from napari_blindspot.files.door import ReadOptions, WriteOptions, read_settings

    earlier = None if chosen.file is None else read_settings(chosen.file)
    job = job_of(
        source,
        resolve_settings(chosen.preset, earlier, chosen.overrides),
        output=output,
        inr_output=inr_output,
        write=WriteOptions(**storage.given),
        overwrite=overwrite,
        read=ReadOptions(**choice.given),
        model=models.model,
        save_model=save_model,
    )
    check_version(storage.ngff, job.outputs.values())
    complete = denoise_file(job)
    if not complete:
        raise typer.Exit(INTERRUPTED)


@app.command()
@sentences()
@with_groups
def batch(
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...", help="Files, folders with their subfolders, patterns in quotes."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the results and the report."),
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Which files of a folder, such as '*.tif'  [default: all images]")
    ] = None,
    choice: FileChoice,
    chosen: SettingsOptions,
    output_format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="Of the results, such as ome-zarr  [default: ome-tiff]"
        ),
    ] = None,
    models: ModelOptions,
    fit_on: Annotated[
        str | None,
        typer.Option(
            metavar="first|FILE", help="Fit a model to one of the files, and apply it to all of them."
        ),
    ] = None,
    storage: Storage,
    existing: ExistingOutputs,
    work: WorkerOptions,
    job_file: JobFileOptions,
) -> None:
    """Denoise many files; what is finished is kept at any moment, and a report says what is not.

    Ctrl-C stops after the plane at work; a second one ends at once. Either way, the same command goes on
    from there. The exit code is 1 if any file failed.
    """
    given = {
        "output": output,
        "pattern": pattern,
        "format": output_format,
        "fit_on": fit_on,
        **models.given,
        **choice.given,
        **storage.given,
        **work.given,
    }
    from napari_blindspot.cli.batch import assemble, denoise_batch

    whole = assemble(
        inputs or [],
        job_file.job,
        given,
        existing.asked,
        chosen.preset,
        chosen.file,
        dict(chosen.overrides),
    )
    code = 0 if job_file.save_job else denoise_batch(whole)
    if job_file.save_job:
        from napari_blindspot.batch.job_file import save_job

        save_job(whole, job_file.save_job)
    if code:
        raise typer.Exit(code)


@app.command()
@sentences()
@with_groups
def noise(
    *,
    source: ImageArgument,
    choice: FileChoice,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="PNG to draw: variance over intensity, and the correlation of neighbours."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a picture that is there.")
    ] = False,
) -> None:
    """Measure the noise of an image, and say what the preset auto would do with it; takes seconds."""
    from napari_blindspot.cli.noise import report_noise

    report_noise(source, choice, as_json=as_json, picture=picture, overwrite=overwrite)


@app.command()
@sentences()
@with_groups
def repeat(
    *,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="An output of an earlier run.")],
    source: Annotated[
        Path | None,
        typer.Option("--input", metavar="PATH", help="Its input  [default: beside it, by its name]"),
    ] = None,
    choice: FileChoice,
    models: ModelOptions,
) -> None:
    """Run again what a result says of its run, and say whether the pixels agree; nothing is written.

    The exit code is 1 if they do not.
    """
    from napari_blindspot.cli.repeat import repeat_run
    from napari_blindspot.files.read_options import ReadOptions

    if not repeat_run(result, source, ReadOptions(**choice.given), models.model):
        raise typer.Exit(1)


@app.command("export-model")
@sentences()
def export_one(
    *,
    source: Annotated[Path, typer.Argument(metavar="MODEL", help="A model, as --save-model writes it.")],
    output: Annotated[
        Path | None, typer.Argument(metavar="OUTPUT", help="ZIP to write  [default: beside the model]")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the model  [default: by the image it was fitted to]")] = "",
    author: Annotated[str, typer.Option(help="Who fitted it.")] = "",
    licence: Annotated[str, typer.Option(help="Of the model, by its SPDX identifier.")] = "CC-BY-4.0",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the U-Net of a model for the BioImage Model Zoo, as TorchScript with its description.

    Other programs run it without this package, one plane at a time. It does less than --model: nothing of
    an image is measured, mended or set right.
    """
    from napari_blindspot.cli.export import export_file

    path = export_file(source, output, name=name, author=author, licence=licence, overwrite=overwrite)
    print(path)


@app.command()
@sentences()
@with_groups
def report(
    *,
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A noisy image, or the folder of a batch's results.")
    ],
    result: Annotated[
        Path | None, typer.Argument(metavar="RESULT", help="Its denoised image; none for a folder.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="HTML to write  [default: beside the result]"),
    ] = None,
    choice: FileChoice,
    others: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Other denoisers beside the result, with scores on hidden pixels; takes a fit a plane.",
        ),
    ] = False,
    resolution: Annotated[
        bool | None,
        typer.Option(
            "--resolution/--no-resolution",
            help="Resolution after denoising, too; takes two fits a plane.  [default: not for a folder]",
            show_default=False,
        ),
    ] = None,
    models: ModelOptions,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there.")] = False,
) -> None:
    """Show what was removed, how sure the result is, and why, on one HTML page with all in it."""
    from napari_blindspot.cli.report import write_inspection
    from napari_blindspot.files.read_options import ReadOptions

    page = write_inspection(
        source,
        result,
        output,
        ReadOptions(**choice.given),
        overwrite=overwrite,
        others=others,
        resolution=resolution,
        model=models.model,
    )
    print(page)


@app.command()
@sentences()
def demo(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for the files; made if it is not there."
        ),
    ] = Path("napari-blindspot-demo"),
    seed: Annotated[int, typer.Option(help="Seed of the synthetic image and of the fit.")] = 0,
) -> None:
    """Make a synthetic confocal image with known truth, denoise it and compare; under two minutes."""
    from napari_blindspot.cli.demo import run_demo

    run_demo(output, seed)


@app.command()
@sentences()
def doctor() -> None:
    """Show what a bug report needs: versions, devices, memory, and whether a tiny fit works."""
    from napari_blindspot.cli.doctor import examine

    works = examine()
    if not works:
        raise typer.Exit(DEVICE_FAILED)
