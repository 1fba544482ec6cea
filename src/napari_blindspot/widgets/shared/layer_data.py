"""What an image layer holds: its pixels, and the letters of its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["layer_axes", "layer_pixels"]


def layer_pixels(layer: Image) -> Any:
    """Return the array of a layer, (…, Y, X), or (…, Y, X, 3) in colour; of a pyramid the finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def layer_axes(layer: Image) -> str | None:
    """Return the letters that the layer's axis labels are, if they are T, Z, C, Y and X and end so."""
    letters = "".join(str(label) for label in getattr(layer, "axis_labels", ())).upper()
    known = len(letters) == len(set(letters)) == layer.ndim and set(letters) <= set("TZCYX")
    return letters if known and letters.endswith("YX") else None
