"""What the name of an image file tells, and whether a name is short enough.

What the content of a file tells belongs to the formats.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path, PurePath

from napari_blindspot.core.errors import FileError

__all__ = ["beside_names", "check_length", "hidden_name", "plain_name", "stem"]

_NAME_LIMIT, _PATH_LIMIT = 255, 4096
"""Bytes that a name and a path may have where the operating system does not tell."""

_UNIT = "characters" if sys.platform == "win32" else "bytes"

_LONGEST_ADDITION = len("_partial")
"""What is added to the name of an output for what is kept beside it; ".planes" and ".lock" are shorter."""

_LONGEST_INSIDE = len("/plane-000000-000000-000000.denoised.npy") + 24
"""Bytes of the path of a kept plane within its folder, as it is written."""


def stem(name: str) -> str:
    """Return the name of an image without its ending; ``.ome.tif`` and ``.ome.zarr`` count as one."""
    short = name.removesuffix(PurePath(name).suffix)
    return short[:-4] if short.lower().endswith(".ome") and len(short) > 4 else short


def plain_name(text: str) -> str:
    """Return a text as the name of a file that every operating system allows; empty if nothing is left."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", text).strip(". ")


def beside_names(path: Path, count: int = 99) -> list[Path]:
    """Return names for a result whose own is denied: ``a-2.ome.tif``, ``a-3.ome.tif`` and so on."""
    short = stem(path.name)
    ending = path.name.removeprefix(short)
    return [path.with_name(f"{short}-{number}{ending}") for number in range(2, count + 1)]


def hidden_name(name: str, addition: str) -> str:
    """Return ``.<name><addition>``; of a name that would be too long, a part with a digest of the whole."""
    if len(os.fsencode(f".{name}{addition}")) <= _NAME_LIMIT:
        return f".{name}{addition}"
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    short = name
    while len(os.fsencode(f".{short}-{digest}{addition}")) > _NAME_LIMIT:
        short = short[:-1]
    return f".{short}-{digest}{addition}"


def check_length(path: Path) -> None:
    """Refuse an output whose name or path is too long, or would be with what is kept beside it.

    Raises
    ------
    FileError
        If it is; the sentence says how long it may be.
    """
    name_limit, path_limit = _limits(path)
    length = _length(path.name)
    shown = f"{path.name[:40]}…" if len(path.name) > 41 else path.name
    if length + _LONGEST_ADDITION > name_limit:
        raise FileError(
            f"The name of the output, {shown}, is {length} {_UNIT} long, but at most "
            f"{name_limit - _LONGEST_ADDITION} are possible here; give the input or the "
            "output a shorter name."
        )
    length = _length(os.path.abspath(path))
    room = path_limit - _LONGEST_ADDITION - _LONGEST_INSIDE
    if length > room:
        raise FileError(
            f"The path of the output {shown} is {length} {_UNIT} long, but at most {room} are possible "
            "here; choose an output folder with a shorter path."
        )


def _length(text: str) -> int:
    """Return what a limit counts: characters of 16 bits in Windows, bytes elsewhere."""
    if sys.platform == "win32":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(os.fsencode(text))


def _limits(path: Path) -> tuple[int, int]:
    """Return how many bytes a name and a path may have in the folder of a file that is to be written."""
    if sys.platform == "win32":
        return _NAME_LIMIT, 32767
    folder = path.parent.absolute()
    for place in (folder, *folder.parents):
        try:
            return os.pathconf(place, "PC_NAME_MAX"), os.pathconf(place, "PC_PATH_MAX")
        except (OSError, ValueError):
            continue
    return _NAME_LIMIT, _PATH_LIMIT
