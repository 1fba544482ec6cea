"""A `FileJob` at work: fit, keep, write, record.

Memory does not grow with the length of a stack, and whatever ends a run, finished planes are on the disk:
another run of the same job goes on from there. The command `denoise`, batches and workers of a cluster all
take these steps; in which order files are worked on, and what a user is told, belongs to them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.api import save
from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Cancelled, Finished
from napari_blindspot.files.door import write_image
from napari_blindspot.files.model_file import load_model, model_from_bytes, model_to_bytes
from napari_blindspot.files.safe_write import KeptBesideError
from napari_blindspot.jobs.existing import check_room, with_size
from napari_blindspot.jobs.file_job import digest_of, is_zarr_name
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.jobs.record import FileRecord, PlaneRecord, kept_beside
from napari_blindspot.stack import chains, channel_of, fit_stack, plane_indices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.jobs.file_job import FileJob

    Index = tuple[int, ...]

__all__ = ["FileRun"]


class FileRun:
    """The planes of one file, from the fits over the store into the outputs.

    Parameters
    ----------
    job : FileJob
        What is to be done; `reserved` as long as the run lasts.
    image : ImageFile
        From `FileJob.open`.
    store : PlaneStore
        Where finished planes are kept; `FileRun.open` opens it.
    """

    def __init__(self, job: FileJob, image: ImageFile, store: PlaneStore) -> None:
        self.job = job
        self.image = image
        self.store = store
        self.indices: list[Index] = plane_indices(image.shape)
        self._records: dict[Index, PlaneRecord] = {}

    @classmethod
    def open(cls, job: FileJob, image: ImageFile) -> FileRun:
        """Go on with the planes that an earlier run has finished, if there are any, and look for room.

        Raises
        ------
        FileError
            If the folder cannot be written to, or the disk is too full.
        """
        check_room(job, image)
        fingerprint = job.fingerprint(image)
        store = PlaneStore.open(job.output, fingerprint, resume=job.existing != "overwrite")
        lost_model = job.save_model is not None and store.finished and not store.has_model
        if lost_model or not all(job.outputs.keys() <= store.images(index) for index in store.finished):
            # The networks that go on from plane to plane do not give one image without the others again.
            store = PlaneStore.open(job.output, fingerprint, resume=False)
        return cls(job, image, store)

    @property
    def records(self) -> dict[Index, PlaneRecord]:
        """The record of every plane that has a result, also of those that another process kept."""
        kept = self.store.records
        fresh = {i: PlaneRecord.model_validate(kept[i]) for i in kept.keys() - self._records.keys()}
        self._records |= fresh
        return {index: self._records[index] for index in kept}

    @property
    def done(self) -> set[Index]:
        """The planes whose result is that of a whole run; one that was stopped gives another estimate."""
        return {index for index, record in self.records.items() if not record.stopped}

    def record(self, planes: Collection[Index] | None = None) -> FileRecord:
        """Return what is to be known of some planes; of all that have a result if not told which."""
        found = (record for index, record in self.records.items() if planes is None or index in planes)
        return FileRecord(planes=tuple(found), reading=self.image.notices)

    def groups(self, size: int | None = None) -> list[list[Index]]:
        """Part the planes into groups that do not need one another.

        Where planes share networks, those of a channel are one group, as in `fit_stack`. Where they do
        not, a group has at most `size` planes, or all of them.
        """
        if self.job.settings.stack_start == "anew":
            size = size or len(self.indices)
            return [self.indices[k : k + size] for k in range(0, len(self.indices), size)]
        return chains(self.indices, self.image.axes)

    def fit(
        self,
        control: Control,
        planes: Iterable[Index] | None = None,
        *,
        preview_interval: float | None = None,
        fall_back_to_cpu: bool = True,
    ) -> Iterator[Event]:
        """Fit the planes that are not done, each from what the store keeps of its channel, and keep each.

        Parameters
        ----------
        control : Control
            A stop keeps the plane at work as it is, a stop after the plane finishes it first; a cancel
            ends at once. None of them begins another plane.
        planes : iterable of tuple of int, optional
            Only these, such as one of `groups`.
        preview_interval : float, optional
            As in `napari_blindspot.engine.fit_plane.fit_plane`.
        fall_back_to_cpu : bool
            As in `napari_blindspot.stack.fit_stack`.

        Yields
        ------
        Event
            Of every fit; when a `Finished` arrives, its plane is on the disk.

        Raises
        ------
        BlindspotError
            If a plane cannot be denoised or kept; those before it are on the disk.
        """
        done = self.done
        todo = [index for index in (self.indices if planes is None else planes) if index not in done]
        if not todo or control.ending:
            return
        axes = self.image.axes
        kept = [self.store.model(chain) for chain in sorted({_chain(index, axes) for index in todo})]
        events = fit_stack(
            self.image.array,
            self.job.settings,
            axes=axes,
            indices=todo,
            control=control,
            preview_interval=preview_interval,
            initial_models=[
                model_from_bytes(found[1], "The model beside the finished planes")
                for found in kept
                if found is not None
            ],
            models=[load_model(path) for path in self.job.models],
            fall_back_to_cpu=fall_back_to_cpu,
            wants_inr="inr" in self.job.outputs or self.job.save_model is not None,
        )
        for event in events:
            if isinstance(event, Finished):
                self._keep(event)
            yield event
            if isinstance(event, Cancelled) or (isinstance(event, Finished) and control.ending):
                return

    def write(self) -> FileRecord:
        """Write the outputs from the planes in the store, then remove them.

        Returns
        -------
        FileRecord
            That of the outputs; ``written`` says how large they are, and which have another name.

        Raises
        ------
        FileError
            If one cannot be written; the planes are still there then.
        ImageError
            If there is no model that was to be saved; the outputs are written then.
        """
        # Of the input as it was when its planes were begun: it may have changed since.
        run = digest_of(self.store.fingerprint)
        record = self.record().model_copy(update={"run": run})
        dtype = self.job.dtype(self.image)
        moved: list[Notice] = []
        for name, path in self.job.outputs.items():
            try:
                self._write(path, name, partial(self.store.image, name=name), dtype, record)
            except KeptBesideError as kept:
                moved.append(kept_beside(path, kept.path, kept.reason))
        no_model = self._save_model()
        self.store.discard()
        if no_model:
            raise ImageError(no_model)
        return with_size(record, self.job, self.image, moved)

    def write_partial(self, path: Path) -> Path:
        """Write the planes that have a result as float32, NaN for the others; the store stays.

        Returns
        -------
        Path
            Where they are: beside a file of that name that cannot be replaced.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        finished = self.store.finished
        nothing = np.full(self.image.shape[-2:], np.nan, np.float32)
        try:
            self._write(
                path,
                "denoised",
                lambda index: self.store.image(index) if index in finished else nothing,
                np.dtype(np.float32),
                self.record(),
            )
        except KeptBesideError as kept:
            return kept.path
        return path

    def _save_model(self) -> str:
        """Write the model that is wanted; return why there is none, or nothing."""
        path = self.job.save_model
        if path is None:
            return ""
        found = self.store.model(_chain(self.indices[0], self.image.axes))
        if found is None:
            return (
                f"The result was written to {self.job.output}, but there is no model to save to {path}, "
                "because nothing in the image could be fitted."
            )
        model = model_from_bytes(found[1], "The model beside the finished planes")
        fitted = replace(model.fitted_to, name=self.job.source.name)
        save(replace(model, fitted_to=fitted), path)
        return ""

    def _keep(self, event: Finished) -> None:
        wanted = len(self.indices) > 1 or self.job.save_model is not None
        model = event.model if wanted else None
        record = PlaneRecord.of(event.result)
        self.store.keep(
            event.plane,
            {name: event.result.images[name] for name in self.job.outputs},
            record.model_dump(mode="json"),
            model=None if model is None else model_to_bytes(model),
            chain=_chain(event.plane, self.image.axes),
        )
        self._records[event.plane] = record

    def _write(
        self,
        path: Path,
        name: str,
        planes: Callable[[Index], npt.NDArray[np.generic]],
        dtype: np.dtype[np.generic],
        record: FileRecord,
    ) -> None:
        # With the settings as they were in fact, device included, the same input gives the same pixels.
        last = list(self.records.values())[-1]
        version = {"ngff": self.job.write.ngff} if is_zarr_name(path) else {}
        write_image(
            path,
            self.image,
            planes,
            dtype,
            options=self.job.write,
            settings=self.job.settings.model_copy(update=dict(last.resolved)),
            record={
                "input": self.job.source.name,
                "image": name,
                **({"model": ", ".join(one.name for one in self.job.models)} if self.job.models else {}),
                **version,
                **record.annotation(),
            },
        )


def _chain(index: Index, axes: str) -> str:
    """Name the planes that share networks: those of one channel."""
    return "-".join(map(str, channel_of(index, axes)))
