"""Reading files plane by plane through the readers of bioio. Metadata are taken as bioio gives them.

Which formats these are, and how a file is recognised, is in `napari_blindspot.files.formats.bioio_format`.
"""

from __future__ import annotations

import contextlib
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.files.formats.finish_reading import image_of, unreadable
from napari_blindspot.files.formats.metadata import Metadata
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.image_file import ImageFile, Series
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy.typing as npt

    MakeReader = Callable[[Path], Any]
    """Makes bioio's reader of a file."""

__all__ = ["bioio_series", "open_bioio"]


def open_bioio(
    source: Path, name: str, make_reader: MakeReader, series: int | None = None, axes: str | None = None
) -> ImageFile:
    """Open one image of a file; its planes are read when they are asked for.

    Parameters
    ----------
    source : Path
        The file.
    name : str
        Its format.
    make_reader : callable
        Makes bioio's reader of the file; it raises a `FileError` if that is not installed.
    series, axes
        As in `napari_blindspot.files.door.open_image`.

    Raises
    ------
    FileError
        If bioio's reader of the format is not installed, or the file is damaged, or holds several
        images and none is chosen.
    ImageError
        If its axes are not those of an image.
    """
    with _damage(source, name):
        image = make_reader(source)
        image.set_scene(choose_series(source, _list(image), series))
        # The tiles of a mosaic are put together.
        data = image.mosaic_xarray_dask_data if "M" in image.dims.order else image.xarray_dask_data
        lazy, named = _squeezed(data.data, "".join(data.dims))
        metadata = _metadata(image)

    def read(index: tuple[int, ...]) -> npt.NDArray[Any]:
        with _damage(source, name):
            return np.asarray(lazy[index].compute(scheduler="synchronous"))

    array = LazyArray(lazy.shape, lazy.dtype, read, 3 if named.endswith("S") else 2)
    return image_of(array, named, axes, metadata)


def bioio_series(source: Path, name: str, make_reader: MakeReader) -> list[Series]:
    """Return the images of a file; the parameters are those of `open_bioio`.

    Raises
    ------
    FileError
        If bioio's reader of the format is not installed, or the file is damaged.
    """
    with _damage(source, name):
        return _list(make_reader(source))


def _list(image: Any) -> list[Series]:
    found = []
    for number, scene in enumerate(image.scenes):
        image.set_scene(scene)
        lengths = [(axis, getattr(image.dims, axis)) for axis in image.dims.order]
        kept = [(axis, length) for axis, length in lengths if length > 1 or axis in "YX"]
        shape = tuple(int(length) for _, length in kept)
        found.append(Series(number, str(scene), shape, "".join(axis for axis, _ in kept), str(image.dtype)))
    return found


def _squeezed(array: Any, axes: str) -> tuple[Any, str]:
    """Leave out the axes of length 1, of which the formats have many."""
    kept = [
        letter for letter, length in zip(axes, array.shape, strict=True) if length > 1 or letter in "YX"
    ]
    index = tuple(slice(None) if letter in kept else 0 for letter in axes)
    return array[index], "".join(kept)


def _metadata(image: Any) -> Metadata:
    found = Metadata()
    sizes = image.physical_pixel_sizes
    for axis in "ZYX":
        # bioio gives micrometres for all formats.
        found.set_spacing(axis, getattr(sizes, axis), "µm")
    interval = image.time_interval
    if isinstance(interval, timedelta):
        found.set_spacing("T", interval.total_seconds(), "s")
    found.channel_names = tuple(str(name) for name in image.channel_names or ())
    found.channel_colors = _colors(image)
    return found


def _colors(image: Any) -> tuple[str, ...]:
    # Not every reader can say it in OME's words, and what goes wrong then is open-ended.
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = image.ome_metadata.images[image.current_scene_index].pixels
        colors = [channel.color.as_rgb_tuple(alpha=False) for channel in pixels.channels]
        return tuple(
            "" if color == (255, 255, 255) else "#{:02x}{:02x}{:02x}".format(*color) for color in colors
        )
    return ()


def _damage(source: Path, name: str) -> AbstractContextManager[None]:
    return unreadable(source, f"The {name} file {source} is damaged, or bioio cannot read it")
