"""Input and result beside each other on the screen: swapped in place, wiped, in one contrast.

Layers are held by reference. Main thread only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.widgets.denoise.result_layers import look_and_place
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, layer_pixels
from napari_blindspot.widgets.shared.layer_source import is_made_here, is_result, source_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

__all__ = ["Wipe", "fit_contrast", "result_of", "swap"]

LEAST, MOST = 0.1, 99.9
"""Percentiles of a result between which its contrast is fitted: single pixels do not set it."""

_hidden: WeakKeyDictionary[Image, list[ref[Image]]] = WeakKeyDictionary()


def result_of(viewer: ViewerModel) -> Image | None:
    """Return the result that is meant: the selected one, that of the selected input, else the uppermost."""
    active = viewer.layers.selection.active
    if is_result(active):
        return active
    results = [layer for layer in reversed(viewer.layers) if is_result(layer)]
    of_active = (layer for layer in results if source_of(viewer, layer) is active)
    return next(of_active, next(iter(results), None))


def swap(viewer: ViewerModel) -> bool:
    """Show the input in place of the result that is meant, or the result again.

    Returns
    -------
    bool
        Whether the result is shown now.

    Raises
    ------
    ImageError
        If there is no result, or its input is gone.
    """
    result, source = _pair(viewer)
    if not result.visible:
        for hidden in (reference() for reference in _hidden.pop(result, [ref(result)])):
            if hidden is not None and hidden in viewer.layers:
                hidden.visible = True
        result.visible = True
        return True
    # What lies on the input goes with the result: the INR of the same run.
    of_source = [layer for layer in viewer.layers if is_made_here(layer)]
    covering = [layer for layer in of_source if layer.visible and source_of(viewer, layer) is source]
    _hidden[result] = [ref(layer) for layer in covering]
    source.visible = True
    for layer in covering:
        layer.visible = False
    return False


def fit_contrast(viewer: ViewerModel) -> None:
    """Fit the contrast to the plane of the result in view, and give its input the same.

    Raises
    ------
    ImageError
        If there is no result, or no value in it.
    """
    result = result_of(viewer)
    if result is None:
        raise ImageError("There is no result yet: denoise an image first.")
    if result.rgb:
        raise ImageError(f"“{result.name}” is in colour, which is shown as it is: it has no contrast.")
    shown = _plane_in_view(viewer, result)
    values = shown[np.isfinite(shown)]
    if not values.size or values.min() == values.max():
        raise ImageError(f"“{result.name}” has nothing in view that a contrast could be fitted to.")
    low, high = (float(value) for value in np.percentile(values, (LEAST, MOST)))
    limits = (low, high if high > low else float(values.max()))
    for layer in (result, source_of(viewer, result)):
        if layer is not None:
            least, most = layer.contrast_limits_range
            layer.contrast_limits_range = (min(least, limits[0]), max(most, limits[1]))
            layer.contrast_limits = limits


class Wipe:
    """Shows the input left of a line and the result right of it.

    It is a layer of its own over the result, with the columns of the input before the line. napari's
    clipping planes are taken by 3-D views alone, and would have to be undone on the input itself.

    Parameters
    ----------
    viewer : ViewerModel
        Where it is shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.layer: Image | None = None
        self._source: Image | None = None

    def show(self, share: float) -> None:
        """Put the line at a share of the width, in [0, 1]; at 0 there is none.

        Raises
        ------
        ImageError
            If there is no result, or its input is gone.
        """
        if share <= 0:
            self.remove()
            return
        result, source = _pair(self._viewer)
        pixels = layer_pixels(source)
        columns = max(1, round(min(share, 1.0) * pixels.shape[source.ndim - 1]))
        in_color = bool(source.rgb)
        part = pixels[(..., slice(0, columns), slice(None))] if in_color else pixels[..., :columns]
        layer = self.layer
        if layer is None or layer not in self._viewer.layers or self._source is not source:
            self.remove()
            self._add(part, source, result)
            return
        layer.data = part
        if not in_color:
            layer.contrast_limits = result.contrast_limits

    def remove(self) -> None:
        """Show the result alone."""
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = self._source = None

    def _add(self, part: Any, source: Image, result: Image) -> None:
        active = self._viewer.layers.selection.active
        look = look_and_place(source, (0,) * source.ndim) | {"rgb": source.rgb}
        # Marked before it is added, so that nobody takes it for an image of the user's.
        marked = {METADATA_KEY: {"preview": True}}
        self.layer = self._viewer.add_image(part, name=f"{source.name} before", metadata=marked, **look)
        if not source.rgb:
            self.layer.contrast_limits = result.contrast_limits
        self._source = source
        self._viewer.layers.selection.active = active


def _pair(viewer: ViewerModel) -> tuple[Image, Image]:
    result = result_of(viewer)
    if result is None:
        raise ImageError("There is no result yet: denoise an image first.")
    source = source_of(viewer, result)
    if source is None:
        raise ImageError(f"The input of “{result.name}” is not among the layers any more.")
    return result, source


def _plane_in_view(viewer: ViewerModel, layer: Image) -> Any:
    """Return the pixels of a layer that are on the screen, or of its middle plane where none is."""
    pixels = layer_pixels(layer)
    inside = layer.ndim - 2
    place = layer.world_to_data(viewer.dims.point[-layer.ndim :])[:inside]
    index = tuple(int(np.clip(round(x), 0, n - 1)) for x, n in zip(place, pixels.shape, strict=False))
    return np.asarray(pixels[index], np.float64)
