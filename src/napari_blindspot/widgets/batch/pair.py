"""Input and result of a finished file in the viewer, beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.widgets.shared.reader import add_to_viewer

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_blindspot.batch import Item

__all__ = ["show_pair"]


def show_pair(viewer: Viewer, item: Item) -> list[Layer]:
    """Show input and result in the same place, at the same scale and contrast; return their layers.

    Raises
    ------
    BlindspotError
        If one of them cannot be read; then neither is shown.
    """
    noisy = add_to_viewer(viewer, item.source, read=item.read)
    try:
        denoised = add_to_viewer(viewer, item.output)
    except BlindspotError:
        for layer in noisy:
            viewer.layers.remove(layer)
        raise
    for before, after in zip(noisy, denoised, strict=False):
        before.contrast_limits = after.contrast_limits
    # All channels of an image in one cell.
    grid = viewer.canvas.grid if hasattr(viewer, "canvas") else viewer.grid
    grid.stride, grid.shape, grid.enabled = len(denoised), (1, -1), True
    viewer.reset_view()
    return [*noisy, *denoised]
