"""The command ``batch``: many files, in this process or on a cluster, with a report at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.api import resolve_settings
from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.job_file import BatchJob, load_job
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.batch.run import run_batch
from napari_blindspot.cli.batch_progress import BatchTeller
from napari_blindspot.cli.display import display_of
from napari_blindspot.cli.exits import INTERRUPTED, notice_with_flag, say, with_flag
from napari_blindspot.cli.interrupt import interrupts
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError, SettingsError
from napari_blindspot.files.door import read_settings

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["assemble", "denoise_batch"]

SOME_FAILED = 1
"""Exit code when the report names files that failed."""

_STOPPING = (
    "Stopping after the planes at work; what is finished is kept (press Ctrl-C again not to wait for them)."
)
_CANCELLING = "Ending at once; planes that are finished are kept."


def assemble(
    inputs: list[str],
    job_file: Path | None,
    given: dict[str, Any],
    existing: dict[str, bool],
    preset: str | None,
    settings_file: Path | None,
    overrides: dict[str, Any],
) -> BatchJob:
    """Make a job of the words of a command line.

    Parameters
    ----------
    inputs : list of str
        Files, folders and patterns.
    job_file : Path or None
        Where to begin; everything else overrules it.
    given : dict
        Fields of `BatchOptions`, None where nothing was said.
    existing : dict of str to bool
        Which ways to treat outputs that are there were asked for; resume and overwrite together are
        ``replace``.
    preset, settings_file, overrides
        Of the fits, as for the command ``denoise``.

    Raises
    ------
    SettingsError
        If something is missing, contradicts itself or is out of range.
    FileError
        If the job file or the settings cannot be read.
    """
    wanted = [name for name, flag in existing.items() if flag]
    if wanted == ["resume", "overwrite"]:
        wanted = ["replace"]
    if len(wanted) > 1:
        raise SettingsError(f"Both --{wanted[0]} and --{wanted[1]} were given; give one of them.")
    changes = {name: value for name, value in given.items() if value is not None}
    if wanted:
        changes["existing"] = wanted[0]
    job = None if job_file is None else load_job(job_file)
    usual = "ome-tiff" if job is None else job.format
    if "ngff" in changes and changes.get("format", usual) != "ome-zarr":
        raise SettingsError(
            f"The version {changes['ngff']} of OME-Zarr was chosen, but the results are to be "
            f"{changes.get('format', usual)}; choose ome-zarr.",
            setting="format",
        )
    if job is not None and inputs:
        raise SettingsError("Both inputs and a job file were given; the job file names the inputs.")
    if job is None and not inputs:
        raise SettingsError("There is nothing to denoise; give files, folders or patterns, or --job FILE.")
    if job is None and "output" not in changes:
        raise SettingsError("There is no folder for the results; name one with --output FOLDER.")
    earlier = None if job is None else job.settings
    if preset is not None:
        earlier = None
    if settings_file is not None:
        earlier = read_settings(settings_file)
    changes["settings"] = resolve_settings(preset, earlier, overrides)
    # Who names one of them on the command line does not want the other of a job file.
    if "model" in changes or "fit_on" in changes:
        changes = {"model": None, "fit_on": None, **changes}
    if job is None:
        return BatchJob(inputs=inputs, **changes)
    return BatchJob(**{**{name: getattr(job, name) for name in BatchJob.model_fields}, **changes})


def denoise_batch(job: BatchJob) -> int:
    """Do a job and say what became of it.

    Parameters
    ----------
    job : BatchJob
        Inputs and options.

    Returns
    -------
    int
        The exit code: 0 if every file is done or was skipped, 1 if any failed, 130 if the batch was
        interrupted before its end.

    Raises
    ------
    BlindspotError
        If there is nothing to do, or a cluster cannot be used.
    """
    batch = job.plan()
    control = Control()
    report = BatchReport(batch)
    with (
        display_of(BatchTeller(batch)) as display,
        interrupts(control, display.tell, after_plane=True, stopping=_STOPPING, cancelling=_CANCELLING),
    ):
        for event in run_batch(batch, control, report=report):
            display.show(event)
    for item in batch.items:
        if item.state == "done":
            print(item.output)
    for item in batch.failures:
        reason = with_flag(BlindspotError(item.reason, setting=item.setting))
        say(f"Failed: {item.source}: {reason}")
    for path in batch.models:
        say(f"Applied the model {path}.")
    for notice in batch.findings:
        say(notice_with_flag(notice))
    say(f"{batch.in_words}.")
    if batch.size is not None:
        say(notice_with_flag(batch.size))
    say(report.problem or f"The report is {report.page}.")
    if control.ending and any(item.state in OPEN for item in batch.items):
        anew = batch.options.existing == "overwrite"
        say(f"Start the same {'with --resume --overwrite' if anew else 'again'} to go on.")
        return INTERRUPTED
    return SOME_FAILED if batch.failures or report.problem else 0
