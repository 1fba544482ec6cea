"""Names of what the command ``denoise`` writes, where the user gives none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.files.names import stem
from napari_blindspot.jobs.file_job import is_zarr_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["default_output", "partial_name"]


def default_output(source: Path) -> Path:
    """Return ``<stem>_denoised.ome.tif`` beside the input, or ``.ome.zarr`` if that is one."""
    return _named(source, "denoised")


def partial_name(output: Path) -> Path:
    """Return ``<stem>_partial`` with the output's ending, for the planes of an unfinished stack."""
    return _named(output, "partial")


def _named(path: Path, what: str) -> Path:
    ending = ".ome.zarr" if is_zarr_name(path) else ".ome.tif"
    return path.with_name(f"{stem(path.name)}_{what}{ending}")
