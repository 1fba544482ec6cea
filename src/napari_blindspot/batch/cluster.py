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
from typing import TYPE_CHECKING, Any

from napari_blindspot.batch.cluster_client import connected
from napari_blindspot.batch.cluster_task import fit_group, put_together
from napari_blindspot.batch.file_steps import open_source, open_store, reserved, tasks
from napari_blindspot.batch.item_events import ItemChanged
from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.summary import progress_of
from napari_blindspot.batch.work import Work, digest, sentence, verdict
from napari_blindspot.core.errors import BlindspotError, DeviceError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch
    from napari_blindspot.core.batch_control import BatchControl
    from napari_blindspot.jobs.plane_store import PlaneStore

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


def run_on_cluster(batch: Batch, control: BatchControl) -> Generator[BatchEvent, None, None]:
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
        yield from _Run(batch, control, client).events()


class _Run:
    """The tasks of a batch that are with a cluster."""

    def __init__(self, batch: Batch, control: BatchControl, client: Any) -> None:
        from distributed import Variable

        self.batch = batch
        self.control = control
        self.client = client
        self.state = Variable(client=client)
        self.told = ""
        self.stores: dict[int, PlaneStore] = {}
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
                while waiting and len(self.results) < AT_ONCE and not self.control.stopping:
                    number = waiting.popleft()
                    changes = self._hand_out(number, workers)
                    if changes is not None:
                        yield self._changed(number, changes)
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

    def _hand_out(self, number: int, workers: int) -> dict[str, Any] | None:
        """Submit the tasks of a file; return changes of its item where there is nothing to submit."""
        try:
            with contextlib.ExitStack() as held:
                work = Work.of(self.batch.items[number], self.batch.options)
                held.enter_context(reserved(work))
                there = verdict(work)
                if there is not None:
                    return there
                image = open_source(work)
                store = open_store(work, image)
                size = math.ceil(self.batch.items[number].planes / (workers * SHARES))
                groups = tasks(image, work.settings, size)
                version = digest(work.fingerprint())
                self.locks[number] = held.pop_all()
        except Exception as error:
            return {"state": "failed", "reason": sentence(error)}
        common = {"pure": False, "retries": RETRIES}
        fits = [
            self.client.submit(
                fit_group,
                *(work, version, store.run, planes, self.state.name),
                priority=-number,
                **common,
            )
            for planes in groups
        ]
        self.stores[number], self.fits[number] = store, fits
        self.results[number] = self.client.submit(
            put_together, work, store.run, fits, priority=-number + 1, **common
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
                del self.results[number], self.fits[number]
                self.locks.pop(number).close()
                yield self._changed(number, _outcome(result))
                continue
            item = self.batch.items[number]
            try:
                progress = progress_of(self.stores[number].records.values())
            except OSError:
                # The last step has removed the planes, and will be done at the next look.
                continue
            running = item.state == "running" or any(fit.key in busy for fit in self.fits[number])
            if running and (item.state != "running" or progress["finished"] != item.finished):
                yield self._changed(number, {"state": "running", "reason": "", **progress})

    def _changed(self, number: int, changes: dict[str, Any]) -> ItemChanged:
        return ItemChanged(number, self.batch.update(number, **changes))

    def _tell(self) -> None:
        """Pass on what the user wants; workers ask for it every now and then."""
        wanted = "cancel" if self.control.cancelled else "stop" if self.control.stopping else ""
        self._set(wanted or ("pause" if self.control.paused else "run"))

    def _set(self, state: str) -> None:
        if state != self.told and self.client.status == "running":
            self.state.set(state)
            self.told = state
            if state == "cancel":
                self.cancelled_at = time.monotonic()


def _outcome(result: Any) -> dict[str, Any]:
    """Return what became of a file, as changes of its item."""
    try:
        changes: dict[str, Any] = result.result()
    except BlindspotError as error:
        return {"state": "failed", "reason": sentence(error)}
    except Exception as error:
        if type(error).__name__ == "KilledWorker":
            reason = (
                "The workers that were given this file died, one after another; finished planes are kept."
            )
            return {"state": "failed", "reason": reason}
        return {"state": "failed", "reason": sentence(error)}
    return changes
