"""The command ``denoise``: one file in, one OME-TIFF or OME-Zarr out, plane by plane.

What the file's metadata, the settings and the disk tell to be wrong is said before the first fit, because a
fit takes minutes; pixels are looked at when the turn of their plane comes. The steps from the file to its
output are those of `napari_blindspot.jobs`; here is what the user is told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_blindspot.cli.display import display_of
from napari_blindspot.cli.exits import notice_with_flag, say
from napari_blindspot.cli.interrupt import interrupts
from napari_blindspot.cli.outputs import default_output, partial_name
from napari_blindspot.cli.progress import FitTeller
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError, CancelledError, SettingsError
from napari_blindspot.core.words import duration, sentence
from napari_blindspot.files.model_file import load_model
from napari_blindspot.files.read_options import ReadOptions
from napari_blindspot.files.write_options import WriteOptions
from napari_blindspot.jobs.existing import check_room, reserved
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.jobs.file_run import FileRun

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.jobs.record import FileRecord
    from napari_blindspot.settings import Settings

__all__ = ["denoise_file", "job_of"]


def job_of(
    source: Path,
    settings: Settings,
    *,
    output: Path | None = None,
    inr_output: Path | None = None,
    read: ReadOptions | None = None,
    write: WriteOptions | None = None,
    overwrite: bool = False,
    model: Path | None = None,
    save_model: Path | None = None,
) -> FileJob:
    """Make a job of the words of a command line; what is not given is as usual.

    Parameters
    ----------
    source : Path
        The image.
    settings : Settings
        Of every plane's fit.
    output, inr_output : Path, optional
        The result, by default beside the input, and the INR's image, by default not written.
    read, write
        As in `FileJob`.
    overwrite : bool
        Whether outputs that are there are replaced, rather than refused.
    model, save_model : Path, optional
        A model to apply instead of fitting, and where to save one.

    Raises
    ------
    FileError
        If the model cannot be read.
    SettingsError
        If the settings say something else than the model's, or a model is to be applied and saved.
    """
    if model is not None:
        if save_model is not None:
            raise SettingsError(
                "A model is applied, so that none is fitted which could be saved; leave one of them out."
            )
        loaded = load_model(model)
        say(f"Applying {model.name}. {loaded.in_words}")
        settings = loaded.applied_settings(settings)
    outputs = {"denoised": output or default_output(source)}
    if inr_output is not None:
        outputs["inr"] = inr_output
    return FileJob(
        source=source,
        outputs=outputs,
        settings=settings,
        read=read or ReadOptions(),
        write=write or WriteOptions(),
        existing="renew" if overwrite else "refuse",
        models=() if model is None else (model,),
        save_model=save_model,
    )


def denoise_file(job: FileJob) -> bool:
    """Denoise every plane of a file.

    Returns
    -------
    bool
        Whether every plane has a result and the output was written. When a stack was stopped or failed
        before its end, the planes that were finished are in `partial_name` instead, as float32 with NaN
        for the others: under the output's own name there is never less than the whole. The same run,
        started again, goes on after the planes that were finished.

    Raises
    ------
    BlindspotError
        For whatever is wrong with the file, the settings, the outputs or the device.
    CancelledError
        After a second Ctrl-C; nothing was written.
    """
    job.check_outputs()
    image = job.open()
    said = [sentence(notice) for notice in image.notices]
    for notice in image.notices:
        say(notice_with_flag(notice))
    with reserved(job) as notices:
        for notice in notices:
            say(notice_with_flag(notice))
        # A run that held them may just have ended.
        job.check_outputs()
        # To read and measure a large plane takes as long as a user waits, and so do many planes or chunks.
        count, (height, width) = math.prod(image.shape[:-2]), image.shape[-2:]
        whole = "a plane" if count == 1 else f"{count} planes"
        order = ", one after another" if count > 1 else ""
        say(f"Denoising {whole} of {height}×{width} pixels{order}.")
        check_room(job, image)
        return _fit_and_write(FileRun.open(job, image), said)


def _fit_and_write(run: FileRun, said: list[str]) -> bool:
    """Fit the planes that have no result yet, and write and say what came of it."""
    control, teller = Control(), FitTeller(len(run.indices) - len(run.done))
    resumed = bool(run.done)
    if resumed:
        say(f"Going on after {len(run.done)} of {len(run.indices)} planes, kept by an earlier run.")
    failure: BlindspotError | None = None
    try:
        with display_of(teller) as display, interrupts(control, display.tell):
            for event in run.fit(control):
                display.show(event)
    except BlindspotError as error:
        failure = error
    if control.cancelled:
        if not resumed:
            run.store.discard()
        raise CancelledError("Cancelled; nothing was written.")
    # A plane whose fit was stopped counts here, too: the user wanted to see it.
    complete = failure is None and len(run.records) == len(run.indices)
    record = run.write() if complete else run.record()
    for warning in record.warnings:
        if warning not in (*said, *teller.said):
            say(warning)
    if complete:
        _tell_outcome(run.job, record)
        return True
    if record.planes:
        say(_write_partial(run, len(record.planes)))
    if failure is not None:
        raise failure
    return False


def _write_partial(run: FileRun, finished: int) -> str:
    """Write the planes that have a result, and return the sentence that says so."""
    path, planes = run.write_partial(partial_name(run.job.output)), len(run.indices)
    return (
        f"Only {finished} of {planes} planes have a result; they were written to {path} "
        f"(float32, the other {planes - finished} are NaN), and nothing was written to "
        f"{run.job.output}. The same command again goes on after them."
    )


def _tell_outcome(job: FileJob, record: FileRecord) -> None:
    """Say how long it took and how large the outputs are, and print their names."""
    if record.stopped:
        last = record.planes[-1]
        say(f"Stopped after {last.iterations} of {last.planned_iterations} iterations; the result is kept.")
    say(f"Took {duration(record.seconds)} on {', '.join(record.devices)}.")
    if record.size is not None:
        say(notice_with_flag(record.size))
    if job.save_model is not None:
        say(f"The model is {job.save_model}.")
    for path in job.outputs.values():
        print(record.place_of(path))
