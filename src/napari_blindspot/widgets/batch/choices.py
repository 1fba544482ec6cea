"""What the user chose last in the Batch dock: for each folder of results, and for the next new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.batch import BatchOptions
from napari_blindspot.batch.find import locate
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.widgets.shared.own_folder import recall, remember
from napari_blindspot.widgets.shared.preferences import read_preferences

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["last_options", "options_of_project", "remember_options"]

_NAME = "batch"

MOST_PROJECTS = 100
"""Folders that are remembered; the one that was used longest ago is forgotten first."""

_OF_PROJECT = {"output", "pattern", "axes", "split", "voxel_size", "series", "channel", "model", "fit_on"}
"""Options that speak of certain files, so that another project does not begin with them."""


def remember_options(options: BatchOptions) -> None:
    """Store the options of a batch that is started."""
    values = options.model_dump(mode="json")
    projects: dict[str, Any] = recall(_NAME).get("projects") or {}
    folder = str(locate(options.output))
    projects.pop(folder, None)
    projects[folder] = values
    kept = dict(list(projects.items())[-MOST_PROJECTS:])
    remember(_NAME, {"last": values, "projects": kept, "preferences": vars(read_preferences())})


def options_of_project(output: Path) -> BatchOptions | None:
    """Return the options with which results were last written to a folder; None if nobody knows."""
    return _read((recall(_NAME).get("projects") or {}).get(str(locate(output))))


def last_options() -> BatchOptions | None:
    """Return the options of the last batch, but for those that speak of its files.

    None if there was none, or the preferences have been changed since, which then hold.
    """
    stored = recall(_NAME)
    values = stored.get("last")
    if stored.get("preferences") != vars(read_preferences()) or not isinstance(values, dict):
        return None
    return _read(
        {name: value for name, value in values.items() if name not in _OF_PROJECT} | {"output": "."}
    )


def _read(values: Any) -> BatchOptions | None:
    try:
        return BatchOptions(**values)
    except (BlindspotError, TypeError):
        # Nothing was stored, or by another version.
        return None
