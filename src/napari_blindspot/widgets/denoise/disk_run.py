"""A run whose planes go to disk one after another, as events for the screen (worker thread).

The steps from the planes to the output are those of `napari_blindspot.jobs`, so a run that ended in any way
is gone on with. Which layer shows the result belongs to `napari_blindspot.widgets.denoise.disk_layer`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.events import Event
from napari_blindspot.files.door import open_image
from napari_blindspot.files.formats.optional import import_zarr
from napari_blindspot.jobs.existing import earlier, own_output, reserved
from napari_blindspot.jobs.file_run import FileRun
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.jobs.record import PlaneRecord
    from napari_blindspot.widgets.denoise.layer_file import LayerFile

    Index = tuple[int, ...]

__all__ = ["Opened", "Writing", "Written", "events_on_disk", "kept_on_disk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Event):
    """It is known where the result goes and what is there already.

    Attributes
    ----------
    output : Path
        The OME-Zarr.
    records : mapping of tuple of int to PlaneRecord
        Of the planes that earlier runs have finished, by their index in the layer.
    notices : tuple of Notice
        What the user ought to know.
    """

    output: Path
    records: Mapping[Index, PlaneRecord] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing(Event):
    """All planes have a result, and are put together.

    Attributes
    ----------
    output : Path
        The OME-Zarr.
    """

    output: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Event):
    """The output is whole.

    Attributes
    ----------
    output : Path
        Where it is.
    image : ImageFile
        It, opened.
    """

    output: Path
    image: ImageFile


def events_on_disk(
    file: LayerFile, control: Control, *, preview_interval: float | None, fall_back_to_cpu: bool
) -> Iterator[Event]:
    """Denoise the planes that have no result yet, keep each, and write the output when all are there.

    Parameters
    ----------
    file : LayerFile
        What is denoised, and where it goes.
    control : Control
        Any end leaves the finished planes on disk.
    preview_interval, fall_back_to_cpu
        As in `napari_blindspot.stack.fit_stack`.

    Yields
    ------
    Event
        `Opened`, then those of every fit, with the plane as the layer has it; at the end `Writing` and
        `Written`, if every plane has a result.

    Raises
    ------
    BlindspotError
        If a plane cannot be denoised or kept, or the output not be written; those before are on disk.
    """
    # Better said now than after the last plane.
    import_zarr()
    file = file.identified()
    job, notices = own_output(file.job, file.image)
    with reserved(job) as about_locks:
        notices = (*notices, *about_locks)
        there = earlier(job, file.image)
        if there is not None:
            found = () if there.record is None else there.record.planes
            records = zip(plane_indices(file.image.shape), found, strict=False)
            yield Opened(
                output=job.output,
                records={file.plane(index): record for index, record in records},
                notices=notices,
            )
            yield Written(output=job.output, image=open_image(job.output))
            return
        run = FileRun.open(job, file.image)
        kept = {file.plane(index): run.records[index] for index in run.done}
        yield Opened(output=job.output, records=kept, notices=notices)
        events = run.fit(control, preview_interval=preview_interval, fall_back_to_cpu=fall_back_to_cpu)
        for event in events:
            yield replace(event, plane=file.plane(event.plane))
        if len(run.done) < len(run.indices):
            return
        yield Writing(output=job.output)
        place = run.write().place_of(job.output)
        yield Written(output=place, image=open_image(place))


def kept_on_disk(file: LayerFile) -> int:
    """Return how many planes earlier runs of the same pixels and settings have finished.

    0 where nothing is there, or it cannot be told; that is said when the run is started.
    """
    from napari_blindspot.jobs.existing import finished_record
    from napari_blindspot.jobs.plane_store import PlaneStore

    home = file.job.output.parent
    start = file.job.output.name.removesuffix(".ome.zarr")
    with contextlib.suppress(BlindspotError, OSError):
        if not any(entry.name.startswith(start) for entry in home.iterdir()):
            return 0
        file = file.identified()
        job, _ = own_output(file.job, file.image)
        store = PlaneStore(job.output)
        if store.is_begun:
            return len(store.finished)
        done = finished_record(job, file.image)
        return 0 if done is None else len(done.planes)
    return 0
