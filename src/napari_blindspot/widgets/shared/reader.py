"""Image files as napari layers, in the place and at the scale that the file tells.

napari's own reader shows every TIFF at a scale of 1. No reader is contributed for that: napari would then
ask which of the two is to be taken for every TIFF, other people's included, and scripts that open one would
fail. These functions are behind two entries of the menu File > IO Utilities, and open a batch's images.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error, show_info
from napari.viewer import Viewer  # noqa: TC002 (napari reads the annotations at run time)
from qtpy.QtWidgets import QApplication, QFileDialog, QInputDialog

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.words import sentence
from napari_blindspot.files.door import ImageFile, ReadOptions, list_series, open_image
from napari_blindspot.files.formats.registry import dialog_filter

if TYPE_CHECKING:
    from napari.layers import Layer

    LayerData = tuple[Any, dict[str, Any], str]

__all__ = ["add_to_viewer", "layer_data", "open_files", "open_zarr_folder"]

IN_MEMORY = 256 * 2**20
"""Bytes up to which an image is read at once; larger ones plane by plane while one looks through them."""


def layer_data(image: ImageFile, name: str) -> LayerData:
    """Describe an image to napari: its scale, its place, and each channel as a layer with its colour.

    Parameters
    ----------
    image : ImageFile
        From `napari_blindspot.files.door.open_image`.
    name : str
        Of the layer; channels add their own.
    """
    letters = [letter for letter in image.axes if letter not in "CS"]
    has_unit = [letter in image.spacing for letter in letters]
    attributes: dict[str, Any] = {
        "name": name,
        "scale": [image.spacing[letter].step if letter in image.spacing else 1.0 for letter in letters],
        "translate": [image.origin.get(letter, 0.0) for letter in letters],
        "units": [
            image.spacing[letter].unit if known else "pixel"
            for letter, known in zip(letters, has_unit, strict=True)
        ],
        "axis_labels": [letter.lower() for letter in letters],
        "rgb": image.is_rgb,
    }
    if "C" in image.axes:
        attributes["channel_axis"] = image.axes.index("C")
        named = image.channel_names or tuple(f"channel {number}" for number in range(image.channels))
        attributes["name"] = [f"{name} {channel}" for channel in named]
        if any(image.channel_colors):
            attributes["colormap"] = [color or "gray" for color in image.channel_colors]
    elif any(image.channel_colors):
        attributes["colormap"] = image.channel_colors[0]
    return _pixels(image), attributes, "image"


def add_to_viewer(
    viewer: Viewer,
    path: Path,
    *,
    read: ReadOptions | None = None,
    name: str | None = None,
) -> list[Layer]:
    """Open a file and add its layers, one a channel.

    Parameters
    ----------
    viewer : Viewer
        Where to.
    path : Path
        The file.
    read : ReadOptions, optional
        Which image of it, and what is said of it.
    name : str, optional
        Of the layers; that of the file if not given.

    Raises
    ------
    BlindspotError
        If the file cannot be read.
    """
    said = read or ReadOptions()
    image = open_image(
        path, series=said.series, axes=said.axes, split=said.split, voxel_size=said.voxel_size
    )
    if said.channel is not None:
        image = image.channel(said.channel)
    data, attributes, _ = layer_data(image, name or path.name)
    with _opened_from(path):
        added = viewer.add_image(data, **attributes)
    for notice in image.notices:
        show_info(f"{path.name}: {sentence(notice)}")
    return list(added) if isinstance(added, list) else [added]


def open_files(viewer: Viewer) -> None:
    """Ask for image files and open them."""
    chosen, _ = QFileDialog.getOpenFileNames(
        QApplication.activeWindow(), "Open with voxel size", "", f"{dialog_filter()};;All files (*)"
    )
    for path in chosen:
        _open_in(viewer, Path(path))


def open_zarr_folder(viewer: Viewer) -> None:
    """Ask for the folder of an OME-Zarr and open it."""
    chosen = QFileDialog.getExistingDirectory(QApplication.activeWindow(), "Open OME-Zarr with voxel size")
    if chosen:
        _open_in(viewer, Path(chosen))


def _open_in(viewer: Viewer, path: Path) -> None:
    """Open a file, after asking which of its images if it holds several; what is wrong is shown."""
    try:
        there = list_series(path)
        series = 0
        if len(there) > 1:
            names = [str(one) for one in there]
            picked, accepted = QInputDialog.getItem(
                QApplication.activeWindow(), path.name, "Image:", names, 0, False
            )
            if not accepted:
                return
            series = names.index(picked)
        add_to_viewer(viewer, path, read=ReadOptions(series=series))
    except BlindspotError as error:
        show_error(str(error))


def _opened_from(path: Path) -> contextlib.AbstractContextManager[None]:
    """Return a context whose layers know the file that they are of, as those of napari's readers do."""
    try:
        from napari.layers._source import layer_source
    except ImportError:
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = layer_source(
        path=str(path.absolute()), reader_plugin="napari-blindspot"
    )
    return context


def _pixels(image: ImageFile) -> Any:
    array = image.array
    if isinstance(array, np.ndarray) or array.nbytes <= IN_MEMORY:
        return np.asarray(array)
    import dask.array

    chunks = tuple(1 for _ in array.leading) + array.shape[len(array.leading) :]
    return dask.array.from_array(array, chunks=chunks, name=False)  # type: ignore[no-untyped-call]
