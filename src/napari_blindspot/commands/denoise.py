"""The command ``denoise``: one file in, one OME-TIFF out, plane by plane.

Everything that can be wrong is looked for before the first fit: a fit takes minutes, a look does not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.atomic import check_writable
from napari_blindspot.commands.exits import say
from napari_blindspot.commands.interrupt import interrupts
from napari_blindspot.commands.progress import make_display
from napari_blindspot.control import Control
from napari_blindspot.errors import BlindspotError, CancelledError, FileError, ImageError
from napari_blindspot.events import Cancelled, Finished, Started
from napari_blindspot.image import check_plane
from napari_blindspot.io import OME_DTYPES, ImageFile, read_image, write_ome_tiff
from napari_blindspot.stack import fit_stack, plane_indices
from napari_blindspot.words import duration

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.result import Result
    from napari_blindspot.settings import Settings

__all__ = ["Outputs", "check_planes", "default_output", "denoise_file", "partial_name"]

_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go.

    Attributes
    ----------
    denoised : Path
        The OME-TIFF of the final estimate.
    inr : Path or None
        The OME-TIFF of the INR's own image, if wanted.
    overwrite : bool
        Whether files that are there may be replaced.
    """

    denoised: Path
    inr: Path | None = None
    overwrite: bool = False

    @property
    def paths(self) -> list[Path]:
        """The names of all files that a complete run writes."""
        return [path for path in (self.denoised, self.inr) if path is not None]


def default_output(source: Path) -> Path:
    """Return ``<stem>_denoised.ome.tif`` beside the input."""
    return source.with_name(f"{_stem(source)}_denoised.ome.tif")


def partial_name(output: Path) -> Path:
    """Return ``<stem>_partial.ome.tif``, for the finished planes of an unfinished stack."""
    return output.with_name(f"{_stem(output)}_partial.ome.tif")


def _stem(path: Path) -> str:
    """Return the name without its ending; ``.ome.tif`` counts as one ending."""
    return path.name.removesuffix(path.suffix).removesuffix(".ome")


def denoise_file(source: Path, outputs: Outputs, settings: Settings, channel: int | None = None) -> bool:
    """Denoise every plane of a file.

    Parameters
    ----------
    source : Path
        TIFF, OME-TIFF or PNG.
    outputs : Outputs
        Where to write; checked before anything is computed.
    settings : Settings
        Of every plane's fit.
    channel : int, optional
        The colour sample or channel to take; all channels if not given.

    Returns
    -------
    bool
        Whether every plane has a result and the output was written. When a stack was stopped or failed
        before its end, the planes that were finished are in `partial_name` instead, as float32 with NaN
        for the others: under the output's own name there is never less than the whole.

    Raises
    ------
    BlindspotError
        For whatever is wrong with the file, the settings, the outputs or the device.
    CancelledError
        After a second Ctrl-C; nothing was written.
    """
    _check_names(source, outputs)
    image = read_image(source)
    for note in image.notes:
        say(note)
    image = _choose_channel(image, channel)
    dtype = _output_dtype(image.array.dtype, settings)
    for path in outputs.paths:
        check_writable(path, image.array.size * dtype.itemsize)
    indices = check_planes(image)

    run = _Run(image, dtype)
    control = Control()
    failure: BlindspotError | None = None
    notes: set[str] = set()
    with make_display(len(indices)) as display, interrupts(control, display.tell):
        try:
            for event in fit_stack(image.array, settings, planes=indices, control=control):
                display.show(event)
                if isinstance(event, Started) and event.note:
                    notes.add(event.note)
                if isinstance(event, Finished):
                    run.keep(event.plane, event.result)
                if isinstance(event, Cancelled):
                    break
        except BlindspotError as error:
            failure = error
        if control.cancelled:
            raise CancelledError("Cancelled; nothing was written.")
        complete = len(run.results) == len(indices)
        if complete:
            run.write(source, outputs)
    for warning in run.warnings():
        if warning not in notes:
            say(warning)
    if complete:
        _tell_outcome(run, outputs)
        return True
    if run.results:
        say(run.write_partial(source, outputs, len(indices)))
    if failure is not None:
        raise failure
    return False


