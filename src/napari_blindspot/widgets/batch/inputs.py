"""From what a user points at, files and open layers, to the inputs of a batch."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.batch import BatchOptions, Input, plan_batch
from napari_blindspot.batch.items import files_of
from napari_blindspot.core.errors import BlindspotError, FileError
from napari_blindspot.core.plane import check_pixels
from napari_blindspot.files.door import WriteOptions, list_series, open_image, write_image
from napari_blindspot.files.names import plain_name
from napari_blindspot.widgets.shared.layer_data import layer_axes, layer_pixels
from napari_blindspot.widgets.shared.layer_image import layer_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image

    from napari_blindspot.files.image_file import ImageFile

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
    path = layer.source.path
    if path is not None and _shows_all_of(layer, Path(path)):
        return Input(path=Path(path))
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


def _shows_all_of(layer: Image, path: Path) -> bool:
    """Tell whether a file holds what a layer shows and nothing else: no crop, no further channel, no edit.

    All planes of an array are compared with those of the file. Of one that reads its planes only when they
    are asked for, the first, the middle and the last are; nobody edits such an array in place.
    """
    try:
        if not path.exists() or len(list_series(path)) != 1:
            return False
        image = open_image(path)
        return _has_pixels(layer, image)
    except BlindspotError:
        # What this program cannot read may be shown by another plugin.
        return False


def _has_pixels(layer: Image, image: ImageFile) -> bool:
    pixels = layer_pixels(layer)
    if _without_ones(pixels.shape) != _without_ones(image.shape) or layer.rgb != image.is_rgb:
        return False
    if np.dtype(pixels.dtype).newbyteorder("=") != image.dtype.newbyteorder("="):
        return False
    within = 3 if layer.rgb else 2
    shown, held = pixels.shape[:-within], image.shape[:-within]
    count = prod(shown)
    whole = isinstance(pixels, np.ndarray)
    numbers = range(count) if whole else sorted({0, count // 2, count - 1})
    return all(
        np.array_equal(
            np.asarray(pixels[tuple(map(int, np.unravel_index(number, shown)))] if shown else pixels),
            np.asarray(image.array[tuple(map(int, np.unravel_index(number, held)))]),
            equal_nan=image.dtype.kind == "f",
        )
        for number in numbers
    )


def _without_ones(shape: Iterable[int]) -> list[int]:
    """Return the lengths of all axes but those of length 1, which not every reader keeps."""
    return [length for length in shape if length > 1]
