"""What the files of a batch hold: several images, or planes of an image that lies in several files.

Files are opened here, but no pixel is read. Finding files and naming results belongs to
`napari_blindspot.batch.items`.
"""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.files.door import list_members, list_series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_blindspot.batch.items import Item
    from napari_blindspot.batch.options import Input

__all__ = ["Contents", "contents_of", "each_image", "without_members"]

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


def each_image(
    items: Sequence[Item], inputs: Sequence[Input], look: Callable[[Path], Contents] = contents_of
) -> list[Input]:
    """Return an input for every image of files that hold several and of which none was chosen.

    Parameters
    ----------
    items : sequence of Item
        The files.
    inputs : sequence of Input
        That of each file.
    look : callable
        Tells what a file holds.
    """
    found: list[Input] = []
    for item, entry in zip(items, inputs, strict=True):
        is_open = item.read.series is None and not item.reason
        count = look(item.source).images if is_open else 1
        if count < 2:
            found.append(entry)
        else:
            found += [entry.model_copy(update={"series": number}) for number in range(count)]
    return found


def without_members(items: Sequence[Item], look: Callable[[Path], Contents] = contents_of) -> list[Item]:
    """Leave out files whose planes another file of the batch gives: a set is denoised once.

    Parameters
    ----------
    items : sequence of Item
        The files.
    look : callable
        Tells what a file holds.

    Returns
    -------
    list of Item
        The same; a member of a set is skipped, with the file that stands for its set as the reason.
    """
    members = {item.source: look(item.source).members for item in items if item.state == "waiting"}
    sets = {source: found for source, found in members.items() if found}
    # The file that gives most planes stands for a set; of equal ones that which describes it.
    order = sorted(sets, key=lambda source: (-len(sets[source]), source != sets[source][0]))
    given: dict[Path, Path] = {}
    for source in order:
        if source not in given:
            given |= {member: source for member in sets[source] if member not in given}
    return [
        replace(
            item,
            state="skipped",
            reason=f"It is one of the {len(sets[head])} files of the set of {head.name}, with which its "
            "planes are denoised.",
        )
        if (head := given.get(item.source, item.source)) != item.source and item.state == "waiting"
        else item
        for item in items
    ]
