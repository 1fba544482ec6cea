"""The command ``denoise``: one file in, one OME-TIFF or OME-Zarr out, plane by plane.

Everything that can be wrong is looked for before the first fit: a fit takes minutes, a look does not. The
planes of a stack are read, fitted and kept one by one, so that memory does not grow with its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot import __version__
from napari_blindspot.cli.exits import say
from napari_blindspot.cli.interrupt import interrupts
from napari_blindspot.cli.outputs import Outputs, default_output, is_zarr_name, partial_name
from napari_blindspot.cli.progress import make_display
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError, CancelledError, FileError, ImageError
from napari_blindspot.core.events import Cancelled, Started
from napari_blindspot.core.plane import check_plane
from napari_blindspot.core.words import duration
from napari_blindspot.files.door import ImageFile, WriteOptions, is_zarr, write_image
from napari_blindspot.files.output_lock import locked
from napari_blindspot.files.safe_write import check_writable
from napari_blindspot.jobs.kept_planes import fit_and_keep, open_planes
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.jobs.record import file_record, seconds_of, warnings_of
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["Outputs", "Source", "check_planes", "default_output", "denoise_file", "partial_name"]


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be denoised.

    Attributes
    ----------
    path : Path
        TIFF, OME-TIFF, PNG, OME-Zarr, or what bioio reads.
    series : int or None
        Which image of a file with several.
    axes : str or None
        What the axes are, if the file does not say it or is wrong.
    channel : int or None
        The colour sample or channel to take; all channels if not given.
    """

    path: Path
    series: int | None = None
    axes: str | None = None
    channel: int | None = None

    def open(self) -> ImageFile:
        """Open the image, without reading it.

        Raises
        ------
        FileError
            If it is not there or cannot be read.
        ImageError
            If it is in colour, and no channel is chosen.
        """
        if not self.path.exists():
            raise FileError(f"The input {self.path} does not exist.")
        if self.path.is_dir() and not is_zarr(self.path):
            raise FileError(f"The input {self.path} is a folder; give one image file or OME-Zarr.")
        return open_planes(self.path, series=self.series, axes=self.axes, channel=self.channel)

    def fingerprint(self, image: ImageFile, settings: Settings) -> dict[str, Any]:
        """Return all that decides the pixels of the result."""
        status = self.path.stat()
        return {
            "version": __version__,
            "input": str(self.path.resolve()),
            "size": status.st_size,
            "changed": status.st_mtime_ns,
            "series": self.series,
            "channel": self.channel,
            "axes": image.axes,
            "shape": image.shape,
            "settings": settings.model_dump(mode="json"),
        }


def denoise_file(
    source: Source, outputs: Outputs, settings: Settings, options: WriteOptions | None = None
) -> bool:
    """Denoise every plane of a file.

    Parameters
    ----------
    source : Source
        Which pixels.
    outputs : Outputs
        Where to write; checked before anything is computed.
    settings : Settings
        Of every plane's fit.
    options : WriteOptions, optional
        How the outputs are stored.

    Returns
    -------
    bool
        Whether every plane has a result and the output was written. When a stack was stopped or failed
        before its end, the planes that were finished are in `partial_name` instead, as float32 with NaN
        for the others: under the output's own name there is never less than the whole. The same run,
        started again, goes on after the planes that were finished.

    Raises
    ------
    BlindspotError
        For whatever is wrong with the file, the settings, the outputs or the device.
    CancelledError
        After a second Ctrl-C; nothing was written.
    """
    if source.path.exists():
        outputs.check(source.path)
    image = source.open()
    for note in image.notes:
        say(note)
    dtype = outputs.dtype(image.dtype, settings)
    indices = plane_indices(image.shape)
    for path in outputs.paths:
        # For a moment both the kept planes and the output are there.
        size = 2 * len(indices) * image.shape[-2] * image.shape[-1] * dtype.itemsize
        check_writable(path, size, folder=is_zarr_name(path))
    with locked(*outputs.paths):
        # A run that held them may just have ended.
        outputs.check(source.path)
        check_planes(image)
        store = PlaneStore.open(outputs.denoised, source.fingerprint(image, settings), resume=True)
        return _finish(_Run(source, outputs, settings, options or WriteOptions(), image, dtype, store))


def _finish(run: _Run) -> bool:
    """Do a run, and write and say what came of it."""
    store = run.store
    failure: BlindspotError | None = None
    try:
        run.fit()
    except BlindspotError as error:
        failure = error
    if run.control.cancelled:
        if not run.resumed:
            store.discard()
        raise CancelledError("Cancelled; nothing was written.")
    finished = store.finished
    complete = failure is None and len(finished) == len(run.indices)
    if complete:
        run.write()
    for warning in run.warnings():
        say(warning)
    if complete:
        run.tell_outcome()
        store.discard()
        return True
    if finished:
        say(run.write_partial())
    else:
        store.discard()
    if failure is not None:
        raise failure
    return False


