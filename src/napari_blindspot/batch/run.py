"""A batch in this process: one file after another, and no failure of one ends the others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from napari_blindspot.batch.find import locate
from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.items import OPEN, kept_in_words
from napari_blindspot.batch.models import prepare_models
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.core.control import Control
from napari_blindspot.core.events import Finished
from napari_blindspot.files.output_lock import locked_folder
from napari_blindspot.jobs.existing import FileOutcome, earlier, reserved
from napari_blindspot.jobs.file_run import FileRun

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.items import Batch, Item
    from napari_blindspot.batch.options import BatchOptions

__all__ = ["look_at", "run_batch"]


def run_batch(
    batch: Batch,
    control: Control | None = None,
    *,
    report: BatchReport | None = None,
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
    control : Control, optional
        Lets another thread pause, stop after the plane at work, or cancel.
    report : BatchReport, optional
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
    BlindspotError
        If the model for all files cannot be read or fitted.
    """
    folder = locate(batch.options.output)
    with contextlib.suppress(OSError):
        # What is wrong with the folder is said of each file, and of the report.
        folder.mkdir(parents=True, exist_ok=True)
    # There is one report for the whole folder.
    with locked_folder(folder) as batch.notices:
        report = report or BatchReport(batch)
        report.remove_leftovers()
        yield from _run(batch, control or Control(), report, preview_interval)


def look_at(item: Item, options: BatchOptions) -> Item:
    """Return an item with what the header of its file says, or why it cannot be denoised."""
    try:
        return item.seen(item.job(options).open())
    except Exception as error:
        return item.ended(FileOutcome.of_error(error))


def _run(
    batch: Batch, control: Control, report: BatchReport, preview_interval: float | None
) -> Iterator[BatchEvent]:
    try:
        for number, item in enumerate(batch.items):
            if item.state in OPEN and not item.shape:
                batch.items[number] = look_at(item, batch.options)
                yield ItemChanged(number, batch.items[number])
            if control.ending:
                return
        yield from prepare_models(batch, control)
        if control.ending:
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
                batch.update(number, state="stopped", reason=kept_in_words(item.finished, item.plane_count))
        report.write(last=True)


def _run_here(
    batch: Batch, control: Control, preview_interval: float | None
) -> Generator[BatchEvent, None, None]:
    for number, item in enumerate(batch.items):
        if control.ending:
            return
        if item.state in OPEN:
            yield from _run_item(batch, number, control, preview_interval)


def _run_item(
    batch: Batch, number: int, control: Control, preview_interval: float | None
) -> Iterator[BatchEvent]:
    def changed(**changes: Any) -> ItemChanged:
        return ItemChanged(number, batch.update(number, **changes))

    def ended(outcome: FileOutcome) -> ItemChanged:
        batch.items[number] = batch.items[number].ended(outcome)
        return ItemChanged(number, batch.items[number])

    try:
        job = batch.job(number)
        with reserved(job, make_folder=True):
            image = job.open()
            there = earlier(job, image)
            if there is not None:
                yield ended(there)
                return
            run = FileRun.open(job, image)
            batch.items[number] = batch.items[number].seen(image)
            yield changed(state="running", reason="", record=run.record(run.done))
            for planes in run.groups():
                for event in run.fit(control, planes, preview_interval=preview_interval):
                    yield PlaneWork(number, event)
                    if isinstance(event, Finished):
                        yield changed(record=run.record(run.done))
            if len(run.done) < len(run.indices):
                reason = kept_in_words(len(run.done), len(run.indices))
                yield ended(FileOutcome("stopped", reason, run.record(run.done)))
                return
            yield ended(FileOutcome("done", record=run.write()))
    except Exception as error:
        yield ended(FileOutcome.of_error(error))
