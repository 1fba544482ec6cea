"""The INR's layer of a stack: a plane is fitted when it is looked at, and all of them when they are read.

What it fits belongs to `napari_blindspot.engine.inr_of_image`; how layers are made and kept, to
`napari_blindspot.widgets.denoise.result_layers`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from napari_blindspot.core.plane import cast_like
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.widgets.denoise.color import SAMPLES
from napari_blindspot.widgets.denoise.scope import current_plane, slider_point
from napari_blindspot.widgets.shared.background import Background

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    Slot = tuple[int, ...]

__all__ = ["InrArray", "InrOnDemand", "InrPlanes"]


class InrPlanes:
    """The INR's images of the planes of a stack, as far as they are fitted.

    Parameters
    ----------
    shape : tuple of int
        (…, Y, X).
    dtype : dtype
        Of the pixels.
    in_color : bool
        Whether the last axis before Y and X becomes the samples of a pixel.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], *, in_color: bool = False) -> None:
        self.shape = shape
        self.dtype = dtype
        self.in_color = in_color
        self._given: dict[Slot, Mapping[str, npt.NDArray[Any]]] = {}
        self._fitted: dict[Slot, npt.NDArray[Any]] = {}
        self.array = InrArray(self)

    def give(self, slot: Slot, images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the images of a plane, of which that of the INR is fitted when it is read."""
        self._given[slot] = images

    def put(self, slot: Slot, image: npt.NDArray[Any]) -> None:
        """Take the image of a plane that needs no fit, or a preview of it."""
        self._fitted[slot] = image

    def missing(self, slots: Iterable[Slot]) -> list[Slot]:
        """Return those of some planes that could be fitted and are not."""
        return [slot for slot in slots if slot in self._given]

    def fit(self, slot: Slot) -> None:
        """Fit a plane that is denoised (any thread)."""
        images = self._given.get(slot)
        if images is not None:
            self._fitted[slot] = cast_like(images["inr"], self.dtype)
            # Whoever else has fitted it meanwhile has got the same pixels.
            self._given.pop(slot, None)

    def fit_all(self) -> None:
        """Fit every plane that is denoised."""
        for slot in sorted(self._given):
            self.fit(slot)

    def image(self, slot: Slot) -> npt.NDArray[Any]:
        """Return the image of a plane as far as it is known: nothing, where it is not fitted."""
        nothing = np.nan if self.dtype.kind == "f" else 0
        known = self._fitted.get(slot)
        return np.full(self.shape[-2:], nothing, self.dtype) if known is None else known


class InrArray(LazyArray):
    """What the layer shows: part by part what is fitted by now; as one array of numpy it is fitted whole.

    Parameters
    ----------
    planes : InrPlanes
        The images.

    Attributes
    ----------
    demand : InrOnDemand or None
        Fits what is looked at; it lives as long as the array.
    """

    def __init__(self, planes: InrPlanes) -> None:
        shape = planes.shape
        self._planes = planes
        self.demand: InrOnDemand | None = None
        if planes.in_color:
            super().__init__((*shape[:-3], *shape[-2:], SAMPLES), planes.dtype, self._color, 3)
        else:
            super().__init__(shape, planes.dtype, planes.image)

    def _color(self, slot: Slot) -> npt.NDArray[Any]:
        return np.stack([self._planes.image((*slot, sample)) for sample in range(SAMPLES)], axis=-1)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        self._planes.fit_all()
        return super().__array__(dtype, copy)


class InrOnDemand:
    """Fits the planes of an INR's layer that are in view, behind the screen. Main thread only.

    Parameters
    ----------
    viewer : ViewerModel
        Whose sliders say what is in view.
    layer : Image
        Shows an `InrArray`; nothing is fitted while it is hidden.
    planes : InrPlanes
        Its images.
    """

    def __init__(self, viewer: ViewerModel, layer: Image, planes: InrPlanes) -> None:
        self._viewer, self._layer = ref(viewer), ref(layer)
        self._planes = planes
        self._wanted: list[Slot] = []
        self._worker: Background | None = None
        layer.events.visible.connect(self.look)
        for event in (viewer.dims.events.current_step, viewer.dims.events.ndisplay):
            event.connect(self.look)

    @property
    def running(self) -> bool:
        """Whether something is being fitted."""
        return self._worker is not None

    def look(self, _: object = None) -> None:
        """See what is in view by now, and begin to fit it."""
        layer = self._shown()
        self._wanted = [] if layer is None else self._planes.missing(self._in_view(layer))
        if self._wanted and self._worker is None and layer is not None:
            self._worker = Background(
                f"Fitting “{layer.name}”", self._fits, yielded=self._redraw, ended=self._on_ended
            )
            self._worker.start()

    def _fits(self) -> Generator[None, None, None]:
        """Fit what is wanted (worker thread)."""
        while missing := self._planes.missing(self._wanted):
            self._planes.fit(missing[0])
            yield

    def _redraw(self, _: object = None) -> None:
        layer = self._shown()
        if layer is not None:
            layer.refresh(extent=False, highlight=False)

    def _on_ended(self) -> None:
        failed = self._worker is not None and (self._worker.error or self._worker.abandoned)
        self._worker = None
        if not failed:
            self._redraw()
            self.look()

    def _shown(self) -> Image | None:
        """Return the layer, if it is there and visible."""
        viewer, layer = self._viewer(), self._layer()
        if viewer is None or layer is None or layer not in viewer.layers or not layer.visible:
            return None
        return layer

    def _in_view(self, layer: Image) -> list[Slot]:
        """Return the planes on the screen; in three dimensions, all along the axes that are displayed."""
        viewer = self._viewer()
        assert viewer is not None
        dims = viewer.dims
        before = dims.ndim - layer.ndim
        displayed = {axis - before for axis in dims.displayed}
        at = current_plane(layer, slider_point(dims, layer))
        lengths = self._planes.array.leading
        ranges = [range(n) if axis in displayed else [at[axis]] for axis, n in enumerate(lengths)]
        if self._planes.in_color:
            ranges.append(range(SAMPLES))
        return list(itertools.product(*ranges))
