"""Names of what the command ``denoise`` writes, where the user gives none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.files.names import stem
from napari_blindspot.jobs.file_job import is_zarr_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["check_version", "default_output", "partial_name"]


def default_output(source: Path) -> Path:
    """Return ``<stem>_denoised.ome.tif`` beside the input, or ``.ome.zarr`` if that is one."""
    return _named(source, "denoised")


def partial_name(output: Path) -> Path:
    """Return ``<stem>_partial`` with the output's ending, for the planes of an unfinished stack."""
    return _named(output, "partial")


def check_version(ngff: str | None, outputs: Iterable[Path]) -> None:
    """Refuse a version of OME-Zarr that was given where no output is an OME-Zarr.

    Raises
    ------
    SettingsError
        If there is none.
    """
    paths = list(outputs)
    if ngff is not None and not any(map(is_zarr_name, paths)):
        raise SettingsError(
            f"The version {ngff} of OME-Zarr was chosen, but the output {paths[0]} is an OME-TIFF; give "
            "it a name that ends in .ome.zarr.",
            setting="output",
        )


def _named(path: Path, what: str) -> Path:
    ending = ".ome.zarr" if is_zarr_name(path) else ".ome.tif"
    return path.with_name(f"{stem(path.name)}_{what}{ending}")