def check_planes(image: ImageFile) -> list[Index]:
    """Look at every plane now, so that the last one does not fail after hours.

    Returns
    -------
    list of tuple of int
        The index of every plane.

    Raises
    ------
    ImageError
        If there is no plane, or one that cannot be denoised; in a stack the sentence says which.
    """
    indices = plane_indices(image.shape)
    if not indices:
        raise ImageError(f"The image is empty: its shape is {image.shape}.")
    for index in indices:
        try:
            check_plane(image.array[index])
        except ImageError as error:
            if not index:
                raise
            raise ImageError(f"Plane {_describe(index, image.axes)}: {error}") from None
    return indices


def _describe(index: Index, axes: str) -> str:
    return ", ".join(f"{letter}={number}" for letter, number in zip(axes, index, strict=False))


class _Run:
    """The planes of one file on their way from the fits over the store into the outputs."""

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        settings: Settings,
        options: WriteOptions,
        image: ImageFile,
        dtype: np.dtype[Any],
        store: PlaneStore,
    ) -> None:
        self.source = source
        self.outputs = outputs
        self.settings = settings
        self.options = options
        self.image = image
        self.dtype = dtype
        self.store = store
        self.control = Control()
        self.notes: set[str] = set()
        self.indices = plane_indices(image.shape)
        # The estimate of a plane that was stopped is kept to be written, but a whole run gives another.
        self.done = {index for index, record in store.records.items() if not record["stopped"]}
        self.resumed = bool(self.done)

    def fit(self) -> None:
        """Fit the planes that have no result yet, and keep each as soon as it has one."""
        todo = [index for index in self.indices if index not in self.done]
        if self.resumed:
            say(f"Going on after {len(self.done)} of {len(self.indices)} planes, kept by an earlier run.")
        if not todo:
            return
        with (
            make_display(len(todo)) as display,
            interrupts(self.control, display.tell),
        ):
            for event in fit_and_keep(
                self.image,
                self.settings,
                self.store,
                todo,
                self.control,
                inr=self.outputs.inr is not None,
            ):
                if isinstance(event, Started) and event.note:
                    self.notes.add(event.note)
                display.show(event)
                if isinstance(event, Cancelled):
                    break

    def warnings(self) -> list[str]:
        """Return what has not been said yet, each warning once."""
        warnings = warnings_of(self.store.records.values())
        return [warning for warning in warnings if not any(warning in note for note in self.notes)]

    def write(self) -> None:
        """Write the outputs from the planes in the store."""
        self._write(self.outputs.denoised, self.store.plane, "denoised", self.dtype)
        if self.outputs.inr is not None:
            self._write(self.outputs.inr, self.store.inr, "inr", self.dtype)

    def write_partial(self) -> str:
        """Write the planes that are there, NaN for the others; return the sentence that says so."""
        finished, planes = self.store.finished, len(self.indices)
        nothing = np.full(self.image.shape[-2:], np.nan, np.float32)
        path = partial_name(self.outputs.denoised)
        self._write(
            path,
            lambda index: self.store.plane(index) if index in finished else nothing,
            "denoised",
            np.dtype(np.float32),
        )
        return (
            f"Only {len(finished)} of {planes} planes have a result; they were written to {path} "
            f"(float32, the other {planes - len(finished)} are NaN), and nothing was written to "
            f"{self.outputs.denoised}. The same command again goes on after them."
        )

    def _write(self, path: Path, planes: Callable[[Index], Any], which: str, dtype: np.dtype[Any]) -> None:
        records = list(self.store.records.values())
        record = {
            "input": self.source.path.name,
            "image": which,
            **file_record(records, self.image.notes),
        }
        # Device and precision as they were in fact: they decide the pixels, too.
        settings = self.settings.model_copy(update=records[-1]["settings"])
        write_image(path, self.image, planes, dtype, options=self.options, settings=settings, record=record)

    def tell_outcome(self) -> None:
        """Say how long it took, and print the outputs' names."""
        records = list(self.store.records.values())
        last = records[-1]
        if last["stopped"]:
            say(
                f"Stopped after {last['iterations']} of {last['of iterations']} iterations; "
                "the result is kept."
            )
        say(f"Took {duration(seconds_of(records))} on {last['device']}.")
        for path in self.outputs.paths:
            print(path)
