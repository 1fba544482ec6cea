"""Outputs that are there: who may write them, and what they mean for a job that would.

Finished planes of outputs that are not there yet belong to `napari_blindspot.jobs.file_run`.
"""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from napari_blindspot.core.errors import BlindspotError, FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import error_sentence
from napari_blindspot.files.door import read_record
from napari_blindspot.files.names import beside_names, check_length
from napari_blindspot.files.output_lock import locked
from napari_blindspot.files.safe_write import check_writable, size_on_disk
from napari_blindspot.jobs.file_job import digest_of, is_zarr_name
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.jobs.record import FileRecord, kept_beside, output_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.jobs.file_job import FileJob

__all__ = [
    "FileOutcome",
    "State",
    "check_room",
    "earlier",
    "finished_record",
    "own_output",
    "reserved",
    "with_size",
]

State = Literal["waiting", "running", "done", "failed", "skipped", "stopped"]


@contextlib.contextmanager
def reserved(job: FileJob, *, make_folder: bool = False) -> Iterator[tuple[Notice, ...]]:
    """Keep other runs from writing the outputs of a job while the block lasts.

    A store in which no plane was finished is removed at the end.

    Parameters
    ----------
    job : FileJob
        Whose outputs.
    make_folder : bool
        Whether their folders are made if they are not there.

    Yields
    ------
    tuple of Notice
        What the user ought to know, such as that there is no lock.

    Raises
    ------
    FileError
        If they cannot be written, their names are too long, or another run is at work on one of them.
    """
    for path in job.outputs.values():
        check_length(path)
        if make_folder:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or str(error)
                raise FileError(
                    f"Cannot make the folder {path.parent}: {reason}; choose another output folder."
                ) from error
    with locked(*job.outputs.values()) as notices:
        try:
            yield notices
        finally:
            PlaneStore(job.output).discard_if_empty()


def check_room(job: FileJob, image: ImageFile) -> None:
    """Look whether outputs can be written, and whether there is room for them and for the kept planes.

    Both are there for a moment at the end.

    Raises
    ------
    FileError
        If there is not.
    """
    size = math.prod(image.shape) * job.dtype(image).itemsize
    # What an earlier run has kept is used, or makes room.
    to_keep = len(job.outputs) * size - PlaneStore(job.output).size
    for path in job.outputs.values():
        needed = size + (max(0, to_keep) if path == job.output else 0)
        check_writable(path, needed, folder=is_zarr_name(path))


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of a file.

    Attributes
    ----------
    state : str
        One of `State`.
    reason : str
        Why it failed, was skipped or stopped, or is done already; one sentence.
    record : FileRecord or None
        What is to be known of the planes that are finished; None if nobody has looked.
    setting : str or None
        What the user could say to mend a failure; see `napari_blindspot.core.errors.BlindspotError`.
    """

    state: State
    reason: str = ""
    record: FileRecord | None = None
    setting: str | None = None

    @classmethod
    def of_error(cls, error: Exception) -> FileOutcome:
        """Return what an exception means to the user."""
        setting = error.setting if isinstance(error, BlindspotError) else None
        return cls("failed", error_sentence(error), setting=setting)


def earlier(job: FileJob, image: ImageFile) -> FileOutcome | None:
    """Say what outputs that are there mean for a job that is `reserved`; None if there is something to do.

    Raises
    ------
    FileError
        If one is in the way.
    """
    if job.existing in ("overwrite", "renew") or not os.path.lexists(job.output):
        return None
    if job.existing == "skip":
        return FileOutcome("skipped", f"{job.output.name} is there already.")
    record = finished_record(job, image)
    if record is None and os.path.lexists(beside_names(job.output, 2)[0]):
        record = _kept_record(job, image)
    if record is None and job.existing == "replace":
        return None
    if record is None:
        version = f" as OME-Zarr {job.write.ngff}" if is_zarr_name(job.output) else ""
        raise FileError(
            f"The output {job.output} is there already and is not of this input with these settings"
            f"{version}; overwrite or skip what exists, or choose another output folder.",
            setting="existing",
        )
    # A run that was killed after its last step has left the planes behind.
    PlaneStore(job.output).discard()
    return FileOutcome("done", "It was done by an earlier run.", record)


def own_output(job: FileJob, image: ImageFile) -> tuple[FileJob, tuple[Notice, ...]]:
    """Give a job with one output the first name that is free or has its own planes already.

    Returns
    -------
    job : FileJob
        With an output beside those of other pixels.
    notices : tuple of Notice
        ``output-of-another`` where the name that was wanted is that of another source, or other settings.

    Raises
    ------
    FileError
        If all names are taken, or what is there cannot be read.
    """
    wanted = job.output
    for path in (wanted, *beside_names(wanted)):
        tried = replace(job, outputs={"denoised": path})
        store = PlaneStore(path)
        begun = store.fingerprint if store.is_begun else None
        if begun is not None:
            is_own = digest_of(begun) == tried.digest(image)
        else:
            is_own = not os.path.lexists(path) or finished_record(tried, image) is not None
        if is_own:
            values = {"output": wanted.name, "path": path.name}
            return tried, () if path == wanted else (Notice("output-of-another", values),)
    raise FileError(f"All names beside {wanted} are taken: choose another folder for the results.")


def finished_record(job: FileJob, image: ImageFile) -> FileRecord | None:
    """Return the record of the outputs, if all are whole, of this very job and as it would write them."""
    records = [_record_of(path, job, image) for path in job.outputs.values()]
    first = records[0]
    return None if first is None or None in records else with_size(first, job, image)


def _kept_record(job: FileJob, image: ImageFile) -> FileRecord | None:
    """Return the record of outputs of this job that were kept beside what could not be replaced."""
    moved, first = [], None
    for output in job.outputs.values():
        for path in (output, *beside_names(output, 9)):
            record = _record_of(path, job, image) if os.path.lexists(path) else None
            if record is not None:
                first = first or record
                moved += [kept_beside(output, path)] if path != output else []
                break
        else:
            return None
    if first is None:
        return None
    return with_size(first, job, image, moved)


def with_size(
    record: FileRecord, job: FileJob, image: ImageFile, moved: Iterable[Notice] = ()
) -> FileRecord:
    """Return the record of outputs that are written, with what is to be said of their places and size."""
    # Not a copy of the record, which would take over what it has worked out without these notices.
    there = FileRecord(planes=record.planes, reading=record.reading, run=record.run, written=tuple(moved))
    size = sum(size_on_disk(there.place_of(path)) for path in job.outputs.values())
    notice = output_size(size, size_on_disk(job.source), image.dtype, job.dtype(image))
    return there.model_copy(update={"written": (*there.written, notice)})


def _record_of(path: Path, job: FileJob, image: ImageFile) -> FileRecord | None:
    """Return the record of a file, if it is a whole output of a job."""
    try:
        values = read_record(path)
    except BlindspotError:
        return None
    if values.get("ngff", job.write.ngff) != job.write.ngff:
        return None
    record = FileRecord.read(values)
    is_this = record is not None and not record.stopped and record.run == job.digest(image)
    return record if is_this else None
