"""The planes of a result along Z: which they are, how far apart, and a layer of equal voxels over them.

Pure functions of layers. Sampling between the planes belongs to `napari_blindspot.method.inr_volume`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.model import MOST_SAMPLES
from napari_blindspot.widgets.denoise.scope import current_plane
from napari_blindspot.widgets.inspect.subject import has_result, record_of
from napari_blindspot.widgets.shared.layer_data import layer_axes, layer_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from napari.layers import Image

__all__ = ["Depth", "depth_of"]


@dataclass(frozen=True, slots=True)
class Depth:
    """The planes of a result along Z, with the other axes where a viewer's sliders stand.

    Attributes
    ----------
    name : str
        Of the layer.
    array : array-like
        (…, Y, X) of the layer.
    record : mapping
        Of its run; empty where it has none.
    index : tuple of int
        Of the plane in view, into the leading axes.
    axis : int
        Which of these is Z.
    zoom : tuple of float
        Samples a plane along z, a pixel along y and a pixel along x, of which voxels have equal sides.
    """

    name: str
    array: Any
    record: Any
    index: tuple[int, ...]
    axis: int
    zoom: tuple[float, float, float]

    def planes(self) -> npt.NDArray[np.float64]:
        """Read the planes, (Z, Y, X).

        Raises
        ------
        ImageError
            If one of them has no result, or there would be too many samples.
        """
        length, height, width = (self.array.shape[at] for at in (self.axis, -2, -1))
        samples = length * height * width * float(np.prod(self.zoom))
        if samples > MOST_SAMPLES:
            raise ImageError(
                f"Equal voxels of “{self.name}” would be {samples / 2**20:.0f} million, but at most "
                f"{MOST_SAMPLES // 2**20} million are sampled: crop the layer first."
            )
        planes = []
        for z in range(length):
            place = (*self.index[: self.axis], z, *self.index[self.axis + 1 :])
            plane = np.asarray(self.array[place], np.float64)
            if not has_result(plane, self.record, place):
                raise ImageError(
                    f"Plane {z} of “{self.name}” has no result yet: denoise the whole stack first."
                )
            planes.append(plane)
        return np.stack(planes)

    def of_layer(self, values: Sequence[float], other: float) -> tuple[float, ...]:
        """Return what is given for z, y and x for all axes of the layer, with another for the others."""
        whole = [other] * len(self.array.shape)
        for axis, value in zip((self.axis, -2, -1), values, strict=True):
            whole[axis] = value
        return tuple(whole)


def depth_of(layer: Image, point: Sequence[float]) -> Depth:
    """Return the planes of a layer along Z.

    Parameters
    ----------
    layer : Image
        A result.
    point : sequence of float
        Where the sliders stand, in the world of the layer.

    Raises
    ------
    ImageError
        If it is no stack along Z, or its voxels are equal already.
    """
    pixels = layer_pixels(layer)
    axis = layer_axes(layer).find("Z")
    if axis < 0 or pixels.shape[axis] < 2:
        raise ImageError(
            f"“{layer.name}” is no stack along Z, so there is nothing between its planes: choose a result "
            "of a whole z-stack."
        )
    sides = [_length(layer, at) for at in (axis, -2, -1)]
    finest = min(sides)
    z, y, x = (side / finest for side in sides)
    if max(z, y, x) < 1.001:
        raise ImageError(
            f"The voxels of “{layer.name}” have equal sides already; if its planes lie farther apart, set "
            "the scale of the layer along Z."
        )
    return Depth(
        layer.name,
        pixels,
        record_of(layer),
        current_plane(layer, point),
        axis,
        (z, y, x),
    )


def _length(layer: Image, axis: int) -> float:
    """Return the side of a voxel along an axis, in the unit of the last one."""
    scale = abs(float(layer.scale[axis]))
    # Lengths cannot be converted to pixels; napari shows them as if they were the same.
    with contextlib.suppress(TypeError):
        return float((scale * layer.units[axis]).to(layer.units[-1]).magnitude)
    return scale
