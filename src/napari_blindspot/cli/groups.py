"""The groups of options that several commands share, or that belong together; and which option says what.

The options of a fit are made from its settings, in `napari_blindspot.cli.options`.
"""

# Without `from __future__ import annotations`: typer reads them when the commands are made.

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_blindspot.cli.options import OptionGroup, SettingsOptions
from napari_blindspot.files.write_options import COMPRESSIONS, NGFF_VERSIONS
from napari_blindspot.settings import setting_fields

__all__ = [
    "ExistingOutputs",
    "FileChoice",
    "JobFileOptions",
    "ModelOptions",
    "Storage",
    "WorkerOptions",
    "flag_of",
]


@dataclass(eq=False, repr=False)
class FileChoice(OptionGroup):
    """Which pixels of a file are taken."""

    channel: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Only one channel, counted from 0  [default: each on its own]"),
    ] = None
    series: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Which image of a file with several, counted from 0."),
    ] = None
    axes: Annotated[
        str | None,
        typer.Option(
            metavar="LETTERS",
            help="What the axes are, such as TZCYX, if a file does not say it or is wrong.",
        ),
    ] = None
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER:LETTER",
            help="Part an axis on which images stand in turn: 2:C for two channels.",
        ),
    ] = None
    voxel_size: Annotated[
        str | None,
        typer.Option(metavar="Z,Y,X", help="Distances in µm, if a file does not say them or is wrong."),
    ] = None


@dataclass(eq=False, repr=False)
class Storage(OptionGroup):
    """How the pixels of an output are stored."""

    compression: Annotated[
        str | None,
        typer.Option(metavar="|".join(COMPRESSIONS), help="Of the outputs' pixels  [default: zlib]"),
    ] = None
    pyramid: Annotated[
        bool | None,
        typer.Option("--pyramid", help="Add smaller levels, for viewers of large planes."),
    ] = None
    ngff: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(NGFF_VERSIONS),
            help="Version of OME-Zarr; older programs need 0.4  [default: 0.5]",
        ),
    ] = None


@dataclass(eq=False, repr=False)
class ExistingOutputs(OptionGroup):
    """What becomes of outputs that are there."""

    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what an earlier run has begun  [default]")
    ] = False
    skip: Annotated[bool, typer.Option("--skip", help="Leave alone every output that is there.")] = False
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Begin anew and replace what is there; with --resume only outputs of other runs.",
        ),
    ] = False

    @property
    def asked(self) -> dict[str, bool]:
        """Which ways were asked for, by name."""
        return {"resume": self.resume, "skip": self.skip, "overwrite": self.overwrite}


@dataclass(eq=False, repr=False)
class ModelOptions(OptionGroup):
    """A model that is applied instead of fitting."""

    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Apply a model of --save-model or save(); nothing is fitted."),
    ] = None


@dataclass(eq=False, repr=False)
class WorkerOptions(OptionGroup):
    """Where the files of a batch are computed."""

    workers: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Processes on this machine  [default: 1, without a cluster]"),
    ] = None
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster to run on.")
    ] = None


@dataclass(eq=False, repr=False)
class JobFileOptions(OptionGroup):
    """A batch as a file."""

    job: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Do what a job file says; other options overrule it."),
    ] = None
    save_job: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all this as a job file and do not run it.")
    ] = None


GROUPS: tuple[type[OptionGroup], ...] = (
    FileChoice,
    SettingsOptions,
    ModelOptions,
    Storage,
    ExistingOutputs,
    WorkerOptions,
    JobFileOptions,
)


def flag_of(setting: str) -> str | None:
    """Return the option that says a setting, such as ``--series NUMBER``; None if there is none."""
    for parameter in (parameter for group in GROUPS for parameter in group.parameters()):
        if parameter.name == setting:
            option = parameter.annotation.__metadata__[0]
            flag = _flags(setting, option)[0]
            return f"{flag} {option.metavar}" if option.metavar else flag
    return f"--set {setting}=VALUE" if setting in setting_fields() else None


def _flags(name: str, option: Any) -> list[str]:
    """Return the names that an option of typer was given, or the one that typer gives it."""
    # The first name that is given to typer's `Option` arrives as its default.
    given = [text for text in (option.default, *(option.param_decls or ())) if isinstance(text, str)]
    long = [flag for text in given for flag in text.split("/") if flag.startswith("--")]
    return long or [f"--{name.replace('_', '-')}"]
