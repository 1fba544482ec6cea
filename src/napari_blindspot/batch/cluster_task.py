"""What a worker of a cluster does: fit a group of planes, or put the planes of a file together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from napari_blindspot.batch.file_steps import finish, fit_planes, open_source
from napari_blindspot.batch.summary import progress_of
from napari_blindspot.batch.work import digest, done_before, kept_in_words, sentence
from napari_blindspot.core.batch_control import BatchControl
from napari_blindspot.core.errors import BlindspotError, DeviceError, FileError, OutOfMemoryError
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from napari_blindspot.batch.work import Work

__all__ = ["STATE_INTERVAL", "fit_group", "put_together"]

STATE_INTERVAL = 1.0
"""Seconds between two questions whether the batch is to pause, stop or end."""


def fit_group(work: Work, version: str, run: str, planes: list[tuple[int, ...]], state: str) -> str:
    """Fit those planes of a group that are not finished, and keep each.

    Parameters
    ----------
    work : Work
        The file.
    version : str
        The `digest` of its fingerprint, as the one sees it who hands out the work.
    run : str
        That of the `PlaneStore` which was opened before.
    planes
        The group; see `batch.planes.tasks`.
    state : str
        Name of the Dask variable that says whether the batch is to run, pause, stop or be cancelled.

    Returns
    -------
    str
        Why the file cannot be denoised, or nothing. What another attempt may mend is raised instead.
    """
    control = BatchControl()
    switch = _Switch(state, control)
    try:
        if digest(work.fingerprint()) != version:
            raise FileError(
                f"A worker of the cluster sees another version of {work.source}, or has another version of "
                "napari-blindspot; both must be the same on all machines."
            )
        image = open_source(work)
        store = PlaneStore(work.output, run)
        switch.ask()
        for _ in fit_planes(work, image, store, planes, control):
            switch.ask_now_and_then()
    except (DeviceError, OutOfMemoryError):
        raise
    except BlindspotError as error:
        return sentence(error)
    return ""


def put_together(work: Work, run: str, problems: list[str]) -> dict[str, Any]:
    """Write the output of a file whose groups are all through.

    Parameters
    ----------
    work : Work
        The file.
    run : str
        As for `fit_group`.
    problems : list of str
        What `fit_group` returned for each group.

    Returns
    -------
    dict
        State, reason and what else is known, as changes of the item.
    """
    try:
        store = PlaneStore(work.output, run)
        if not store.folder.is_dir():
            # Another worker has done this and died before it could say so.
            done = done_before(work)
            if done is not None:
                return done
        store.check_run()
        image = open_source(work)
        progress = progress_of(store.records.values())
        planes = len(plane_indices(image.shape))
        problem = next(filter(None, problems), "")
        if problem:
            return {"state": "failed", "reason": problem, **progress}
        if progress["finished"] < planes:
            return {"state": "stopped", "reason": kept_in_words(progress["finished"], planes), **progress}
        return {"state": "done", "reason": "", **finish(work, image, store)}
    except BlindspotError as error:
        return {"state": "failed", "reason": sentence(error)}


class _Switch:
    """Turns what the batch wants of all workers into the control of the fit at work."""

    def __init__(self, name: str, control: BatchControl) -> None:
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
            self._control.stop()
        elif state == "pause":
            self._control.pause()
        else:
            self._control.resume()
