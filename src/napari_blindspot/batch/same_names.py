"""Whether two names are those of one file, also where the file system is lax about them."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

from napari_blindspot.files.names import stem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["name_key", "same_file", "without_ending"]


def without_ending(path: Path) -> Path:
    """Return a path without the ending of an image."""
    return path.with_name(stem(path.name))


def name_key(path: Path) -> str:
    """Return what two names have in common that some file systems take for the same."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file that is there."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
