"""What the command ``denoise`` writes: names, pixel type, and what must not be there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.files.door import OME_DTYPES

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.settings import Settings

__all__ = ["Outputs", "default_output", "is_zarr_name", "partial_name"]

_TIFF, _ZARR = (".tif", ".tiff"), ".zarr"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go.

    Attributes
    ----------
    denoised : Path
        The OME-TIFF or OME-Zarr of the final estimate.
    inr : Path or None
        That of the INR's own image, if wanted.
    overwrite : bool
        Whether outputs that are there may be replaced.
    """

    denoised: Path
    inr: Path | None = None
    overwrite: bool = False

    @property
    def paths(self) -> list[Path]:
        """The names of all outputs of a complete run."""
        return [path for path in (self.denoised, self.inr) if path is not None]

    def check(self, source: Path) -> None:
        """Refuse names that would lose data, before anything is read.

        Raises
        ------
        FileError
            If a name is not that of an OME-TIFF or OME-Zarr, is the input's, is taken or is given twice.
        """
        for path in self.paths:
            if path.suffix.lower() not in (*_TIFF, _ZARR):
                raise FileError(
                    f"The output {path} is an OME-TIFF or OME-Zarr, so its name must end in .ome.tif, .tif "
                    "or .ome.zarr."
                )
            if path.exists() and os.path.samefile(path, source):
                raise FileError(f"The output {path} is the input itself; choose another name.")
            is_taken = path.exists() and (is_zarr_name(path) or not path.is_dir())
            if is_taken and not self.overwrite:
                raise FileError(f"The output {path} is there already; give --overwrite or another name.")
        if self.inr is not None and self.inr.resolve() == self.denoised.resolve():
            raise FileError(f"Both outputs are named {self.inr}; give the INR's image another name.")

    def dtype(self, pixels: np.dtype[Any], settings: Settings) -> np.dtype[Any]:
        """Return the type of the outputs' pixels, from that of the input's.

        Raises
        ------
        ImageError
            If an output cannot hold it.
        """
        if settings.output_dtype == "float32":
            return np.dtype(np.float32)
        native = pixels.newbyteorder("=")
        has_tiff = any(not is_zarr_name(path) for path in self.paths)
        if has_tiff and pixels.kind in "uif" and native.name not in OME_DTYPES:
            raise ImageError(
                f"The image holds {native.name}, which an OME-TIFF cannot hold; use --dtype float32."
            )
        return native


def is_zarr_name(path: Path) -> bool:
    """Tell whether an output of this name is an OME-Zarr."""
    return path.suffix.lower() == _ZARR


def default_output(source: Path) -> Path:
    """Return ``<stem>_denoised.ome.tif`` beside the input, or ``.ome.zarr`` if that is one."""
    ending = ".ome.zarr" if is_zarr_name(source) else ".ome.tif"
    return source.with_name(f"{_stem(source)}_denoised{ending}")


def partial_name(output: Path) -> Path:
    """Return ``<stem>_partial`` with the output's ending, for the planes of an unfinished stack."""
    ending = ".ome.zarr" if is_zarr_name(output) else ".ome.tif"
    return output.with_name(f"{_stem(output)}_partial{ending}")


def _stem(path: Path) -> str:
    """Return the name without its ending; ``.ome.tif`` counts as one ending."""
    return path.name.removesuffix(path.suffix).removesuffix(".ome")
