"""A batch on a Dask cluster: what is handed out, what comes back, and how far it is meanwhile.

One task is a group of planes that share networks, or a share of those that do not; one more for each file
puts its planes together. Workers read the inputs and write the results themselves, by the same paths as
here: what travels through the scheduler are names and numbers. What a worker does is in
`batch.cluster_task`, how a cluster is reached or started in `batch.cluster_client`.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.batch.cluster_client import connected
from napari_blindspot.batch.cluster_task import fit_group, put_together
from napari_blindspot.batch.item_events import ItemChanged
from napari_blindspot.batch.items import OPEN
from napari_blindspot.core.errors import DeviceError
from napari_blindspot.jobs.existing import FileOutcome, earlier, reserved
from napari_blindspot.jobs.file_run import FileRun

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch, Item
    from napari_blindspot.core.control import Control

__all__ = ["run_on_cluster"]

RETRIES = 2
"""How often a task that failed is tried again; a worker that dies is another matter, and Dask's own."""

SHARES = 4
"""Into how many tasks a worker's part of a file is cut where planes need not one another."""

AT_ONCE = 128
"""Files that are with the cluster at the same time: each of them is locked, and needs an open file."""

POLL_INTERVAL = 0.5
"""Seconds between two looks at the cluster and the disk."""

LAST_PATIENCE = 15.0
"""Seconds that workers have to notice that the batch was cancelled."""


def run_on_cluster(batch: Batch, control: Control) -> Generator[BatchEvent, None, None]:
    """Denoise the files of a batch on a cluster; see `napari_blindspot.batch.run.run_batch`.

    Yields
    ------
    BatchEvent
        `ItemChanged` only: what a fit has to say stays with its worker.

    Raises
    ------
    DeviceError
        If Dask is not installed, or the cluster cannot be reached or started.
    """
    with connected(batch.options) as client:
        yield from _Handout(batch, control, client).events()


class _Handout:
    """The tasks of a batch that are with a cluster."""

    def __init__(self, batch: Batch, control: Control, client: Any) -> None:
        from distributed import Variable

        self.batch = batch
        self.control = control
        self.client = client
        self.state = Variable(client=client)
        self.told = ""
        self.runs: dict[int, FileRun] = {}
        self.fits: dict[int, list[Any]] = {}
        self.results: dict[int, Any] = {}
        self.locks: dict[int, contextlib.ExitStack] = {}
        self.cancelled_at = math.inf

    def events(self) -> Iterator[BatchEvent]:
        self._tell()
        try:
            workers = max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))
            waiting = deque(number for number, item in enumerate(self.batch.items) if item.state in OPEN)
            while waiting or self.results:
                while waiting and len(self.results) < AT_ONCE and not self.control.ending:
                    number = waiting.popleft()
                    outcome = self._hand_out(number, workers)
                    if outcome is not None:
                        yield self._changed(number, self.batch.items[number].ended(outcome))
                if not self.results or time.monotonic() > self.cancelled_at + LAST_PATIENCE:
                    break
                yield from self._look()
                self._tell()
                time.sleep(POLL_INTERVAL)
        finally:
            # Whoever leaves early, by an error too, leaves no worker busy with what nobody waits for.
            if self.results:
                self._set("cancel")
            for held in self.locks.values():
                held.close()

    def _hand_out(self, number: int, workers: int) -> FileOutcome | None:
        """Submit the tasks of a file; return what became of it where there is nothing to submit."""
        try:
            with contextlib.ExitStack() as held:
                job = self.batch.job(number)
                held.enter_context(reserved(job, make_folder=True))
                image = job.open()
                there = earlier(job, image)
                if there is not None:
                    return there
                run = FileRun.open(job, image)
                groups = run.groups(math.ceil(len(run.indices) / (workers * SHARES)))
                version = job.digest(image)
                self.locks[number] = held.pop_all()
        except Exception as error:
            return FileOutcome.of_error(error)
        common = {"pure": False, "retries": RETRIES}
        fits = [
            self.client.submit(
                fit_group,
                *(job, version, run.store.run, planes, self.state.name),
                priority=-number,
                **common,
            )
            for planes in groups
        ]
        # Here only its records are looked at: pixels of many files would not fit into memory.
        blank = replace(image, array=np.broadcast_to(np.zeros((), image.dtype), image.shape))
        self.runs[number], self.fits[number] = FileRun(job, blank, run.store), fits
        self.results[number] = self.client.submit(
            put_together, job, run.store.run, fits, priority=-number + 1, **common
        )
        return None

    def _look(self) -> Iterator[BatchEvent]:
        """Say what has changed since the last look."""
        if self.client.status != "running":
            raise DeviceError(
                "The scheduler of the Dask cluster cannot be reached any more; finished planes are kept."
            )
        busy = {key for keys in self.client.processing().values() for key in keys}
        for number, result in list(self.results.items()):
            if result.done():
                del self.results[number], self.fits[number], self.runs[number]
                self.locks.pop(number).close()
                yield self._changed(number, self.batch.items[number].ended(_outcome(result)))
                continue
            item, run = self.batch.items[number], self.runs[number]
            try:
                record = run.record(run.done)
            except OSError:
                # The last step has removed the planes, and will be done at the next look.
                continue
            running = item.state == "running" or any(fit.key in busy for fit in self.fits[number])
            if running and (item.state != "running" or len(record.planes) != item.finished):
                yield self._changed(number, item.ended(FileOutcome("running", record=record)))

    def _changed(self, number: int, item: Item) -> ItemChanged:
        self.batch.items[number] = item
        return ItemChanged(number, item)

    def _tell(self) -> None:
        """Pass on what the user wants; workers ask for it every now and then."""
        wanted = "cancel" if self.control.cancelled else "stop" if self.control.ending else ""
        self._set(wanted or ("pause" if self.control.paused else "run"))

    def _set(self, state: str) -> None:
        if state != self.told and self.client.status == "running":
            self.state.set(state)
            self.told = state
            if state == "cancel":
                self.cancelled_at = time.monotonic()


def _outcome(result: Any) -> FileOutcome:
    """Return what became of a file."""
    try:
        outcome: FileOutcome = result.result()
    except Exception as error:
        if type(error).__name__ != "KilledWorker":
            return FileOutcome.of_error(error)
        reason = "The workers that were given this file died, one after another; finished planes are kept."
        return FileOutcome("failed", reason)
    return outcome
