"""The layers of a run, one an image of the result: shown early, filled live, kept or removed.

Layers are held by reference, never by name. What the user does to them wins: a layer that was deleted stays
gone. Main thread only. Which images there are is written in `napari_blindspot.core.images`.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from napari.utils.transforms import Affine

from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.images import IMAGES, Images
from napari_blindspot.core.plane import cast_like
from napari_blindspot.core.words import size_of_memory
from napari_blindspot.engine.hardware.memory import free_memory
from napari_blindspot.widgets.denoise.color import SAMPLES
from napari_blindspot.widgets.denoise.inr_layer import InrOnDemand, InrPlanes
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, labels_of
from napari_blindspot.widgets.shared.layer_source import remember_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.denoise.scope import LayerJob

__all__ = [
    "ResultLayers",
    "ShownResult",
    "add_result",
    "empty_planes",
    "look_and_place",
    "memory_of",
    "result_dtype",
]

_PLACE = ("scale", "translate", "units")
"""What a user may well say of a layer only while it is denoised already."""


class ShownResult(Protocol):
    """What shows the result of a run while it grows."""

    def preview(self, plane: tuple[int, ...], images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show what one plane looks like by now."""

    def result(self, plane: tuple[int, ...], images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show the result of one plane."""

    def keep(self, record: Mapping[str, Any]) -> None:
        """Turn what is shown into a result with the record of its run."""

    def remove(self) -> None:
        """Leave the layer list as it was before the run."""


class ResultLayers:
    """The layers that a run fills.

    Parameters
    ----------
    viewer : ViewerModel
        Where they go.
    source : Image
        Whose look and place they take; it may be deleted afterwards.
    job : LayerJob
        Decides their shape.
    dtype : dtype
        Of the results. A plane without a result yet is NaN, which napari draws transparent, so that the
        noisy plane is seen through it; integers have no NaN, and such a plane is 0 there. The INR of a
        plane of a stack is fitted when its layer is shown, which is hidden at first.

    Raises
    ------
    OutOfMemoryError
        If the arrays do not fit into memory.
    """

    def __init__(self, viewer: ViewerModel, source: Image, job: LayerJob, dtype: np.dtype[Any]) -> None:
        _check_memory(job.shape, dtype)
        self._viewer = viewer
        self._job = job
        self._source = source
        self._arguments = look_and_place(source, job.corner) | {"rgb": job.in_color}
        self._range = list(source.contrast_limits_range)
        self._active = viewer.layers.selection.active
        self._inr: InrPlanes | None = None
        if prod(job.window.shape[:-2]) > 1:
            self._inr = InrPlanes(job.shape, dtype, in_color=job.in_color)
        # In the order in which they are laid on each other: what was asked for is the one that is seen.
        self._shown = {
            name: _ShownInr(f"{job.name} {image.label}", self._inr)
            if name == "inr" and self._inr is not None
            else _ShownImage(
                f"{job.name} {image.label}", empty_planes(job.shape, dtype), in_color=job.in_color
            )
            for name, image in reversed(IMAGES.items())
        }
        if job.in_color and len(job.planes) == SAMPLES:
            # A sample without a result yet would be missing from the colours of all pixels.
            for plane in job.planes:
                for image in self._shown.values():
                    if not isinstance(image, _ShownInr):
                        image.write(job.slot(plane), job.window[plane])

    def preview(self, plane: tuple[int, ...], images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Write what one plane looks like by now; each call makes one of the layers that are not there yet.

        Making a layer takes napari a tenth of a second or more; two at once would be felt.
        """
        self._write(plane, images)
        for shown in self._missing()[:1]:
            self._add(shown)

    def result(self, plane: tuple[int, ...], images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Write the result of one plane, and make the layers that are not there yet."""
        if self._inr is not None and isinstance(images, Images):
            self._inr.give(self._job.slot(plane), images)
            images = images.ready
        self._write(plane, images)
        for shown in self._missing():
            self._add(shown)
        if self._inr is not None and self._inr.array.demand is not None:
            self._inr.array.demand.look()

    def keep(self, record: Mapping[str, Any]) -> None:
        """Turn the layers into results: add the record of the run, and make the first image's active.

        Where the user has deleted all of them, that one comes back: a run that was not cancelled never ends
        without a result.
        """
        first = self._shown[next(iter(IMAGES))]
        if not any(map(self._present, self._shown.values())):
            self._add(first)
        self._follow_source()
        for name, shown in self._shown.items():
            if shown.layer is not None and self._present(shown):
                shown.layer.metadata = {**shown.layer.metadata, METADATA_KEY: {**record, "image": name}}
                shown.layer.refresh(extent=False, highlight=False)
        if self._present(first):
            self._viewer.layers.selection.active = first.layer

    def remove(self) -> None:
        """Leave the layer list as it was before the run."""
        for shown in self._shown.values():
            if self._present(shown):
                self._viewer.layers.remove(shown.layer)
        if self._viewer.layers.selection.active is None and self._active in self._viewer.layers:
            self._viewer.layers.selection.active = self._active

    def _follow_source(self) -> None:
        """Lay the results on the source again if it was moved or rescaled meanwhile, and they were not."""
        begun = self._arguments
        if self._source not in self._viewer.layers or self._source.ndim != len(begun["scale"]):
            return
        now = look_and_place(self._source, self._job.corner)
        for shown in self._shown.values():
            for name in _PLACE if self._present(shown) else ():
                if tuple(getattr(shown.layer, name)) == tuple(begun[name]):
                    setattr(shown.layer, name, now[name])

    def _missing(self) -> list[_ShownImage]:
        return [shown for shown in self._shown.values() if shown.layer is None]

    def _write(self, plane: tuple[int, ...], images: Mapping[str, npt.NDArray[Any]]) -> None:
        slot = self._job.slot(plane)
        for name, shown in self._shown.items():
            if name not in images:
                continue
            # What a fit shows of its INR need not be asked for.
            shown.is_visible = True
            shown.write(slot, cast_like(images[name], shown.array.dtype))
            if shown.layer is not None and self._present(shown):
                shown.layer.refresh(extent=False, highlight=False)

    def _add(self, shown: _ShownImage) -> None:
        look = self._arguments | {"visible": shown.is_visible}
        shown.layer = add_result(self._viewer, shown.array, shown.name, self._source, look, self._range)
        if isinstance(shown, _ShownInr):
            shown.planes.array.demand = InrOnDemand(self._viewer, shown.layer, shown.planes)

    def _present(self, shown: _ShownImage) -> bool:
        return shown.layer is not None and shown.layer in self._viewer.layers


class _ShownImage:
    """An array and the layer that shows it.

    Parameters
    ----------
    name : str
        Of the layer.
    planes : ndarray
        (…, Y, X), what is written to.
    in_color : bool
        Whether the last axis before Y and X becomes the samples of a pixel.
    """

    def __init__(self, name: str, planes: npt.NDArray[Any], *, in_color: bool) -> None:
        self.name = name
        self.planes: Any = planes
        self.array: Any = np.moveaxis(planes, -3, -1) if in_color else planes
        self.layer: Image | None = None
        self.is_visible = True

    def write(self, slot: tuple[int, ...], image: npt.NDArray[Any]) -> None:
        """Write one plane."""
        self.planes[slot] = image


class _ShownInr(_ShownImage):
    """The layer of an INR that is fitted when it is looked at: hidden until then."""

    def __init__(self, name: str, planes: InrPlanes) -> None:
        self.name = name
        self.planes = planes
        self.array = planes.array
        self.layer = None
        self.is_visible = False

    def write(self, slot: tuple[int, ...], image: npt.NDArray[Any]) -> None:
        """Take the image of a plane that is there already."""
        self.planes.put(slot, image)


def add_result(
    viewer: ViewerModel,
    array: Any,
    name: str,
    source: Image,
    look: Mapping[str, Any],
    limits_range: Sequence[float],
) -> Image:
    """Add a layer for an image of a run that goes on.

    Parameters
    ----------
    viewer : ViewerModel
        Where it goes.
    array : array-like
        What it shows.
    name : str
        Of the layer.
    source : Image
        What the run denoises.
    look : mapping
        From `look_and_place`, with ``rgb``.
    limits_range : sequence of float
        Between which the contrast can be set.
    """
    active = viewer.layers.selection.active
    layer = viewer.add_image(array, name=name, **look)
    if not look["rgb"]:
        layer.contrast_limits_range = list(limits_range)
        layer.contrast_limits = look["contrast_limits"]
    layer.metadata = {METADATA_KEY: {"preview": True}}
    remember_source([layer], source)
    if active is not None:
        # Adding a layer selects it; the user keeps what they had selected.
        viewer.layers.selection.active = active
    return layer


def look_and_place(layer: Image, origin: Sequence[int]) -> dict[str, Any]:
    """Return arguments of an image layer that looks like another and lies over its pixels.

    Parameters
    ----------
    layer : Image
        What to look like.
    origin : sequence of int
        Index in its data of the first pixel of the new layer.
    """
    place = Affine(scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear)
    blends = "additive" in layer.blending or layer.blending in ("minimum", "multiplicative")
    return {
        "scale": layer.scale,
        "translate": np.asarray(place(np.asarray(origin, float))),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": labels_of(layer),
        "colormap": layer.colormap,
        "contrast_limits": list(layer.contrast_limits),
        "gamma": layer.gamma,
        "interpolation2d": layer.interpolation2d,
        "interpolation3d": layer.interpolation3d,
        "rendering": layer.rendering,
        "projection_mode": layer.projection_mode,
        # Light of a noisy image under its denoised copy would add up; a copy has to cover it.
        "blending": "translucent_no_depth" if blends else layer.blending,
        "rgb": False,
        "multiscale": False,
    }


def empty_planes(shape: Iterable[int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return an array without results."""
    return np.full(tuple(shape), np.nan, dtype) if dtype.kind == "f" else np.zeros(tuple(shape), dtype)


def result_dtype(job: LayerJob, settings: Settings) -> np.dtype[Any]:
    """Return the type of a result's pixels."""
    return job.window.dtype if settings.output_dtype == "input" else np.dtype(np.float32)


def memory_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> float:
    """Return how many bytes the results of a run take in memory."""
    return len(IMAGES) * dtype.itemsize * float(np.prod(shape, dtype=float))


def _check_memory(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse results that the computer cannot hold, instead of letting the system end napari."""
    needed = memory_of(shape, dtype)
    free = free_memory()
    if needed > free:
        raise OutOfMemoryError(
            f"The results would take {size_of_memory(needed)}, but {size_of_memory(free)} are free: keep "
            "them on disk, or choose a region or the current plane.",
            setting="keep",
        )
