"""The choice of where a result is kept: in memory, or on disk where memory does not suffice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import size_of_memory
from napari_blindspot.engine.hardware.memory import free_memory
from napari_blindspot.widgets.denoise.layer_file import layer_file
from napari_blindspot.widgets.denoise.result_layers import memory_of, result_dtype
from napari_blindspot.widgets.shared.fields import Choice, Entry, Fields, button, row

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image

    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.denoise.layer_file import LayerFile
    from napari_blindspot.widgets.denoise.scope import LayerJob

__all__ = ["KeepRow"]

MOST_OF_MEMORY = 0.5
"""Share of the free memory that results may take: the fit and what napari draws need the rest."""

AUTO, MEMORY, DISK = "auto", "memory", "disk"

_KEPT = {
    AUTO: ("as it fits", "In memory, or on disk where it would take more than half of the free memory."),
    MEMORY: ("in memory", "With the INR's image; gone when napari is closed, unless it is saved."),
    DISK: ("on disk", "As OME-Zarr, plane by plane; a run that ends early is gone on with by the next."),
}


class KeepRow(Fields):
    """Asks where the result is kept, and in which folder if it is on disk.

    Attributes
    ----------
    where : Choice
        One of auto, memory and disk.
    folder : Entry
        For results on disk; empty for that of the layer's file.
    """

    def __init__(self) -> None:
        self.where = Choice(
            label="Result",
            choices=[(text, name) for name, (text, _) in _KEPT.items()],
            tips=dict(_KEPT.values()),
            tooltip="Where the result is kept.",
        )
        self.folder = Entry(empty="beside the image", tooltip="Folder for results on disk.")
        self.browse = button("…", "Choose the folder for results on disk.")
        super().__init__([self.where, row(self.folder, self.browse, label="Folder")])
        self.browse.changed.connect(lambda _: self._ask())

    def file_of(
        self, layer: Image, planes: LayerJob, settings: Settings, model: Path | None
    ) -> LayerFile | None:
        """Return where a result goes on disk; None if it is kept in memory.

        Raises
        ------
        FileError
            If the folder is not known.
        ImageError
            If the layer has several positions, which no file has.
        """
        where, folder = self.where.value, self.folder.value.strip()
        if where == MEMORY:
            return None
        needed, free = memory_of(planes.shape, result_dtype(planes, settings)), free_memory()
        if where == AUTO and needed <= MOST_OF_MEMORY * free:
            return None
        try:
            return layer_file(layer, planes, settings, folder=folder, model=model)
        except FileError as error:
            if where == DISK:
                raise
            raise FileError(
                f"The result would take {size_of_memory(needed)} of the {size_of_memory(free)} of memory "
                f"that are free, so it goes to disk. {error}",
                setting=error.setting,
            ) from error

    def _ask(self) -> None:
        path = QFileDialog.getExistingDirectory(self.native, "Folder for the result", self.folder.value)
        if path:
            self.folder.value = path
