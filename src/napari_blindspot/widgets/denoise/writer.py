"""Image layers as files: what napari's File > Save writes when OME-TIFF or OME-Zarr is chosen.

One layer is one file, with the scale, the units and the place of the layer, and, of a result, the record of
its run. Only *Save result…* writes several results as the channels of one file. How files are written
belongs to `napari_blindspot.files`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.files.door import WriteOptions, write_image
from napari_blindspot.files.formats.registry import writers
from napari_blindspot.widgets.denoise.channels_together import as_channels, as_one_record
from napari_blindspot.widgets.denoise.inr_layer import InrArray
from napari_blindspot.widgets.denoise.run_record import record_for_file
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, answer_for, axes_of_attributes
from napari_blindspot.widgets.shared.layer_image import layer_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_blindspot.files.door import ImageFile
    from napari_blindspot.widgets.shared.layer_image import Planes

__all__ = ["write_ome_tiff_layer", "write_ome_zarr_layer", "write_results"]


def write_ome_tiff_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an image layer as OME-TIFF.

    Parameters
    ----------
    path : str
        The file; ``.ome.tif`` is added if the name has no ending.
    data : array-like or sequence of array-like
        The pixels, or the levels of a pyramid, of which the finest is taken.
    attributes : dict
        What napari stores of the layer.

    Returns
    -------
    list of str
        The file that was written.

    Raises
    ------
    FileError
        If it cannot be; napari shows the sentence.
    """
    return _written(path, ".ome.tif", data, attributes)


def write_ome_zarr_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an image layer as OME-Zarr; as `write_ome_tiff_layer`, but ``.ome.zarr`` is added."""
    return _written(path, ".ome.zarr", data, attributes)


def write_results(path: str, layers: Sequence[tuple[Any, Mapping[str, Any]]]) -> str:
    """Write a result, or several as the channels of one image, and return the file.

    Parameters
    ----------
    path : str
        The file; its ending says the format, and ``.ome.tif`` is added if there is none.
    layers : sequence of tuple
        Pixels of each layer and what napari stores of it.

    Raises
    ------
    FileError
        If it cannot be written.
    ImageError
        If the results are no channels of one image.
    """
    target = _with_ending(path, ".ome.tif")
    if len(layers) == 1:
        _write(target, *layers[0])
        return target
    images = [(str(attributes.get("name")), *_image(data, attributes)) for data, attributes in layers]
    image, planes = as_channels(images)
    merged = as_one_record([attributes["metadata"][METADATA_KEY] for _, attributes in layers])
    settings, record = record_for_file(merged) or (None, None)
    write_image(target, image, planes, image.dtype, settings=settings, record=record)
    return target


def _written(path: str, ending: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    target = _with_ending(path, ending)
    try:
        _write(target, data, attributes)
    except ImageError as error:
        # napari takes a ValueError for a sign that no plugin can write the layer, and the sentence is lost.
        raise FileError(str(error)) from error
    return [target]


def _write(target: str, data: Any, attributes: Mapping[str, Any]) -> None:
    metadata = attributes.get("metadata") or {}
    image, planes = _image(data, attributes)
    settings, record = record_for_file(metadata.get(METADATA_KEY)) or (None, None)
    write_image(
        target,
        image,
        planes,
        image.dtype,
        options=WriteOptions(pyramid=bool(attributes.get("multiscale", False))),
        settings=settings,
        record=record,
    )
    if _turned(
        attributes, len(data[0].shape if attributes.get("multiscale") else data.shape) - image.is_rgb
    ):
        show_warning(f"{Path(target).name} does not hold the rotation, shear or affine of the layer.")


def _image(data: Any, attributes: Mapping[str, Any]) -> tuple[ImageFile, Planes]:
    """Return a layer as an image, with its planes."""
    pixels = data[0] if attributes.get("multiscale", False) else data
    metadata = attributes.get("metadata") or {}
    samples = "S" if attributes.get("rgb") else ""
    shape = tuple(pixels.shape[: len(pixels.shape) - len(samples)])
    labels = tuple(attributes.get("axis_labels") or ("",) * len(shape))
    axes = axes_of_attributes(
        str(attributes.get("name", "image")),
        shape,
        labels,
        metadata,
        units=attributes.get("units") or (),
        answer=answer_for(pixels),
    )
    if isinstance(pixels, InrArray):
        # Planes that nobody has looked at are fitted now.
        pixels = np.asarray(pixels)
    return layer_image(pixels, attributes, axes + samples)


def _with_ending(path: str, ending: str) -> str:
    """Return a path with the ending of its format, unless its name has an ending already."""
    name = Path(path).name.lower()
    known = tuple(one for writer in writers() for one in writer.endings)
    # The name of a layer may hold the one of a file: cells.tif denoised.
    return path if name.endswith(known) or re.search(r"\.\w{1,5}$", name) else path + ending


def _turned(attributes: Mapping[str, Any], ndim: int) -> bool:
    """Tell whether a layer is placed by more than its scale and its first pixel."""
    plain: dict[str, Any] = {"rotate": np.eye(ndim), "affine": np.eye(ndim + 1), "shear": 0.0}
    given = {name: attributes[name] for name in plain if attributes.get(name) is not None}
    return any(
        (np.shape(value) != np.shape(plain[name]) and name != "shear")
        or not np.allclose(value, plain[name])
        for name, value in given.items()
    )
