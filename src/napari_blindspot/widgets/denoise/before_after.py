"""Input and result beside each other on the screen: swapped in place, wiped, in one contrast.

Layers are held by reference. Main thread only.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.widgets.denoise.result_layers import look_and_place
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, layer_pixels
from napari_blindspot.widgets.shared.layer_source import is_made_here, is_result, source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari.components import ViewerModel
    from napari.layers import Image

__all__ = ["Wipe", "fit_contrast", "result_of", "results_meant", "select_layers", "show_together", "swap"]

ADDING = ("additive", "minimum", "multiplicative")
"""Ways of blending by which a layer is seen together with those under it."""

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


def results_meant(viewer: ViewerModel) -> list[Image]:
    """Return the selected results in the order of the list, or else the one that is meant."""
    chosen = [x for x in viewer.layers if x in viewer.layers.selection and is_result(x)]
    result = result_of(viewer)
    return chosen or ([] if result is None else [result])


def show_together(viewer: ViewerModel, results: Sequence[Image]) -> None:
    """Show results as their inputs were shown together, such as the colours of one image added up.

    A result covers its input, so that light does not add up; where all inputs are known, they are hidden
    instead.
    """
    inputs = {result: source_of(viewer, result) for result in results}
    known = [source for source in inputs.values() if source is not None]
    adding = [source.blending for source in known if source.blending in ADDING]
    if len(known) < len(results) or len(adding) < len(results) - 1:
        return
    # The lowest covers what lies under all of them.
    for result in sorted(results, key=viewer.layers.index)[1:]:
        result.blending = adding[0]
    for source in known:
        source.visible = False


def swap(viewer: ViewerModel) -> bool:
    """Show the inputs in place of the results that are meant, or the results again.

    Returns
    -------
    bool
        Whether the results are shown now.

    Raises
    ------
    ImageError
        If there is no result, or its input is gone.
    """
    pairs = _pairs(viewer)
    show = not any(result.visible for result, _ in pairs)
    together = any(result.blending in ADDING for result, _ in pairs)
    for result, source in pairs:
        if show:
            _uncover(viewer, result)
            source.visible = source.visible and not together
        else:
            _cover(viewer, result, source)
    return show


def _uncover(viewer: ViewerModel, result: Image) -> None:
    """Show a result, and what `_cover` has hidden with it."""
    for hidden in (reference() for reference in _hidden.pop(result, [ref(result)])):
        if hidden is not None and hidden in viewer.layers:
            hidden.visible = True
    result.visible = True


def _cover(viewer: ViewerModel, result: Image, source: Image) -> None:
    """Show an input, and hide what lies on it: the result, and the INR of the same run."""
    of_source = [layer for layer in viewer.layers if is_made_here(layer)]
    covering = [layer for layer in of_source if layer.visible and source_of(viewer, layer) is source]
    _hidden[result] = [ref(layer) for layer in covering]
    source.visible = True
    for layer in covering:
        layer.visible = False


def fit_contrast(viewer: ViewerModel) -> None:
    """Fit the contrast to the plane of each result that is meant, in view, and give its input the same.

    Raises
    ------
    ImageError
        If there is no result, or no value in it.
    """
    results = results_meant(viewer)
    if not results:
        raise ImageError("There is no result yet: denoise an image first.")
    for result in results:
        limits = _fitting_limits(viewer, result)
        for layer in (result, source_of(viewer, result)):
            if layer is not None:
                least, most = layer.contrast_limits_range
                layer.contrast_limits_range = (min(least, limits[0]), max(most, limits[1]))
                layer.contrast_limits = limits


def _fitting_limits(viewer: ViewerModel, result: Image) -> tuple[float, float]:
    if result.rgb:
        raise ImageError(f"“{result.name}” is in colour, which is shown as it is: it has no contrast.")
    shown = _plane_in_view(viewer, result)
    values = shown[np.isfinite(shown)]
    if not values.size or values.min() == values.max():
        raise ImageError(f"“{result.name}” has nothing in view that a contrast could be fitted to.")
    low, high = (float(value) for value in np.percentile(values, (LEAST, MOST)))
    return (low, high if high > low else float(values.max()))


class Wipe:
    """Shows the input left of a line and the result right of it.

    It is a layer of its own over each result that is meant, with the columns of its input before the line.
    napari's clipping planes are taken by 3-D views alone, and would have to be undone on the input itself.

    Parameters
    ----------
    viewer : ViewerModel
        Where it is shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._parts: list[tuple[Image, Image]] = []

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
        pairs = _pairs(self._viewer)
        there = [source for part, source in self._parts if part in self._viewer.layers]
        if there != [source for _, source in pairs]:
            self.remove()
            with _selection_kept(self._viewer):
                for result, source in pairs:
                    self._add(_columns(source, share), source, result)
            return
        for (part, source), (result, _) in zip(self._parts, pairs, strict=True):
            part.data = _columns(source, share)
            if not source.rgb:
                part.contrast_limits = result.contrast_limits

    def remove(self) -> None:
        """Show the results alone."""
        with _selection_kept(self._viewer):
            for part, _ in self._parts:
                if part in self._viewer.layers:
                    self._viewer.layers.remove(part)
        self._parts = []

    def _add(self, columns: Any, source: Image, result: Image) -> None:
        look = look_and_place(source, (0,) * source.ndim) | {"rgb": source.rgb}
        if self._parts:
            # The first covers the results; the others are added to it as their inputs are.
            look["blending"] = result.blending
        # Marked before it is added, so that nobody takes it for an image of the user's.
        marked = {METADATA_KEY: {"preview": True}}
        part = self._viewer.add_image(columns, name=f"{source.name} before", metadata=marked, **look)
        if not source.rgb:
            part.contrast_limits = result.contrast_limits
        self._parts.append((part, source))


def _columns(source: Image, share: float) -> Any:
    """Return the pixels of an input before the line."""
    pixels = layer_pixels(source)
    columns = max(1, round(min(share, 1.0) * pixels.shape[source.ndim - 1]))
    return pixels[(..., slice(0, columns), slice(None))] if source.rgb else pixels[..., :columns]


def select_layers(viewer: ViewerModel, chosen: Iterable[Image]) -> None:
    """Select those layers that are still there, in napari's list of layers too, which may be behind."""
    viewer.layers.selection.clear()
    viewer.layers.selection.update(layer for layer in chosen if layer in viewer.layers)


@contextlib.contextmanager
def _selection_kept(viewer: ViewerModel) -> Iterator[None]:
    """Select again what was selected before layers came or went."""
    chosen = set(viewer.layers.selection)
    yield
    select_layers(viewer, chosen)


def _pairs(viewer: ViewerModel) -> list[tuple[Image, Image]]:
    """Return the results that are meant, each with its input."""
    results = results_meant(viewer)
    if not results:
        raise ImageError("There is no result yet: denoise an image first.")
    pairs = []
    for result in results:
        source = source_of(viewer, result)
        if source is None:
            raise ImageError(f"The input of “{result.name}” is not among the layers any more.")
        pairs.append((result, source))
    return pairs


def _plane_in_view(viewer: ViewerModel, layer: Image) -> Any:
    """Return the pixels of a layer that are on the screen, or of its middle plane where none is."""
    pixels = layer_pixels(layer)
    inside = layer.ndim - 2
    place = layer.world_to_data(viewer.dims.point[-layer.ndim :])[:inside]
    index = tuple(int(np.clip(round(x), 0, n - 1)) for x, n in zip(place, pixels.shape, strict=False))
    return np.asarray(pixels[index], np.float64)
