"""From a napari layer to pixels and back: which planes a run reads, and where its result belongs.

Pure functions of layers, without a viewer, a thread or a Qt widget. What is shown while a run goes on
belongs to `napari_blindspot.widgets.denoise.result_layers`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.plane import MIN_SIZE, check_pixels
from napari_blindspot.widgets.denoise.color import SAMPLES, SamplePlanes
from napari_blindspot.widgets.shared.layer_data import layer_axes, layer_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from napari.components import Dims
    from napari.layers import Image, Shapes

    Region = tuple[slice, slice]

__all__ = [
    "LayerJob",
    "Window",
    "channels_of",
    "check_layer",
    "corners_of",
    "current_plane",
    "layer_job",
    "region_of",
    "slider_point",
]


class Window:
    """A rectangle of every plane of an array, read only when a plane is asked for.

    Parameters
    ----------
    array : array-like
        (…, Y, X); numpy, dask, zarr or anything else that takes integers and slices as an index.
    region : tuple of slice
        Rows and columns.
    """

    def __init__(self, array: Any, region: Region) -> None:
        self._array = array
        self._region = region
        rows, columns = region
        self.shape = (*array.shape[:-2], rows.stop - rows.start, columns.stop - columns.start)
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, plane: tuple[int, ...]) -> npt.NDArray[Any]:
        """Read one plane, given by its index into the leading axes."""
        return np.asarray(self._array[(*plane, *self._region)])


@dataclass(frozen=True, slots=True)
class LayerJob:
    """What a run reads, and where its result belongs.

    Attributes
    ----------
    name : str
        Name of the layer at the start of the run.
    window : Window
        The pixels.
    planes : tuple of tuple of int
        Indices of the planes to denoise, into the leading axes of the layer's data.
    axes : str
        One letter an axis of the layer's data, such as ``"TCZYX"``.
    origin : tuple of int
        Index in the layer's data of the first pixel of the result.
    shape : tuple of int
        Shape of the result; a single plane of a stack keeps its leading axes, of length 1.
    in_color : bool
        Whether the last axis before Y and X are the samples of a colour image, which the layer has last.
    region : tuple of int, optional
        First row, first column, row after the last, column after the last, if not the whole is denoised.
    """

    name: str
    window: Window
    planes: tuple[tuple[int, ...], ...]
    axes: str
    origin: tuple[int, ...]
    shape: tuple[int, ...]
    in_color: bool = False
    region: tuple[int, int, int, int] | None = None

    @property
    def corner(self) -> tuple[int, ...]:
        """Index of the first pixel of the result along the axes of the layer."""
        return (*self.origin[:-3], *self.origin[-2:]) if self.in_color else self.origin

    def slot(self, plane: tuple[int, ...]) -> tuple[int, ...]:
        """Return where in the result a plane goes, as an index into its leading axes."""
        return tuple(i - o for i, o in zip(plane, self.origin[:-2], strict=True))


def check_layer(layer: Image) -> None:
    """Refuse a layer whose pixels are not intensities, before anything is read.

    Raises
    ------
    ImageError
        One sentence that says what the layer is and what would be right.
    """
    check_pixels(np.dtype(layer_pixels(layer).dtype))
    height, width = _sides(layer)
    if min(height, width) < MIN_SIZE:
        raise ImageError(
            f"The planes of “{layer.name}” are {height}×{width} pixels, but at least "
            f"{MIN_SIZE}×{MIN_SIZE} are needed."
        )
    layer_axes(layer)


def channels_of(layer: Image) -> int:
    """Return how many channels a layer has; 1 where it has no axis of channels that is known."""
    with contextlib.suppress(ImageError):
        axes = layer_axes(layer)
        return int(layer_pixels(layer).shape[axes.index("C")]) if "C" in axes else 1
    return 1


def layer_job(
    layer: Image,
    point: Sequence[float],
    *,
    whole_stack: bool = False,
    all_channels: bool = False,
    region: Region | None = None,
) -> LayerJob:
    """Decide what a run reads.

    Parameters
    ----------
    layer : Image
        Of a multiscale layer, the finest level is taken.
    point : sequence of float
        Where the viewer's sliders stand, in the world of the layer.
    whole_stack : bool
        Every plane instead of the one at `point`.
    all_channels : bool
        The plane at `point` in every channel.
    region : tuple of slice, optional
        Rows and columns in data pixels, as `region_of` returns them; all of them if not given.

    Raises
    ------
    ImageError
        If the layer cannot be denoised.
    """
    check_layer(layer)
    in_color = bool(layer.rgb)
    pixels, axes = layer_pixels(layer), layer_axes(layer)
    if in_color:
        pixels, axes = SamplePlanes(pixels), f"{axes[:-2]}S{axes[-2:]}"
    height, width = _sides(layer)
    rows, columns = region or (slice(0, height), slice(0, width))
    window = Window(pixels, (rows, columns))
    first, leading = (0,) * (layer.ndim - 2), pixels.shape[: layer.ndim - 2]
    if not whole_stack:
        at_point, lengths = current_plane(layer, point), leading
        taken = [all_channels and letter == "C" for letter in axes[: len(at_point)]]
        first = tuple(0 if all_of_it else at for at, all_of_it in zip(at_point, taken, strict=True))
        leading = tuple(n if all_of_it else 1 for n, all_of_it in zip(lengths, taken, strict=True))
    samples = (SAMPLES,) if in_color else ()
    planes = tuple(
        tuple(o + i for o, i in zip((*first, *(0 for _ in samples)), index, strict=True))
        for index in np.ndindex(*leading, *samples)
    )
    return LayerJob(
        name=layer.name,
        window=window,
        planes=planes,
        axes=axes,
        origin=(*first, *(0 for _ in samples), rows.start, columns.start),
        shape=(*(int(n) for n in leading), *samples, *window.shape[-2:]),
        in_color=in_color,
        region=None if region is None else (rows.start, columns.start, rows.stop, columns.stop),
    )


def current_plane(layer: Image, point: Sequence[float]) -> tuple[int, ...]:
    """Return the index of the plane at a point of the world, the nearest if the point lies outside."""
    data = np.asarray(layer.world_to_data(tuple(point)), float)
    sizes = layer_pixels(layer).shape[: layer.ndim - 2]
    return tuple(int(np.clip(np.rint(x), 0, n - 1)) for x, n in zip(data, sizes, strict=False))


def region_of(shapes: Shapes, layer: Image, point: Sequence[float]) -> Region:
    """Return the rows and columns of a layer that the selected shape covers.

    A pixel belongs to the region when its centre lies in the shape's bounding box, taken along the axes
    of the image.

    Parameters
    ----------
    shapes : Shapes
        With one selected shape, or a single one.
    layer : Image
        What the shape was drawn on.
    point : sequence of float
        Where the viewer's sliders stand; fills the axes that the shapes do not have.

    Raises
    ------
    ImageError
        If it is not clear which shape is meant, or too few pixels lie in it.
    """
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    if len(chosen) != 1:
        found = "has no shape yet" if not shapes.data else f"has {len(shapes.data)} shapes"
        if len(chosen) > 1 and shapes.selected_data:
            found = f"has {len(chosen)} selected shapes"
        raise ImageError(
            f"“{shapes.name}” {found}: draw or select one rectangle around the region.", setting="region"
        )
    inside = corners_of(shapes, next(iter(chosen)), layer, point)
    height, width = _sides(layer)
    sides = zip(inside[:, -2:].T, (height, width), strict=True)
    rows, columns = (slice(max(ceil(x.min()), 0), min(floor(x.max()) + 1, n)) for x, n in sides)
    covered = max(rows.stop - rows.start, 0), max(columns.stop - columns.start, 0)
    if min(covered) < MIN_SIZE:
        raise ImageError(
            f"The rectangle covers {covered[0]}×{covered[1]} pixels of “{layer.name}”, but at least "
            f"{MIN_SIZE}×{MIN_SIZE} are needed: draw a larger one on the image.",
            setting="region",
        )
    return rows, columns


def corners_of(
    shapes: Shapes, number: int, layer: Image, point: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Return the corners of a shape, or the ends of a line, in data pixels of a layer, (N, axes).

    Parameters
    ----------
    shapes : Shapes
        Where it was drawn.
    number : int
        Which it is.
    layer : Image
        What it was drawn on.
    point : sequence of float
        As for `region_of`.
    """
    corners = np.asarray(shapes.data[number], float)
    drawn = (_convert(shapes.data_to_world(c), shapes.units, layer.units) for c in corners)
    return np.array([layer.world_to_data(_extend(c, point)) for c in drawn])


