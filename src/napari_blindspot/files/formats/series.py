"""Choosing one of the images in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.image_file import Series

__all__ = ["choose_series"]

_SHOWN = 8
"""The most images that the sentence names which asks for a choice."""


def choose_series(source: Path, there: list[Series], wanted: int | None) -> int:
    """Return the number of the image that is wanted, which may be left open if there is only one.

    Raises
    ------
    FileError
        If there is no such image, or several and none is chosen; the sentence names them.
    """
    if wanted is None and len(there) == 1:
        return 0
    if wanted is not None and 0 <= wanted < len(there):
        return wanted
    names = ", ".join(str(series) for series in there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
    sentence = f"The file {source} has no image {wanted}; those that it has: {names}."
    if wanted is None:
        sentence = f"The file {source} holds {len(there)} images; choose one: {names}."
    raise FileError(sentence, setting="series")
