"""From a layer to the job of its file, where the result of a whole stack goes to disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.files.names import stem
from napari_blindspot.files.read_options import ReadOptions
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.widgets.batch.inputs import input_of_layer
from napari_blindspot.widgets.shared.layer_data import layer_axes, unnamed_axes

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_blindspot.settings import Settings

__all__ = ["disk_job"]

_IN_FILES = set("TZCYX")
"""Letters of axes that a user can give a file."""


def disk_job(
    layer: Image, settings: Settings, *, model: Path | None = None, output: Path | None = None
) -> FileJob:
    """Return the job that denoises all planes of a layer into an OME-Zarr.

    Parameters
    ----------
    layer : Image
        Shown from a file as it is, or with its pixels written into one beside the output.
    settings : Settings
        Of the fits.
    model : Path, optional
        A model that is applied instead of fitting.
    output : Path, optional
        The OME-Zarr; beside the layer's file if not given.

    Raises
    ------
    FileError
        If the layer is in no file and no output is given, or its pixels cannot be written.
    ImageError
        If it is in colour, or has axes that a file cannot have.
    """
    if layer.rgb:
        raise ImageError(f"“{layer.name}” is in colour: add it to Batch denoise for a result on disk.")
    path = layer.source.path
    if output is None and path is None:
        raise FileError(
            f"“{layer.name}” is in no file: choose where its result is to be written.", setting="disk"
        )
    folder = output.parent if output is not None else Path(str(path)).parent
    entry = input_of_layer(layer, folder)
    axes = layer_axes(layer)
    said = axes if unnamed_axes(layer) and set(axes) <= _IN_FILES else None
    target = output or entry.path.with_name(f"{stem(entry.path.name)}_denoised.ome.zarr")
    return FileJob(
        source=entry.path,
        outputs={"denoised": target},
        settings=settings,
        read=ReadOptions(axes=said),
        existing="resume",
        models=() if model is None else (model,),
    )
