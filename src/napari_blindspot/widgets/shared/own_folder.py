"""What a user has chosen in earlier sessions, in a folder of their own beside napari's settings.

Where napari is told to store nothing (``NAPARI_CONFIG`` is empty), nothing is stored here either. What
cannot be read or written is as if it had never been chosen: it must keep nobody from working.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from qtpy.QtCore import QStandardPaths

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.safe_write import atomic_path

__all__ = ["own_folder", "recall", "remember"]

_NAME = "napari-blindspot"


def own_folder() -> Path | None:
    """Return the folder, which need not be there; None where nothing is to be stored."""
    said = os.environ.get("NAPARI_CONFIG")
    if said == "":
        return None
    if said is not None:
        return Path(said).parent / _NAME
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(place) / _NAME if place else None


def remember(name: str, values: dict[str, Any]) -> None:
    """Store values under a name, as JSON can hold them."""
    folder = own_folder()
    if folder is None:
        return
    with contextlib.suppress(OSError, FileError):
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(values), encoding="utf-8")


def recall(name: str) -> dict[str, Any]:
    """Return what was stored under a name; nothing if there is none."""
    folder = own_folder()
    values = None
    if folder is not None:
        with contextlib.suppress(OSError, ValueError):
            values = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return values if isinstance(values, dict) else {}
