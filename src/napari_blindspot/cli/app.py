"""The command line: options and their help. What the commands do is in `napari_blindspot.commands`.

Nothing here imports torch before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_blindspot.benchmark.cli import app as benchmark
from napari_blindspot.settings import DEFAULT_PRESET, PRESETS

__all__ = ["app"]

app = typer.Typer(
    name="napari-blindspot",
    help="Zero-shot denoising of fluorescence images: one noisy image in, a clean one out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Preset = Annotated[
    str | None, typer.Option(help=f"One of: {', '.join(PRESETS)}  [default: {DEFAULT_PRESET}]")
]
SettingsFile = Annotated[
    Path | None, typer.Option(help="Repeat an earlier run: its OME-TIFF, or a JSON file of settings.")
]
Iterations = Annotated[int | None, typer.Option(help="Steps of the fit  [default: as the preset]")]
Seed = Annotated[int | None, typer.Option(help="Same seed, settings and device: same pixels  [default: 0]")]
Device = Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu  [default: auto]")]
Channel = Annotated[
    int | None, typer.Option(help="Only one channel, counted from 0  [default: each on its own]")
]
Series = Annotated[int | None, typer.Option(help="Which image of a file with several, counted from 0.")]
Axes = Annotated[
    str | None,
    typer.Option(help="What the axes are, such as TZCYX, if a file does not say it or is wrong."),
]
Planes = Annotated[
    str | None,
    typer.Option(
        help="What the fit of a stack's plane starts from: warm (the plane before), shared (one fit "
        "for all) or anew  [default: warm]"
    ),
]
Neighbours = Annotated[
    int | None,
    typer.Option(
        help="How many planes of a stack on each side are looked at as well, if their noise is "
        "independent  [default: 0]"
    ),
]
MendDefects = Annotated[
    bool | None,
    typer.Option(
        "--mend-defects/--keep-defects",
        help="Whether hot and dead pixels are predicted from the others, and offsets of whole rows or "
        "columns taken out  [default: mended, not in paper]",
    ),
]
UnetStart = Annotated[
    str | None,
    typer.Option(
        help="Weights that the U-Net starts from: pretrained on synthetic images, or random  [default: "
        "pretrained, random in paper]"
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="float32, or input: rounded and clipped to the dtype of the input  [default: float32]"
    ),
]


app.add_typer(benchmark, name="benchmark")


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        from napari_blindspot import __version__

        typer.echo(f"napari-blindspot {__version__}")
        raise typer.Exit


@app.command()
def denoise(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="TIFF, OME-TIFF, PNG, OME-Zarr, CZI, LIF or ND2.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="OME-TIFF or OME-Zarr to write  [default: <stem>_denoised.ome.tif beside it]",
        ),
    ] = None,
    preset: Preset = None,
    settings: SettingsFile = None,
    iterations: Iterations = None,
    seed: Seed = None,
    device: Device = None,
    channel: Channel = None,
    series: Series = None,
    axes: Axes = None,
    stack_start: Planes = None,
    neighbours: Neighbours = None,
    mend_defects: MendDefects = None,
    unet_weights: UnetStart = None,
    inr_output: Annotated[
        Path | None, typer.Option(help="Also write the image of the INR, as OME-TIFF or OME-Zarr.")
    ] = None,
    dtype: Dtype = None,
    compression: Annotated[str, typer.Option(help="Of the outputs: none, zlib or zstd.")] = "zlib",
    pyramid: Annotated[
        bool, typer.Option("--pyramid", help="Add smaller levels, for viewers of large planes.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there.")] = False,
) -> None:
    """Denoise an image; a stack plane by plane, each channel on its own.

    Ctrl-C stops the fit and keeps the best result so far; a second Ctrl-C discards it. Of a stack, the
    planes finished by then are kept in <output>_partial.ome.tif, and the same command goes on after them.
    """
    from napari_blindspot.api import resolve_settings
    from napari_blindspot.cli.denoise import denoise_file, job_of
    from napari_blindspot.cli.exits import INTERRUPTED, sentences
    from napari_blindspot.files.door import WriteOptions, read_settings

    given = {
        "iterations": iterations,
        "seed": seed,
        "device": device,
        "stack_start": stack_start,
        "neighbours": neighbours,
        "mend_defects": mend_defects,
        "unet_weights": unet_weights,
        "output_dtype": dtype,
    }
    with sentences():
        earlier = None if settings is None else read_settings(settings)
        resolved = resolve_settings(preset, earlier, given)
        options = WriteOptions(compression=compression, pyramid=pyramid)  # type: ignore[arg-type]
        job = job_of(
            source,
            resolved,
            output=output,
            inr_output=inr_output,
            series=series,
            axes=axes,
            channel=channel,
            write=options,
            overwrite=overwrite,
        )
        complete = denoise_file(job)
    if not complete:
        raise typer.Exit(INTERRUPTED)


@app.command()
def batch(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...", help="Files, folders with their subfolders, patterns in quotes."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the results and the report.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Which files of a folder, such as '*.tif'  [default: all images]")
    ] = None,
    axes: Axes = None,
    series: Series = None,
    channel: Channel = None,
    preset: Preset = None,
    settings: SettingsFile = None,
    stack_start: Planes = None,
    neighbours: Neighbours = None,
    mend_defects: MendDefects = None,
    unet_weights: UnetStart = None,
    iterations: Iterations = None,
    seed: Seed = None,
    device: Device = None,
    dtype: Dtype = None,
    output_format: Annotated[
        str | None, typer.Option("--format", help="ome-tiff or ome-zarr  [default: ome-tiff]")
    ] = None,
    compression: Annotated[str | None, typer.Option(help="none, zlib or zstd  [default: zlib]")] = None,
    pyramid: Annotated[
        bool | None, typer.Option("--pyramid", help="Also store smaller versions of the planes.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what an earlier run has begun  [default]")
    ] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave alone every output that is there.")] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Begin anew and replace what is there; with --resume only outputs of other runs.",
        ),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes on this machine  [default: 1, without a cluster]")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster to run on.")
    ] = None,
    job: Annotated[
        Path | None, typer.Option(help="Do what a job file says; other options overrule it.")
    ] = None,
    save_job: Annotated[
        Path | None, typer.Option(help="Write all this as a job file and do not run it.")
    ] = None,
) -> None:
    """Denoise many files; what is finished is kept at any moment, and a report says what is not.

    Ctrl-C stops after the plane at work; a second one ends at once. Either way, the same command goes on
    from there. The exit code is 1 if any file failed.
    """
    from napari_blindspot.cli.batch import assemble, denoise_batch
    from napari_blindspot.cli.exits import sentences

    of_settings = {
        "stack_start": stack_start,
        "neighbours": neighbours,
        "mend_defects": mend_defects,
        "unet_weights": unet_weights,
        "iterations": iterations,
        "seed": seed,
        "device": device,
        "output_dtype": dtype,
    }
    of_batch = {
        "output": output,
        "pattern": pattern,
        "axes": axes,
        "series": series,
        "channel": channel,
        "format": output_format,
        "compression": compression,
        "pyramid": pyramid,
        "workers": workers,
        "dask": dask,
    }
    with sentences():
        existing = {"resume": resume, "skip": skip, "overwrite": overwrite}
        whole = assemble(inputs or [], job, of_batch, existing, preset, settings, of_settings)
        code = 0 if save_job else denoise_batch(whole)
        if save_job:
            from napari_blindspot.batch.job_file import save_job as save

            save(whole, save_job)
    if code:
        raise typer.Exit(code)


@app.command()
def noise(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="TIFF, OME-TIFF or PNG file.")],
    channel: Annotated[
        int | None,
        typer.Option(help="Only one channel, counted from 0  [default: each of them]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="PNG to draw: variance over intensity, and the correlation of neighbours."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a picture that is there.")
    ] = False,
) -> None:
    """Measure the noise of an image, and say what the preset auto would do with it; takes seconds."""
    from napari_blindspot.cli.exits import sentences
    from napari_blindspot.cli.noise import report_noise

    with sentences():
        report_noise(source, channel, as_json=as_json, picture=picture, overwrite=overwrite)


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files; made if it is not there.")
    ] = Path("napari-blindspot-demo"),
    seed: Annotated[int, typer.Option(help="Seed of the synthetic image and of the fit.")] = 0,
) -> None:
    """Make a synthetic confocal image with known truth, denoise it and compare; under two minutes."""
    from napari_blindspot.cli.demo import run_demo
    from napari_blindspot.cli.exits import sentences

    with sentences():
        run_demo(output, seed)


@app.command()
def doctor() -> None:
    """Show what a bug report needs: versions, devices, memory, and whether a tiny fit works."""
    from napari_blindspot.cli.doctor import examine
    from napari_blindspot.cli.exits import DEVICE_FAILED

    if not examine():
        raise typer.Exit(DEVICE_FAILED)
