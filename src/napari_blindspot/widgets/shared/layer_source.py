"""Which layer a result came from: remembered from its run, else looked up by the name in its record."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from napari.layers import Image

from napari_blindspot.widgets.shared.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import ViewerModel

__all__ = ["remember_source", "source_of"]

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
