"""What is to be done with one file: which pixels, how, where to, and what if the output is there.

A `FileJob` is plain data, so that a worker of a cluster can be told it. All questions that can be answered
without fitting anything are answered here; doing the work belongs to `napari_blindspot.jobs.file_run`.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.core.images import IMAGES
from napari_blindspot.core.model import check_keeps_model
from napari_blindspot.core.plane import MIN_SIZE, check_pixels, check_plane
from napari_blindspot.files.door import WriteOptions, open_image, output_dtype
from napari_blindspot.files.formats.registry import is_image_folder, writer_of
from napari_blindspot.files.model_file import digest_of_model
from napari_blindspot.files.names import check_length
from napari_blindspot.files.read_options import ReadOptions
from napari_blindspot.settings import Settings
from napari_blindspot.stack import chains, plane_indices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile

__all__ = ["FileJob", "IfThere", "digest_of", "is_zarr_name", "state_of"]

IfThere = Literal["refuse", "renew", "resume", "skip", "overwrite", "replace"]


@dataclass(frozen=True, slots=True)
class FileJob:
    """One file from open to written.

    Attributes
    ----------
    source : Path
        An image of any format that can be read.
    outputs : mapping of str to Path
        The OME-TIFF or OME-Zarr of each image of the result that is wanted, by its name. The first one,
        "denoised", is always wanted; finished planes are kept beside it.
    settings : Settings
        Of every plane's fit.
    read : ReadOptions
        Which pixels of the file are taken, and what the user says of them.
    write : WriteOptions
        How the outputs are stored.
    existing : str
        What becomes of an output that is there. ``refuse`` ends with a sentence, ``renew`` replaces it;
        with ``resume`` one of the same pixels is done, and another one is refused; ``replace`` is
        ``resume``, but another output is replaced; ``skip`` leaves alone whatever is there; ``overwrite``
        begins anew. Finished planes of an interrupted run are used by all but ``overwrite``.
    models : tuple of Path
        Models that are applied as they are, one to all planes or one to each channel; then nothing is
        fitted, and the settings are those of `napari_blindspot.core.model.Model.applied_settings`.
    save_model : Path or None
        Where the model of the plane that was fitted last is written.
    content : str
        What tells the pixels from what they were before; empty for those of a file, which `state_of` does.
    """

    source: Path
    outputs: Mapping[str, Path]
    settings: Settings
    read: ReadOptions = field(default_factory=ReadOptions)
    write: WriteOptions = field(default_factory=WriteOptions)
    existing: IfThere = "resume"
    models: tuple[Path, ...] = ()
    save_model: Path | None = None
    content: str = ""

    @property
    def output(self) -> Path:
        """The output of the final estimate."""
        return self.outputs["denoised"]

    def open(self) -> ImageFile:
        """Open the image and look at all that its header tells, without reading more than its format needs.

        Raises
        ------
        FileError
            If it is not there or cannot be read.
        ImageError
            If it has no plane, no such channel, or planes that cannot be denoised; or if an output cannot
            hold its pixels, or there would be more than one model to save.
        SettingsError
            If a model is to be saved and the settings leave none.
        """
        if not os.path.lexists(self.source):
            raise FileError(f"The input {self.source} does not exist.")
        if self.source.is_dir() and not is_image_folder(self.source):
            raise FileError(f"The input {self.source} is a folder; give one image file or OME-Zarr.")
        said = self.read
        image = open_image(
            self.source, series=said.series, axes=said.axes, split=said.split, voxel_size=said.voxel_size
        )
        image = image.by_sample() if said.channel is None else image.channel(said.channel)
        if not plane_indices(image.shape):
            raise ImageError(f"The image is empty: its shape is {image.shape}.")
        check_pixels(image.dtype)
        if min(image.shape[-2:]) < MIN_SIZE:
            check_plane(np.zeros(image.shape[-2:], image.dtype))
        self.dtype(image)
        if self.save_model is not None:
            self._check_one_model(image)
        return image

    def _check_one_model(self, image: ImageFile) -> None:
        """Refuse to keep a model where there would be none, or several.

        Raises
        ------
        SettingsError
            If the settings leave none.
        ImageError
            If there is one for each channel.
        """
        check_keeps_model(self.settings, len(plane_indices(image.shape)))
        channels = len(chains(plane_indices(image.shape), image.axes))
        if channels > 1:
            raise ImageError(
                f"Each of the {channels} channels of {self.source.name} has networks of its own, so there "
                "is not one model to save; choose one channel.",
                setting="channel",
            )

    def dtype(self, image: ImageFile) -> np.dtype[Any]:
        """Return the type of the outputs' pixels: a colour image keeps its own, unless another is wanted.

        Raises
        ------
        ImageError
            If an output cannot hold it.
        """
        wanted = self.settings.output_dtype
        if image.is_rgb and wanted == Settings.from_preset(self.settings.preset).output_dtype:
            wanted = "input"
        kinds = [output_dtype(image.dtype, wanted, path) for path in self.outputs.values()]
        return kinds[0]

    def check_outputs(self) -> None:
        """Refuse names that would lose data, before anything is read.

        Raises
        ------
        FileError
            If a name is too long, is that of no format which can be written, is the input's, is given
            twice, or is taken where that is to be refused.
        """
        for path in self.outputs.values():
            check_length(path)
        names = [path.resolve() for path in self.outputs.values()]
        for number, (image, path) in enumerate(self.outputs.items()):
            writer_of(path)
            if path.exists() and self.source.exists() and os.path.samefile(path, self.source):
                raise FileError(f"The output {path} is the input itself; choose another name.")
            is_taken = path.exists() and (is_zarr_name(path) or not path.is_dir())
            if is_taken and self.existing == "refuse":
                raise FileError(
                    f"The output {path} is there already; replace it or choose another name.",
                    setting="overwrite",
                )
            if names[number] in names[:number]:
                other = IMAGES[image].label
                raise FileError(f"Both outputs are named {path}; give the {other} image another name.")
        model = self.save_model
        if model is not None:
            check_length(model)
            if os.path.lexists(model) and self.existing == "refuse":
                raise FileError(
                    f"The model {model} is there already; replace it or choose another name.",
                    setting="overwrite",
                )

    def fingerprint(self, image: ImageFile) -> dict[str, Any]:
        """Return all that decides the pixels of the result, as JSON can hold it.

        Parameters
        ----------
        image : ImageFile
            From `open`: axes and shape are those in fact, whether the user named them or the file.

        Raises
        ------
        FileError
            If the input is not there any more.
        """
        return {
            "version": version("napari-blindspot"),
            "input": self.source.name,
            "content": self.content or state_of(self.source),
            "series": self.read.series or 0,
            "channel": self.read.channel,
            "split": self.read.split,
            "voxel_size": list(self.read.voxel_size or ()),
            "axes": image.axes,
            "shape": list(image.shape),
            "settings": self.settings.model_dump(mode="json"),
            **({"models": [digest_of_model(path) for path in self.models]} if self.models else {}),
        }

    def digest(self, image: ImageFile) -> str:
        """Return a short text that is the same for the same fingerprint."""
        return digest_of(self.fingerprint(image))


def digest_of(fingerprint: Mapping[str, Any]) -> str:
    """Return a short text that is the same for the same `FileJob.fingerprint`."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:32]


def is_zarr_name(path: Path) -> bool:
    """Tell whether an output of this name is an OME-Zarr."""
    return path.suffix.lower() == ".zarr"


def state_of(path: Path) -> str:
    """Tell a file from what it was before: by its size and time, and those of all files of a folder.

    Raises
    ------
    FileError
        If it is not there any more.
    """
    try:
        if not path.is_dir():
            return _size_and_time(path)
        files = sorted(
            os.path.join(folder, name)
            for folder, _, names in os.walk(path, onerror=_raise)
            for name in names
        )
        # A Zarr may have 100,000 chunks, for which os.path.relpath takes as long as a fit.
        start = len(os.path.join(path, ""))
        listing = "\n".join(f"{file[start:]} {_size_and_time(file)}" for file in files)
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _size_and_time(path: str | os.PathLike[str]) -> str:
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns}"


def _raise(error: OSError) -> None:
    raise error
