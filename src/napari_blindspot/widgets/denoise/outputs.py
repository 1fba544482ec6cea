"""The two layers of a run, `<layer> denoised` and `<layer> INR`: shown early, filled live, kept or removed.

Layers are held by reference, never by name. What the user does to them wins: a layer that was deleted stays
gone. Main thread only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.plane import cast_like
from napari_blindspot.widgets.denoise.layers import look_and_place

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_blindspot.widgets.denoise.layers import Job

__all__ = ["Outputs"]

METADATA_KEY = "napari_blindspot"
"""Where in a layer's metadata the record of its run is."""


class Outputs:
    """The layers that a run fills.

    Parameters
    ----------
    viewer : ViewerModel
        Where they go.
    source : Image
        Whose look and place they take; not needed afterwards, so it may be deleted.
    job : Job
        Decides their shape.
    dtype : dtype
        Of the results. A plane without a result yet is NaN, which napari draws transparent, so that the
        noisy plane is seen through it; integers have no NaN, and such a plane is 0 there.

    Raises
    ------
    OutOfMemoryError
        If the arrays do not fit into memory.
    """

    def __init__(self, viewer: ViewerModel, source: Image, job: Job, dtype: np.dtype[Any]) -> None:
        _check_memory(job.shape, dtype)
        self._viewer = viewer
        self._job = job
        self._arguments = look_and_place(source, job.origin)
        self._range = list(source.contrast_limits_range)
        self._active = viewer.layers.selection.active
        # Below one another: the denoised image is the one that is seen.
        self._inr = _Output(f"{job.name} INR", _blank(job.shape, dtype))
        self._denoised = _Output(f"{job.name} denoised", _blank(job.shape, dtype))

    @property
    def denoised(self) -> Image | None:
        """The layer of the denoised image, as long as it is in the viewer."""
        return self._denoised.layer if self._present(self._denoised) else None

    @property
    def inr(self) -> Image | None:
        """The layer of the INR's image, as long as it is in the viewer."""
        return self._inr.layer if self._present(self._inr) else None

    def preview(self, plane: tuple[int, ...], denoised: npt.NDArray[Any], inr: npt.NDArray[Any]) -> None:
        """Write what one plane looks like by now; each call makes one of the layers that are not there yet.

        Making a layer takes napari a tenth of a second or more; two at once would be felt.
        """
        self._write(plane, denoised, inr)
        new = [output for output in (self._inr, self._denoised) if output.layer is None]
        for output in new[:1]:
            self._add(output)

    def result(self, plane: tuple[int, ...], denoised: npt.NDArray[Any], inr: npt.NDArray[Any]) -> None:
        """Write the result of one plane, and make the layers that are not there yet."""
        self._write(plane, denoised, inr)
        for output in (self._inr, self._denoised):
            if output.layer is None:
                self._add(output)

    def keep(self, record: dict[str, Any]) -> None:
        """Turn the layers into results: add the record of the run, and make the denoised one active.

        Where the user has deleted both, the denoised image comes back: a run that was not cancelled never
        ends without a result.
        """
        if not self._present(self._denoised) and not self._present(self._inr):
            self._add(self._denoised)
        for output in (self._inr, self._denoised):
            if output.layer is not None and self._present(output):
                output.layer.metadata = {**output.layer.metadata, METADATA_KEY: record}
                output.layer.refresh(extent=False, highlight=False)
        if self.denoised is not None:
            self._viewer.layers.selection.active = self.denoised

    def remove(self) -> None:
        """Leave the layer list as it was before the run."""
        ours = [output.layer for output in (self._inr, self._denoised) if output.layer is not None]
        for layer in ours:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if self._viewer.layers.selection.active is None and self._active in self._viewer.layers:
            self._viewer.layers.selection.active = self._active

    def _write(self, plane: tuple[int, ...], denoised: npt.NDArray[Any], inr: npt.NDArray[Any]) -> None:
        slot = self._job.slot(plane)
        for output, image in ((self._inr, inr), (self._denoised, denoised)):
            output.array[slot] = cast_like(image, output.array.dtype)
            if output.layer is not None and self._present(output):
                output.layer.refresh(extent=False, highlight=False)

    def _add(self, output: _Output) -> None:
        active = self._viewer.layers.selection.active
        layer = self._viewer.add_image(output.array, name=output.name, **self._arguments)
        layer.contrast_limits_range = self._range
        layer.contrast_limits = self._arguments["contrast_limits"]
        layer.metadata = {METADATA_KEY: {"preview": True}}
        output.layer = layer
        if active is not None:
            # Adding a layer selects it; the user keeps what they had selected.
            self._viewer.layers.selection.active = active

    def _present(self, output: _Output) -> bool:
        return output.layer is not None and output.layer in self._viewer.layers


class _Output:
    """An array and the layer that shows it."""

    def __init__(self, name: str, array: npt.NDArray[Any]) -> None:
        self.name = name
        self.array = array
        self.layer: Image | None = None


def _blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return an array without results."""
    return np.full(shape, np.nan, dtype) if dtype.kind == "f" else np.zeros(shape, dtype)


def _check_memory(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse results that the computer cannot hold, instead of letting the system end napari."""
    needed = 2.0 * dtype.itemsize * float(np.prod(shape, dtype=float))
    free = psutil.virtual_memory().available
    if needed > free:
        raise OutOfMemoryError(
            f"The two results would take {needed / 2**30:.1f} GiB, but {free / 2**30:.1f} GiB are "
            "free: choose a region or the current plane, or denoise the file with the command line."
        )