def _check_names(source: Path, outputs: Outputs) -> None:
    """Refuse names that would lose data, before anything is read."""
    if not source.exists():
        raise FileError(f"The input {source} does not exist.")
    if source.is_dir():
        raise FileError(f"The input {source} is a folder; give one TIFF or PNG file.")
    for path in outputs.paths:
        if path.suffix.lower() not in _SUFFIXES:
            raise FileError(f"The output {path} is an OME-TIFF, so its name must end in .ome.tif or .tif.")
        if path.exists() and os.path.samefile(path, source):
            raise FileError(f"The output {path} is the input itself; choose another name.")
        if path.exists() and not path.is_dir() and not outputs.overwrite:
            raise FileError(f"The output {path} is there already; give --overwrite or another name.")
    if outputs.inr is not None and outputs.inr.resolve() == outputs.denoised.resolve():
        raise FileError(f"Both outputs are named {outputs.inr}; give the INR's image another name.")


def _choose_channel(image: ImageFile, channel: int | None) -> ImageFile:
    if channel is not None:
        return image.channel(channel)
    if image.is_rgb:
        raise ImageError(
            f"The image is RGB, of shape {image.array.shape}, but one channel at a time can be denoised: "
            "pick one with --channel 0 (red), 1 (green) or 2 (blue)."
        )
    return image


def _output_dtype(dtype: np.dtype[Any], settings: Settings) -> np.dtype[Any]:
    if settings.output_dtype == "float32":
        return np.dtype(np.float32)
    native = dtype.newbyteorder("=")
    if dtype.kind in "uif" and native.name not in OME_DTYPES:
        raise ImageError(
            f"The image holds {native.name}, which an OME-TIFF cannot hold; use --dtype float32."
        )
    return native


def check_planes(image: ImageFile) -> list[tuple[int, ...]]:
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
    indices = plane_indices(image.array.shape)
    if not indices:
        raise ImageError(f"The image is empty: its shape is {image.array.shape}.")
    for index in indices:
        try:
            check_plane(image.array[index])
        except ImageError as error:
            if not index:
                raise
            raise ImageError(f"Plane {_describe(index, image.axes)}: {error}") from None
    return indices


def _describe(index: tuple[int, ...], axes: str) -> str:
    return ", ".join(f"{letter}={number}" for letter, number in zip(axes, index, strict=False))


def _tell_outcome(run: _Run, outputs: Outputs) -> None:
    results = list(run.results.values())
    seconds = duration(sum(result.seconds for result in results))
    if any(result.stopped for result in results):
        last = results[-1]
        say(
            f"Stopped after {last.iterations} of {last.settings.iterations} iterations; the result is kept."
        )
    say(f"Took {seconds} on {results[-1].device}.")
    for path in outputs.paths:
        print(path)


@dataclass
class _Run:
    """The results of a stack's planes, and how they become files."""

    image: ImageFile
    dtype: np.dtype[Any]
    results: dict[tuple[int, ...], Result] = field(default_factory=dict)

    def keep(self, index: tuple[int, ...], result: Result) -> None:
        self.results[index] = result

    def warnings(self) -> list[str]:
        """Return each warning once, with the number of planes that it is about."""
        counts: dict[str, int] = {}
        for result in self.results.values():
            for warning in result.warnings:
                counts[warning] = counts.get(warning, 0) + 1
        planes = len(self.results)
        of = "" if planes == 1 else " ({count} of " + f"{planes} planes)"
        return [text + of.format(count=count) for text, count in counts.items()]

    def write(self, source: Path, outputs: Outputs) -> None:
        self._write(source, outputs.denoised, "denoised", self.dtype)
        if outputs.inr is not None:
            self._write(source, outputs.inr, "inr", self.dtype)

    def write_partial(self, source: Path, outputs: Outputs, planes: int) -> str:
        """Write the planes that are there, NaN for the others; return the sentence that says so."""
        path = partial_name(outputs.denoised)
        self._write(source, path, "denoised", np.dtype(np.float32))
        missing = planes - len(self.results)
        return (
            f"Only {len(self.results)} of {planes} planes have a result; they were written to {path} "
            f"(float32, the other {missing} are NaN), and nothing was written to {outputs.denoised}."
        )

    def _write(self, source: Path, path: Path, which: str, dtype: np.dtype[Any]) -> None:
        shape = self.image.array.shape
        array = np.full(shape, np.nan, dtype) if dtype.kind == "f" else np.zeros(shape, dtype)
        for index, result in self.results.items():
            array[index] = getattr(result, which)
        results = list(self.results.values())
        record = {
            "input": source.name,
            "image": which,
            "iterations run": " ".join(str(result.iterations) for result in results),
            "passes run": " ".join(str(result.passes) for result in results),
            "seconds": f"{sum(result.seconds for result in results):.1f}",
            "device": results[-1].device,
        }
        image = replace(self.image, array=array)
        write_ome_tiff(path, image, settings=results[-1].settings, record=record)
