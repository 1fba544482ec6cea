"""A batch in this process: one file after another, and no failure of one ends the others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from napari_blindspot.batch.file_steps import (
    finish,
    fit_planes,
    header_of,
    look_at,
    open_source,
    open_store,
    reserved,
    tasks,
)
from napari_blindspot.batch.find import locate
from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.report import Report
from napari_blindspot.batch.summary import progress_of
from napari_blindspot.batch.work import Work, kept_in_words, sentence, verdict
from napari_blindspot.core.batch_control import BatchControl
from napari_blindspot.core.events import Finished
from napari_blindspot.files.output_lock import locked_folder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch

__all__ = ["look", "run_batch"]


def run_batch(
    batch: Batch,
    control: BatchControl | None = None,
    *,
    report: Report | None = None,
    preview_interval: float | None = None,
) -> Iterator[BatchEvent]:
    """Denoise the files of a batch, and say how it goes.

    All files are looked at before the first is denoised, so that what cannot be read is known at once. A
    file that fails is marked with its reason, and the next one begins. Finished planes are on the disk
    whatever happens; `Batch.items` and the report in the output folder always say how far it is.

    Parameters
    ----------
    batch : Batch
        From `plan_batch`; its items are replaced as it goes on.
    control : BatchControl, optional
        Lets another thread pause, stop after the plane at work, or cancel.
    report : Report, optional
        Tells the caller where it is, and why if it could not be written.
    preview_interval : float, optional
        Least seconds between two previews of the plane at work; None for none. Only in this process.

    Yields
    ------
    BatchEvent
        `ItemChanged` for every change of an item, `PlaneWork` for what the fit has to say.

    Raises
    ------
    FileError
        If another batch is writing to the output folder.
    DeviceError
        If a cluster was asked for and cannot be reached or started.
    """
    folder = locate(batch.options.output)
    with contextlib.suppress(OSError):
        # What is wrong with the folder is said of each file, and of the report.
        folder.mkdir(parents=True, exist_ok=True)
    # There is one report for the whole folder.
    with locked_folder(folder):
        yield from _run(batch, control or BatchControl(), report or Report(batch), preview_interval)


def _run(
    batch: Batch, control: BatchControl, report: Report, preview_interval: float | None
) -> Iterator[BatchEvent]:
    try:
        for seen in look(batch):
            yield seen
            if control.stopping:
                return
        report.write()
        if batch.options.dask is not None or batch.options.workers > 1:
            from napari_blindspot.batch.cluster import run_on_cluster

            events = run_on_cluster(batch, control)
        else:
            events = _run_here(batch, control, preview_interval)
        with contextlib.closing(events):
            for change in events:
                if isinstance(change, ItemChanged) and change.item.state not in OPEN:
                    report.write()
                yield change
    finally:
        # However the batch ends, by an interrupt too: what was running is not any more.
        for number, item in enumerate(batch.items):
            if item.state == "running":
                batch.update(number, state="stopped", reason=kept_in_words(item.finished, item.planes))
        report.write(last=True)


def look(batch: Batch) -> Iterator[ItemChanged]:
    """Read the header of every file that was not looked at, and mark those that cannot be denoised."""
    for number, item in enumerate(batch.items):
        if item.state in OPEN and not item.shape:
            try:
                changes = look_at(item, batch.options)
            except Exception as error:
                changes = {"state": "failed", "reason": sentence(error)}
            yield ItemChanged(number, batch.update(number, **changes))


def _run_here(
    batch: Batch, control: BatchControl, preview_interval: float | None
) -> Generator[BatchEvent, None, None]:
    for number, item in enumerate(batch.items):
        if control.stopping:
            return
        if item.state in OPEN:
            yield from _run_item(batch, number, control, preview_interval)


def _run_item(
    batch: Batch, number: int, control: BatchControl, preview_interval: float | None
) -> Iterator[BatchEvent]:
    def changed(**changes: Any) -> ItemChanged:
        return ItemChanged(number, batch.update(number, **changes))

    try:
        work = Work.of(batch.items[number], batch.options)
        with reserved(work):
            there = verdict(work)
            if there is not None:
                yield changed(**there)
                return
            image = open_source(work)
            store = open_store(work, image)
            progress = progress_of(store.records.values())
            yield changed(state="running", reason="", **header_of(image), **progress)
            for planes in tasks(image, work.settings):
                for event in fit_planes(work, image, store, planes, control, preview_interval):
                    yield PlaneWork(number, event)
                    if isinstance(event, Finished):
                        yield changed(**progress_of(store.records.values()))
            item = batch.items[number]
            if item.finished < item.planes:
                yield changed(state="stopped", reason=kept_in_words(item.finished, item.planes))
                return
            yield changed(state="done", reason="", **finish(work, image, store))
    except Exception as error:
        yield changed(state="failed", reason=sentence(error))
