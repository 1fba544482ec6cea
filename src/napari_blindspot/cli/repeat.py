"""The command ``repeat``: run again what a result says of its run, and compare the pixels.

It writes nothing. What a record holds belongs to `napari_blindspot.jobs.record`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.cli.display import display_of
from napari_blindspot.cli.interrupt import interrupts
from napari_blindspot.cli.progress import FitTeller
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import CancelledError, FileError, ImageError
from napari_blindspot.core.events import Finished
from napari_blindspot.core.plane import cast_like
from napari_blindspot.files.door import open_image, read_record, read_settings
from napari_blindspot.files.model_file import load_model
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.jobs.record import FileRecord
from napari_blindspot.stack import fit_stack, plane_indices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.files.read_options import ReadOptions

__all__ = ["input_of", "repeat_run"]


@dataclass(slots=True)
class _Comparison:
    """How the pixels of the planes compared so far differ."""

    planes: int = 0
    different: int = 0
    largest: float = 0.0

    def add(self, before: np.ndarray, again: np.ndarray) -> None:
        """Compare a plane, (Y, X), with what it is again."""
        self.planes += 1
        if not np.array_equal(before, again, equal_nan=before.dtype.kind == "f"):
            self.different += 1
            away = np.abs(before.astype(np.float64) - again.astype(np.float64))
            self.largest = max(self.largest, float(np.nanmax(away)) if np.isfinite(away).any() else 0.0)


def repeat_run(result: Path, source: Path | None, read: ReadOptions, model: Path | None = None) -> bool:
    """Denoise the input of a result again with its settings, and say whether the pixels agree.

    Parameters
    ----------
    result : Path
        What an earlier run wrote.
    source : Path or None
        Its input; if not given, the file of the name that the result holds, beside it.
    read : ReadOptions
        Which pixels of the input the earlier run took, if it was told.
    model : Path, optional
        What the earlier run applied, if it applied a model.

    Returns
    -------
    bool
        Whether all pixels are the same.

    Raises
    ------
    FileError
        If the result is none of this package, was stopped before its end, or the input is not there.
    ImageError
        If the input has not the shape of the result.
    CancelledError
        If the user ended it.
    """
    settings, values = read_settings(result), read_record(result)
    record = FileRecord.read(values)
    if record is not None and record.stopped:
        raise FileError(f"The fit of {result} was stopped before its end, so it cannot be repeated.")
    if model is None and values.get("model"):
        raise FileError(
            f"The run of {result} applied the model {values['model']}; give the model as well.",
            setting="model",
        )
    models = () if model is None else (model,)
    job = FileJob(source or input_of(result, values), {"denoised": result}, settings, read, models=models)
    image, before = job.open(), open_image(result).by_sample()
    if image.shape != before.shape:
        raise ImageError(
            f"The input {job.source} has the shape {image.shape}, but the result {before.shape}: give the "
            "options that the run was given."
        )
    return _tell(_compared(job, image, before, values.get("image", "denoised")))


def input_of(result: Path, values: Mapping[str, str]) -> Path:
    """Return the input of a result, by the name that it holds.

    Raises
    ------
    FileError
        If the result holds no name, or there is no such file beside it.
    """
    name = values.get("input", "")
    if not name:
        raise FileError(f"The file {result} does not name its input; give the input as well.")
    beside = result.with_name(name)
    if not beside.exists():
        raise FileError(f"The input {name} of {result} is not beside it; give the input as well.")
    return beside


def _compared(job: FileJob, image: ImageFile, before: ImageFile, name: str) -> _Comparison:
    """Fit all planes again."""
    indices = plane_indices(image.shape)
    control, teller = Control(), FitTeller(len(indices))
    events = fit_stack(
        image.array,
        job.settings,
        axes=image.axes,
        indices=indices,
        control=control,
        models=list(map(load_model, job.models)),
    )
    found = _Comparison()
    with display_of(teller) as display, interrupts(control, display.tell):
        for event in events:
            display.show(event)
            if isinstance(event, Finished) and not event.result.stopped:
                again = cast_like(event.result.images[name], before.dtype)
                found.add(np.asarray(before.array[event.plane]), again)
    if found.planes < len(indices):
        raise CancelledError(f"Ended after {found.planes} of {len(indices)} planes.")
    return found


def _tell(found: _Comparison) -> bool:
    """Print whether the pixels agree."""
    if found.different == 0:
        print(f"The pixels agree: {found.planes} of {found.planes} planes are the same.")
        return True
    print(
        f"The pixels differ in {found.different} of {found.planes} planes, by {found.largest:.4g} at most."
    )
    return False
