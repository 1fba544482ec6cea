"""A layer's run as the job of a file, so that its planes are kept and written as those of every file.

Which planes a run reads is said by `napari_blindspot.widgets.denoise.scope`; the steps of the job are those
of `napari_blindspot.jobs`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import WriteOptions
from napari_blindspot.files.formats.registry import endings
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.files.names import plain_name, stem
from napari_blindspot.jobs.file_job import FileJob, state_of
from napari_blindspot.widgets.denoise.result_layers import look_and_place
from napari_blindspot.widgets.shared.layer_data import layer_pixels
from napari_blindspot.widgets.shared.layer_image import layer_image

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.settings import Settings
    from napari_blindspot.widgets.denoise.scope import LayerJob

    Index = tuple[int, ...]

__all__ = ["LayerFile", "layer_file"]


@dataclass(frozen=True, slots=True)
class LayerFile:
    """What a run reads of a layer, as the image of a file.

    Attributes
    ----------
    planes : LayerJob
        What is read of the layer.
    image : ImageFile
        The same planes as a file has them; an axis of length 1 that no file has is left out.
    job : FileJob
        What becomes of them; `identified` says which pixels they are.
    kept : tuple of int
        The axes before Y and X that the image has, by their numbers in the layer.
    file : Path or None
        What the layer was opened from, if that is there.
    in_memory : bool
        Whether the layer holds its pixels, so that anybody may have changed them.
    """

    planes: LayerJob
    image: ImageFile
    job: FileJob
    kept: tuple[int, ...]
    file: Path | None
    in_memory: bool

    def plane(self, index: Index) -> Index:
        """Return the plane of the layer, as `LayerJob.planes` has it, of an index into the image."""
        place = dict(zip(self.kept, index, strict=True))
        return tuple(first + place.get(at, 0) for at, first in enumerate(self.planes.origin[:-2]))

    def index(self, plane: Index) -> Index:
        """Return the index into the image of a plane of the layer."""
        slot = self.planes.slot(plane)
        return tuple(slot[at] for at in self.kept)

    def identified(self) -> LayerFile:
        """Return the same with a job that knows its pixels from others; reads planes, so it takes a while.

        All planes of an array in memory are looked at, and of one that reads its planes when they are asked
        for the first, the middle and the last, together with the state of the file.

        Raises
        ------
        FileError
            If the file of the layer cannot be read.
        """
        digest = hashlib.sha256()
        planes = self.planes.planes
        some = planes if self.in_memory else [planes[0], planes[len(planes) // 2], planes[-1]]
        for plane in some:
            digest.update(np.ascontiguousarray(self.planes.window[plane]).tobytes())
        state = "" if self.file is None else state_of(self.file)
        content = f"{digest.hexdigest()[:32]} {self.planes.origin} {state}"
        return replace(self, job=replace(self.job, content=content))


def layer_file(
    layer: Image, planes: LayerJob, settings: Settings, *, folder: str = "", model: Path | None = None
) -> LayerFile:
    """Describe a run whose result goes to an OME-Zarr.

    Parameters
    ----------
    layer : Image
        What is denoised.
    planes : LayerJob
        What is read of it.
    settings : Settings
        Of the run.
    folder : str
        Where the result goes; empty for that of the layer's file.
    model : Path, optional
        What is applied instead of fitting.

    Raises
    ------
    FileError
        If the layer has no file and no folder is given.
    ImageError
        If the layer has several positions, which no file has.
    """
    source = Path(layer.source.path) if layer.source.path else None
    if source is not None and not source.exists():
        source = None
    home = Path(folder).expanduser() if folder else _home_of(source)
    if home is None:
        raise FileError(
            f"“{layer.name}” is in no file, so its result on disk needs a folder: choose one.",
            setting="folder",
        )
    image, kept = _image_of(layer, planes)
    # The name of a layer may be that of a file.
    short = stem(layer.name) if layer.name.lower().endswith(endings()) else layer.name
    name = plain_name(short) or "layer"
    job = FileJob(
        source=source or Path(name),
        outputs={"denoised": home / f"{name}_denoised.ome.zarr"},
        settings=settings,
        write=WriteOptions(compression="zstd"),
        models=() if model is None else (model,),
    )
    in_memory = isinstance(layer_pixels(layer), np.ndarray)
    return LayerFile(planes, image, job, kept, source, in_memory)


def _home_of(source: Path | None) -> Path | None:
    """Return the folder that a file lies in; the parts of a Zarr lie in the folder of the whole."""
    if source is None:
        return None
    zarrs = [folder for folder in (source, *source.parents) if folder.suffix.lower() == ".zarr"]
    return (zarrs[-1] if zarrs else source).parent


def _image_of(layer: Image, planes: LayerJob) -> tuple[ImageFile, tuple[int, ...]]:
    """Return the planes as the image of a file, and which axes before Y and X it has."""
    axes, shape = planes.axes, planes.shape
    if planes.in_color:
        axes, shape = f"{axes[:-3]}YXS", (*shape[:-3], *shape[-2:], shape[-3])
    attributes = layer.as_layer_data_tuple()[1]
    attributes["translate"] = look_and_place(layer, planes.corner)["translate"]
    described, _ = layer_image(np.broadcast_to(np.zeros((), planes.window.dtype), shape), attributes, axes)
    described = described.by_sample()
    kept = tuple(planes.axes.index(letter) for letter in described.axes[:-2])
    first = planes.origin[:-2]

    def read(index: Index) -> Any:
        place = dict(zip(kept, index, strict=True))
        return planes.window[tuple(start + place.get(at, 0) for at, start in enumerate(first))]

    array = LazyArray(described.shape, described.dtype, read)
    return replace(described, array=array), kept
