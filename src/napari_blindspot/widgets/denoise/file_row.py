"""The offer to open a layer's file again with its voxel size, which napari's own reader leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from psygnal import Signal

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.widgets.shared.background import Background
from napari_blindspot.widgets.shared.failures import failures_told
from napari_blindspot.widgets.shared.fields import button
from napari_blindspot.widgets.shared.native import Message
from napari_blindspot.widgets.shared.reader import add_to_viewer
from napari_blindspot.widgets.shared.shown_file import shown_file

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_blindspot.files.image_file import ImageFile

__all__ = ["FileRow"]

_UNKNOWN = {"pixel", ""}
"""What napari calls the unit of an axis of which it knows none."""


class FileRow(Container[Any]):
    """Says what the file of a layer tells and the layer does not, and opens it with that.

    Parameters
    ----------
    viewer : Viewer
        Where the layers are.

    Attributes
    ----------
    found : Signal
        Whether there is something to be said of the layer that was asked for last.
    failed : Signal
        Why the file could not be opened.
    """

    found = Signal(bool)
    failed = Signal(BlindspotError)

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Image | None = None
        self._looking: Background | None = None
        self.text = Message()
        self.open = button("Open with voxel size", "Open the file again, with all that it says.")
        super().__init__(widgets=[self.text, self.open], labels=False, label="File", visible=False)
        self.margins = (0, 0, 0, 0)
        self.native.destroyed.connect(self.quit)

    def ask(self, layer: Image | None) -> None:
        """Look behind the screen whether the file of a layer has a voxel size that the layer lacks."""
        if layer is self._layer:
            return
        self.quit()
        self._layer = layer
        self._tell("")
        if layer is None or layer.source.path is None or not _is_without_units(layer):
            return
        name = Path(layer.source.path).name

        def look() -> Generator[str, None, None]:
            # Shorter than the time in which a click could come, for a file of a usual size.
            image = shown_file(layer)
            yield "" if image is None else _said_of(image, name)

        self._looking = Background(f"Looking at {name}", look, yielded=self._tell, ended=self._looked)
        self._looking.start()

    def quit(self, _: object = None) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.quit()
        self._looking = None

    def _tell(self, said: str) -> None:
        self.text.say(said)
        self.found.emit(bool(said))

    def _looked(self) -> None:
        self._looking = None

    def open_again(self) -> list[Image]:
        """Put the layers of the file in the place of the layer, select them, and return them."""
        layer, layers = self._layer, self._viewer.layers
        if layer is None or layer not in layers:
            return []
        with failures_told(self.failed):
            place = layers.index(layer)
            # Not beside one another: napari says that their units do not fit together.
            layers.remove(layer)
            try:
                added = add_to_viewer(self._viewer, Path(str(layer.source.path)), name=layer.name)
            except BlindspotError:
                layers.insert(place, layer)
                raise
            layers.selection = set(added)
            self._viewer.reset_view()
            return added
        return []


def _is_without_units(layer: Image) -> bool:
    return all(scale == 1 for scale in layer.scale) and all(str(unit) in _UNKNOWN for unit in layer.units)


def _said_of(image: ImageFile, name: str) -> str:
    """Say what a file tells of its pixels; nothing where it tells no size of them."""
    steps = [image.spacing[axis] for axis in "ZYX" if axis in image.spacing]
    if not steps:
        return ""
    alike = len({step.unit for step in steps}) == 1
    sides = [f"{step.step:.3g}" if alike else f"{step.step:.3g} {step.unit}" for step in steps]
    size = " × ".join(sides) + (f" {steps[0].unit}" if alike else "")
    return f"{name} has voxels of {size}; napari has opened it without."
