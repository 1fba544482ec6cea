"""The layer of a result that is on disk: it reads the plane in view, also while the result grows.

Main thread only. How planes are kept and written belongs to `napari_blindspot.jobs`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.images import IMAGES
from napari_blindspot.core.plane import cast_like
from napari_blindspot.files.door import open_image
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.widgets.denoise.color import SAMPLES
from napari_blindspot.widgets.denoise.result_layers import add_result, empty_planes, look_and_place
from napari_blindspot.widgets.denoise.scope import current_plane, slider_point
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.widgets.denoise.layer_file import LayerFile

    Index = tuple[int, ...]

__all__ = ["DiskLayer"]


class _PlanesOnDisk:
    """Reads planes of a result from where they are by now: kept, or in the output.

    A plane that is nowhere has no values; it may be gone with its disk, which napari could not show.

    Parameters
    ----------
    file : LayerFile
        What is denoised.
    output : Path
        Where its result goes.
    dtype : dtype
        Of the planes.
    """

    def __init__(self, file: LayerFile, output: Path, dtype: np.dtype[Any]) -> None:
        self._file = file
        self._output = output
        self._dtype = dtype
        self._store = PlaneStore(output)
        self._preview: tuple[Index, npt.NDArray[Any]] | None = None
        self.written: ImageFile | None = None

    def array(self) -> LazyArray:
        """Return the result as a layer shows it."""
        shape = self._file.planes.shape
        if not self._file.planes.in_color:
            return LazyArray(shape, self._dtype, self._read)
        return LazyArray((*shape[:-3], *shape[-2:], SAMPLES), self._dtype, self._read_color, 3)

    def preview(self, slot: Index, image: npt.NDArray[Any] | None) -> None:
        """Show an image in place of a plane that has no result yet."""
        self._preview = None if image is None else (slot, cast_like(image, self._dtype))

    def _read(self, slot: Index) -> npt.NDArray[Any]:
        if self._preview is not None and self._preview[0] == slot:
            return self._preview[1]
        index = tuple(slot[at] for at in self._file.kept)
        with contextlib.suppress(BlindspotError):
            if self.written is None:
                return cast_like(self._store.image(index), self._dtype)
        with contextlib.suppress(BlindspotError):
            # Another run may have gone on with the planes and written the output.
            if self.written is None and self._output.exists():
                self.written = open_image(self._output)
            if self.written is not None:
                letters = self._file.image.axes[:-2].replace("S", "C")
                place = dict(zip(letters, index, strict=True))
                plane = self.written.array[tuple(place[letter] for letter in self.written.axes[:-2])]
                return cast_like(plane, self._dtype)
        return empty_planes(self._file.planes.shape[-2:], self._dtype)

    def _read_color(self, slot: Index) -> npt.NDArray[Any]:
        return np.stack([self._read((*slot, sample)) for sample in range(SAMPLES)], axis=-1)


class DiskLayer:
    """The layer of a run that writes to disk.

    Parameters
    ----------
    viewer : ViewerModel
        Where it goes.
    source : Image
        Whose look and place it takes; it may be deleted afterwards.
    file : LayerFile
        What is denoised.
    """

    def __init__(self, viewer: ViewerModel, source: Image, file: LayerFile) -> None:
        self._viewer = viewer
        self._source = source
        self._file = file
        self._arguments = look_and_place(source, file.planes.corner) | {"rgb": file.planes.in_color}
        self._range = list(source.contrast_limits_range)
        self._active = viewer.layers.selection.active
        self._planes: _PlanesOnDisk | None = None
        self._layer: Image | None = None
        self._output = ""

    def opened(self, output: Path) -> None:
        """Show what is there already, now that it is known where the result goes."""
        self._planes = _PlanesOnDisk(self._file, output, self._file.job.dtype(self._file.image))
        self._output = str(output)
        self._add()

    def written(self, output: Path, image: ImageFile) -> None:
        """Read from the output, which is whole."""
        if self._planes is not None:
            self._planes.written = image
            self._output = str(output)

    def preview(self, plane: Index, images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show what one plane looks like by now."""
        self._show(plane, images[next(iter(IMAGES))])

    def result(self, plane: Index, images: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show the result of a plane, which is on disk."""
        self._show(plane, None)

    def keep(self, record: Mapping[str, Any]) -> None:
        """Add the record of the run; a layer that the user has deleted comes back."""
        if not self._present():
            self._add()
        layer = self._layer
        if layer is not None:
            record = {**record, "image": next(iter(IMAGES)), "output": self._output}
            layer.metadata = {**layer.metadata, METADATA_KEY: record}
            if self._planes is not None:
                self._planes.preview((), None)
            layer.refresh(extent=False, highlight=False)
            self._viewer.layers.selection.active = layer

    def remove(self) -> None:
        """Leave the layer list as it was before the run."""
        if self._present():
            self._viewer.layers.remove(self._layer)
        if self._viewer.layers.selection.active is None and self._active in self._viewer.layers:
            self._viewer.layers.selection.active = self._active

    def _add(self) -> None:
        if self._planes is not None:
            name = f"{self._file.planes.name} {next(iter(IMAGES.values())).label}"
            self._layer = add_result(
                self._viewer, self._planes.array(), name, self._source, self._arguments, self._range
            )

    def _present(self) -> bool:
        return self._layer is not None and self._layer in self._viewer.layers

    def _show(self, plane: Index, image: npt.NDArray[Any] | None) -> None:
        layer = self._layer
        if self._planes is None or layer is None:
            return
        self._planes.preview(self._file.planes.slot(plane), image)
        if self._present() and self._sees(layer, plane):
            layer.refresh(extent=False, highlight=False)

    def _sees(self, layer: Image, plane: Index) -> bool:
        """Tell whether a plane is on the screen; a volume is not read again for each of its planes."""
        dims = self._viewer.dims
        if tuple(dims.displayed) != (dims.ndim - 2, dims.ndim - 1):
            return False
        in_view = current_plane(layer, slider_point(dims, layer))
        slot = self._file.planes.slot(plane)
        return slot[: len(in_view)] == in_view
