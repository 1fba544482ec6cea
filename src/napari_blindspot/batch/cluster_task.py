"""What a worker of a cluster does: fit a group of planes, or put the planes of a file together."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_blindspot.batch.items import kept_in_words
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError, DeviceError, FileError, OutOfMemoryError
from napari_blindspot.jobs.existing import FileOutcome, finished_record
from napari_blindspot.jobs.file_run import FileRun
from napari_blindspot.jobs.plane_store import PlaneStore

if TYPE_CHECKING:
    from napari_blindspot.jobs.file_job import FileJob

__all__ = ["STATE_INTERVAL", "fit_group", "put_together"]

STATE_INTERVAL = 1.0
"""Seconds between two questions whether the batch is to pause, stop or end."""


def fit_group(
    job: FileJob, version: str, run: str, planes: list[tuple[int, ...]], state: str
) -> FileOutcome | None:
    """Fit those planes of a group that are not finished, and keep each.

    Parameters
    ----------
    job : FileJob
        The file.
    version : str
        Its digest, as the one sees it who hands out the work.
    run : str
        That of the `PlaneStore` which was opened before.
    planes
        The group; see `napari_blindspot.jobs.file_run.FileRun.groups`.
    state : str
        Name of the Dask variable that says whether the batch is to run, pause, stop or be cancelled.

    Returns
    -------
    FileOutcome or None
        Why the file cannot be denoised, if it cannot. What another attempt may mend is raised instead.
    """
    control = Control()
    switch = _Switch(state, control)
    try:
        image = job.open()
        if job.digest(image) != version:
            raise FileError(
                f"A worker of the cluster sees another version of {job.source}, or has another version of "
                "napari-blindspot; both must be the same on all machines."
            )
        switch.ask()
        for _ in FileRun(job, image, PlaneStore(job.output, run)).fit(control, planes):
            switch.ask_now_and_then()
    except (DeviceError, OutOfMemoryError):
        raise
    except BlindspotError as error:
        return FileOutcome.of_error(error)
    return None


def put_together(job: FileJob, run: str, problems: list[FileOutcome | None]) -> FileOutcome:
    """Write the output of a file whose groups are all through.

    Parameters
    ----------
    job : FileJob
        The file.
    run : str
        As for `fit_group`.
    problems : list of FileOutcome or None
        What `fit_group` returned for each group.
    """
    try:
        image = job.open()
        there = FileRun(job, image, PlaneStore(job.output, run))
        if not there.store.folder.is_dir():
            # Another worker has done this and died before it could say so.
            record = finished_record(job, image)
            if record is not None:
                return FileOutcome("done", record=record)
        there.store.check_run()
        record = there.record(there.done)
        problem = next(filter(None, problems), None)
        if problem is not None:
            return replace(problem, record=record)
        finished, planes = len(record.planes), len(there.indices)
        if finished < planes:
            return FileOutcome("stopped", kept_in_words(finished, planes), record)
        return FileOutcome("done", record=there.write())
    except BlindspotError as error:
        return FileOutcome.of_error(error)


class _Switch:
    """Turns what the batch wants of all workers into the control of the fit at work."""

    def __init__(self, name: str, control: Control) -> None:
        from distributed import Variable, get_client

        self._variable = Variable(name, client=get_client())
        self._control = control
        self._asked = 0.0

    def ask_now_and_then(self) -> None:
        if time.monotonic() - self._asked >= STATE_INTERVAL:
            self.ask()

    def ask(self) -> None:
        self._asked = time.monotonic()
        state = self._variable.get(timeout=10)
        if state == "cancel":
            self._control.cancel()
        elif state == "stop":
            self._control.stop(after_plane=True)
        elif state == "pause":
            self._control.pause()
        else:
            self._control.resume()