def _sides(layer: Image) -> tuple[int, int]:
    """Return how many rows and columns the planes of a layer have."""
    height, width = layer_pixels(layer).shape[layer.ndim - 2 : layer.ndim]
    return int(height), int(width)


def slider_point(dims: Dims, layer: Image) -> tuple[float, ...]:
    """Return where a viewer's sliders stand, in the world and the units of a layer."""
    return _convert(dims.point[-layer.ndim :], getattr(dims, "units", None), layer.units)


def _convert(position: Sequence[float], given: Any, wanted: Any) -> tuple[float, ...]:
    """Convert a position to other units, last axis to last axis; where no conversion exists, keep it."""
    if given is None or len(given) < len(position):
        return tuple(position)
    converted = [float(x) for x in position]
    for axis in range(-min(len(position), len(wanted)), 0):
        # Lengths cannot be converted to pixels; napari shows them as if they were the same.
        with contextlib.suppress(TypeError):
            converted[axis] *= float((1 * given[axis]).to(wanted[axis]).magnitude)
    return tuple(converted)


def _extend(position: Sequence[float], point: Sequence[float]) -> tuple[float, ...]:
    """Fill leading axes that a position lacks with those of a point."""
    missing = max(len(point) - len(position), 0)
    return (*point[:missing], *position)
