"""What the files of a batch hold: several images, or planes of an image that lies in several files.

Files are opened here, but no pixel is read. Finding files and naming results belongs to
`napari_blindspot.batch.items`.
"""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.files.door import list_members, list_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


__all__ = ["Contents", "contents_of", "sets_among"]

_REMEMBERED = 4096
"""Files whose contents are remembered, so that a list which grows is not read again and again."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds.

    Attributes
    ----------
    images : int
        How many images it gives; 0 if it cannot be read.
    members : tuple of Path
        The files of the set that it belongs to, as `napari_blindspot.files.door.list_members` has them.
    """

    images: int = 0
    members: tuple[Path, ...] = ()


def contents_of(path: Path) -> Contents:
    """Look into a file; one that cannot be read holds nothing, and says why when it is opened."""
    try:
        status = os.stat(path)
    except OSError:
        return Contents()
    return _contents(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(_REMEMBERED)
def _contents(path: Path, _modified: int, _size: int) -> Contents:
    with contextlib.suppress(BlindspotError):
        return Contents(len(list_series(path)), list_members(path))
    return Contents()


def sets_among(
    sources: Iterable[Path], look: Callable[[Path], Contents] = contents_of
) -> dict[Path, tuple[Path, int]]:
    """Find the files whose planes another file gives, so that a set is denoised once.

    Parameters
    ----------
    sources : iterable of Path
        The files of a batch.
    look : callable
        Tells what a file holds.

    Returns
    -------
    dict of Path to (Path, int)
        For each member of a set the file that stands for the set, which may be itself, and how many there
        are.
    """
    members = {source: look(source).members for source in sources}
    sets = {source: found for source, found in members.items() if found}
    # The file that gives most planes stands for a set; of equal ones that which describes it.
    order = sorted(sets, key=lambda source: (-len(sets[source]), source != sets[source][0]))
    given: dict[Path, tuple[Path, int]] = {}
    for source in order:
        if source not in given:
            new = dict.fromkeys(sets[source], (source, len(sets[source])))
            given = {**new, **given}
    return given
