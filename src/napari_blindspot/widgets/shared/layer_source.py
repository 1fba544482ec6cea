"""What a layer is to a run: its result, or there for a while; and which layer a result came from.

The source is remembered from the run, else looked up by the name in the result's record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Image

from napari_blindspot.widgets.shared.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeGuard

    from napari.components import ViewerModel

__all__ = ["is_made_here", "is_passing", "is_result", "list_changes", "remember_source", "source_of"]

_sources: WeakKeyDictionary[Image, ref[Image]] = WeakKeyDictionary()


def remember_source(results: Iterable[Image], source: Image) -> None:
    """Remember which layer some results were made of."""
    for result in results:
        _sources[result] = ref(source)


def source_of(viewer: ViewerModel, result: Image) -> Image | None:
    """Return the noisy layer of a result; None if it is not there any more."""
    known = _sources.get(result)
    source = None if known is None else known()
    if source is not None:
        return source if source in viewer.layers else None
    name = result.metadata[METADATA_KEY].get("source")
    layers = [layer for layer in viewer.layers if isinstance(layer, Image) and layer.name == name]
    return layers[0] if layers else None


def list_changes(viewer: ViewerModel) -> list[Any]:
    """Return the events after which the layers are others, or have other names or another order.

    napari tells the names since version 0.7.
    """
    events = viewer.layers.events
    names = ("inserted", "removed", "reordered", "renamed")
    return [getattr(events, name) for name in names if hasattr(events, name)]


def is_passing(layer: object) -> bool:
    """Tell whether a layer is there for a while only: a preview, or the part that a wipe shows."""
    record = _record(layer)
    return record is not None and "preview" in record


def is_made_here(layer: object) -> bool:
    """Tell whether a layer is an image of a finished run, denoised or of the INR."""
    record = _record(layer)
    return record is not None and "preview" not in record


def is_result(layer: object) -> TypeGuard[Image]:
    """Tell whether a layer is what a run has denoised, and not its INR or a preview."""
    record = _record(layer) or {}
    return is_made_here(layer) and record.get("image", "denoised") == "denoised"


def _record(layer: object) -> dict[str, Any] | None:
    """Return what is written on a layer of its run; None where nothing is."""
    record = layer.metadata.get(METADATA_KEY) if isinstance(layer, Image) else None
    return record if isinstance(record, dict) else None
