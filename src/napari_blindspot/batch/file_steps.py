"""The planes of one file: open it, fit them, keep each, and at last put them together.

Everything is told by a `Work`. How planes are fitted and kept is in `napari_blindspot.jobs.kept_planes`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.batch.summary import changes_of
from napari_blindspot.batch.work import Work, digest
from napari_blindspot.core.errors import FileError
from napari_blindspot.core.events import Cancelled, Finished
from napari_blindspot.core.plane import MIN_SIZE, check_pixels, check_plane
from napari_blindspot.files.door import WriteOptions, write_image
from napari_blindspot.files.output_lock import locked
from napari_blindspot.files.safe_write import check_writable
from napari_blindspot.jobs.kept_planes import fit_and_keep, open_planes
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.jobs.record import file_record
from napari_blindspot.stack import chains, plane_indices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.batch.items import Item
    from napari_blindspot.batch.options import BatchOptions
    from napari_blindspot.core.batch_control import BatchControl
    from napari_blindspot.core.events import Event
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = [
    "finish",
    "fit_planes",
    "header_of",
    "look_at",
    "open_source",
    "open_store",
    "reserved",
    "tasks",
]


def open_source(work: Work) -> ImageFile:
    """Open the image, without reading more pixels than its format needs.

    Raises
    ------
    FileError
        If it cannot be read.
    ImageError
        If it has no plane, or one that cannot be denoised.
    """
    return open_planes(work.source, series=work.series, axes=work.axes, channel=work.channel)


def look_at(item: Item, options: BatchOptions) -> dict[str, Any]:
    """Return what the header of a file says, as changes of its item.

    Raises
    ------
    BlindspotError
        If the file cannot be denoised.
    """
    work = Work.of(item, options)
    image = open_source(work)
    check_pixels(image.dtype)
    if min(image.shape[-2:]) < MIN_SIZE:
        check_plane(np.zeros(image.shape[-2:], image.dtype))
    return header_of(image)


def header_of(image: ImageFile) -> dict[str, Any]:
    """Return shape, axes and the like as changes of an item."""
    return {
        "shape": image.shape,
        "axes": image.axes,
        "dtype": image.dtype.name,
        "planes": len(plane_indices(image.shape)),
        "warnings": image.notes,
    }


@contextlib.contextmanager
def reserved(work: Work) -> Iterator[None]:
    """Make the folder of the output, and keep other runs from writing it while the block lasts.

    A store in which no plane was finished is removed at the end.

    Raises
    ------
    FileError
        If the folder cannot be made, or another run is at work on the output.
    """
    folder = work.output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"Cannot make the folder {folder}: {reason}; choose another output folder."
        ) from error
    with locked(work.output):
        try:
            yield
        finally:
            PlaneStore(work.output).discard_if_empty()


def open_store(work: Work, image: ImageFile) -> PlaneStore:
    """Open what is finished already of an output that is `reserved`, and look whether there is room.

    Raises
    ------
    FileError
        If the folder cannot be written to, or the disk is too full.
    """
    store = PlaneStore.open(work.output, work.fingerprint(), resume=work.existing != "overwrite")
    shape = image.shape
    planes, pixels = len(plane_indices(shape)), shape[-2] * shape[-1]
    # Both the kept planes and the result made of them are there for a moment.
    to_come = 2 * planes - len(store.finished)
    size = to_come * pixels * output_dtype(image, work.settings).itemsize
    # A Zarr store is a folder itself, so only the folder around it can be asked.
    check_writable(store.folder / "planes" if work.output.suffix == ".zarr" else work.output, size)
    return store


def output_dtype(image: ImageFile, settings: Settings) -> np.dtype[Any]:
    """Return the dtype of the result's pixels."""
    if settings.output_dtype == "float32":
        return np.dtype(np.float32)
    return image.dtype.newbyteorder("=")


def tasks(image: ImageFile, settings: Settings, size: int | None = None) -> list[list[Index]]:
    """Part the planes into groups that do not need one another.

    Parameters
    ----------
    image : ImageFile
        Whose planes.
    settings : Settings
        Where planes share networks, those of a channel are one group, as in `fit_stack`.
    size : int, optional
        Where they do not, the most planes of a group; all together if not given.

    Returns
    -------
    list of list of tuple of int
        The planes of each group, in order.
    """
    indices = plane_indices(image.shape)
    if settings.planes == "anew" or not settings.measures_noise:
        size = size or len(indices)
        return [indices[k : k + size] for k in range(0, len(indices), size)]
    return chains(indices, image.axes)


def fit_planes(
    work: Work,
    image: ImageFile,
    store: PlaneStore,
    planes: list[Index],
    control: BatchControl,
    preview_interval: float | None = None,
) -> Iterator[Event]:
    """Fit the planes of a group that are not finished, and keep each as soon as it is.

    A stop ends after the plane at work, a cancel at once; as
    `napari_blindspot.jobs.kept_planes.fit_and_keep`.
    """
    finished = store.finished
    todo = [index for index in planes if index not in finished]
    if not todo or control.stopping:
        return
    for event in fit_and_keep(
        image, work.settings, store, todo, control.fit, preview_interval=preview_interval
    ):
        yield event
        if isinstance(event, Cancelled) or (isinstance(event, Finished) and control.stopping):
            return


def finish(work: Work, image: ImageFile, store: PlaneStore) -> dict[str, Any]:
    """Write the output from the finished planes, then remove them.

    Returns
    -------
    dict
        What is to be known of it, as changes of its item.

    Raises
    ------
    FileError
        If it cannot be written; the planes are still there then.
    """
    records = list(store.records.values())
    last = records[-1]
    # With these settings, device included, the same input gives the same pixels again.
    settings = work.settings.model_copy(update=last["settings"])
    record = {
        "input": work.source.name,
        "image": "denoised",
        **file_record(records, image.notes),
        "run": digest(work.fingerprint()),
    }
    write_image(
        work.output,
        image,
        store.plane,
        output_dtype(image, work.settings),
        options=WriteOptions(compression=work.compression, pyramid=work.pyramid),
        settings=settings,
        record=record,
    )
    store.discard()
    return changes_of(record)
