"""The tick that takes the other selected layers too, one after another, and whose turn it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox
from napari.layers import Image

from napari_blindspot.widgets.denoise.before_after import select_layers, show_together
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY
from napari_blindspot.widgets.shared.layer_source import is_passing, is_result

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["OtherLayers"]


class OtherLayers(CheckBox):
    """Is offered where several layers are selected, and remembers which are waiting.

    Parameters
    ----------
    viewer : Viewer
        Whose selection is meant.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(text="", visible=False, tooltip="One after another, with the same settings.")
        self._viewer = viewer
        self._queue: list[Image] = []
        self._made: list[Image] = []

    def beside(self, layer: Image | None) -> list[Image]:
        """Return the other selected layers that are images but no results, in the order of the list."""
        chosen = self._viewer.layers.selection
        images = (x for x in self._viewer.layers if isinstance(x, Image) and x in chosen)
        return [
            x for x in images if not is_passing(x) and METADATA_KEY not in x.metadata and x is not layer
        ]

    def first(self, layer: Image | None) -> Image | None:
        """Return a layer if it is selected, or is the only one meant; else the first that is selected."""
        chosen = self.beside(None)
        return layer if len(chosen) < 2 or layer in chosen else chosen[0]

    def waiting(self, layer: Image) -> int:
        """Return how many are to be denoised after a layer."""
        return len(self.beside(layer)) if self.value and self.visible else 0

    def count(self, layer: Image | None) -> None:
        """Say how many others there are beside a layer, unless some of them are waiting."""
        if self._queue:
            return
        count = len(self.beside(layer))
        self.text = f"and the other selected {'layer' if count == 1 else f'{count} layers'}"
        self.visible = count > 0

    def begin(self, layer: Image) -> None:
        """Let those wait that are to be denoised after a layer."""
        self._made = []
        self._queue = self.beside(layer) if self.value else []

    def drop(self) -> None:
        """Let none wait any more."""
        self._queue = []

    def next(self) -> Image | None:
        """Take in the result that is active, and return whose turn it is; None at the end.

        At the end all results are selected, to be saved as the channels of one file, and shown together as
        their inputs were.
        """
        made = self._viewer.layers.selection.active
        if is_result(made) and made not in self._made:
            self._made.append(made)
        waiting = [layer for layer in self._queue if layer in self._viewer.layers]
        self._queue = waiting[1:]
        if waiting:
            return waiting[0]
        results = [one for one in self._made if one in self._viewer.layers]
        if len(results) > 1:
            show_together(self._viewer, results)
            select_layers(self._viewer, results)
        return None
