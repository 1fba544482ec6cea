"""Commands that denoise the selected layer at once, from a menu, its right click or the command palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from napari.utils.notifications import show_warning

if TYPE_CHECKING:
    import napari

    from napari_blindspot.widgets.denoise.widget import DenoiseWidget

__all__ = ["denoise_auto", "denoise_fast", "show_before_after"]


def denoise_auto(viewer: napari.Viewer) -> None:
    """Denoise the selected layer with the preset auto; opens the dock, which shows the run."""
    _run(viewer, "auto")


def denoise_fast(viewer: napari.Viewer) -> None:
    """Denoise the selected layer with the preset fast."""
    _run(viewer, "fast")


def show_before_after(viewer: napari.Viewer) -> None:
    """Swap input and result in place."""
    _dock(viewer).after.swap_now()


def _dock(viewer: napari.Viewer) -> DenoiseWidget:
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
    made: DenoiseWidget = widget
    return made


def _run(viewer: napari.Viewer, preset: str) -> None:
    active = viewer.layers.selection.active
    if not isinstance(active, Image):
        show_warning("Select one image layer to denoise.")
        return
    widget = _dock(viewer)
    if widget.session is not None:
        show_warning("A run is going on; wait for its end, or stop it.")
        return
    if active in widget.layer.choices:
        widget.layer.value = active
    widget.models.use(None)
    widget.preset.value = preset
    widget.run()
