"""From what a user points at, files and open layers, to the inputs of a batch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.batch import BatchOptions, Input, plan_batch
from napari_blindspot.batch.items import files_of
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.axes import guess_axes
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff
from napari_blindspot.files.spacing import make_spacing
from napari_blindspot.widgets.shared.layer_data import layer_axes, layer_pixels

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
    """Return the file that a layer was opened from, or write its pixels into one.

    Parameters
    ----------
    layer : Image
        Whose image is to be denoised.
    output : Path
        Folder of the results; the pixels of a layer without a file go into a folder below it.

    Raises
    ------
    FileError
        If they cannot be written.
    ImageError
        If the layer has axes that an image file cannot have.
    """
    path = layer.source.path
    if path is not None and Path(path).exists():
        return Input(path=Path(path))
    data = np.asarray(layer_pixels(layer))
    axes = layer_axes(layer) or guess_axes(data.shape)[0]
    folder = output / LAYERS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", layer.name).strip(". ") or "layer"
    target = folder / f"{name}.ome.tif"
    write_ome_tiff(target, ImageFile(data, axes, _spacing(layer, axes)))
    return Input(path=target)


def _spacing(layer: Image, axes: str) -> dict[str, Spacing]:
    """Return the scale of a layer where it has a unit."""
    found = {}
    for letter, step, unit in zip(axes[::-1], layer.scale[::-1], layer.units[::-1], strict=False):
        spacing = make_spacing(letter, float(step), f"{unit:~}") if letter in "TZYX" else None
        if spacing is not None:
            found[letter] = spacing
    return found
