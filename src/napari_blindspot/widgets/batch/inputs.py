"""From what a user points at, files and open layers, to the inputs of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.batch import BatchOptions, Input, plan_batch
from napari_blindspot.batch.items import files_of
from napari_blindspot.core.errors import FileError
from napari_blindspot.core.plane import check_pixels
from napari_blindspot.files.door import WriteOptions, write_image
from napari_blindspot.files.names import plain_name
from napari_blindspot.widgets.shared.layer_data import layer_axes, layer_pixels
from napari_blindspot.widgets.shared.layer_image import layer_image
from napari_blindspot.widgets.shared.shown_file import shown_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image


__all__ = ["expand", "input_of_layer", "usual_output"]

LAYERS = "layers"
"""Folder below that of the results for layers that no file holds."""


def usual_output(path: Path) -> Path:
    """Return the folder for results that is offered first: beside the images."""
    return (path if path.is_dir() and path.suffix != ".zarr" else path.parent) / "denoised"


def expand(paths: Iterable[Path], options: BatchOptions) -> list[Input]:
    """Return every file that the paths stand for.

    Parameters
    ----------
    paths : iterable of Path
        Files, folders and patterns.
    options : BatchOptions
        The pattern for folders, and where the results go.

    Raises
    ------
    FileError
        If there is no image at all.
    """
    return files_of(plan_batch(paths, options, look=None))


def input_of_layer(layer: Image, output: Path) -> Input:
    """Return the file that a layer shows as a whole, or write the pixels of the layer into one.

    Parameters
    ----------
    layer : Image
        Whose image is to be denoised.
    output : Path
        Folder of the results; the pixels of a layer that no file holds as they are go into a folder below
        it, plane by plane.

    Raises
    ------
    FileError
        If they cannot be written.
    ImageError
        If the layer holds no intensities, or has axes that an image file cannot have.
    """
    if shown_file(layer) is not None:
        return Input(path=Path(layer.source.path))
    pixels = layer_pixels(layer)
    check_pixels(np.dtype(pixels.dtype))
    axes = layer_axes(layer) + ("S" if layer.rgb else "")
    image, planes = layer_image(pixels, layer.as_layer_data_tuple()[1], axes)
    folder = output / LAYERS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error
    target = folder / f"{plain_name(layer.name) or 'layer'}.ome.tif"
    write_image(target, image, planes, image.dtype, options=WriteOptions(compression="none"))
    return Input(path=target)
