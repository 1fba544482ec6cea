"""The button of the Denoise widget that opens the dock Inspect on the result in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container

from napari_blindspot.widgets.shared.fields import button
from napari_blindspot.widgets.shared.layer_source import is_result

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

__all__ = ["InspectButton", "result_in_view"]


class InspectButton(Container[Any]):
    """Opens Inspect on the result in view; not to be clicked while there is none.

    Parameters
    ----------
    viewer : Viewer
        Whose results are meant.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.click = button("Inspect", "What was removed from the result in view, how sure it is, and why.")
        super().__init__(widgets=[self.click], labels=False)
        self.margins = (0, 0, 0, 0)
        layers = viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.selection.events.active):
            event.connect(self.follow)
        self.click.changed.connect(self._open)
        self.follow()

    def follow(self, _: object = None) -> None:
        """Let the button be clicked if there is a result."""
        self.click.enabled = result_in_view(self._viewer) is not None

    def _open(self, _: object = None) -> None:
        """Show the dock, which napari makes once, in a tab of its own, and choose the result in it.

        Both docks below each other would make the window higher than many screens.
        """
        result = result_in_view(self._viewer)
        if result is not None:
            dock, widget = self._viewer.window.add_plugin_dock_widget(
                "napari-blindspot", "Inspect", tabify=True
            )
            dock.show()
            dock.raise_()
            widget.show_result(result)


def result_in_view(viewer: Viewer) -> Image | None:
    """Return the layer that is selected if it is a denoised image, else the uppermost one in sight.

    Parameters
    ----------
    viewer : Viewer
        Whose layers are looked at.
    """
    active = viewer.layers.selection.active
    if is_result(active):
        return active
    return next((layer for layer in reversed(viewer.layers) if layer.visible and is_result(layer)), None)
