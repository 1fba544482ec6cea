"""What ScanImage notes in a TIFF of the order in which it stored images.

It stores the images of all channels in turn, so that nothing but its notes tells them from depth or time.
How the pages are read belongs to `napari_blindspot.files.formats.tiff_planes`.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["channels_in_turn"]

_LISTS = re.compile(r"\b(?:hChannels\.channelSave|channelsSave)\s*=\s*\[?([\d;, ]+)")
"""Numbers of the channels that were stored: of version 5 and later, and of 4."""

_COUNT = re.compile(r"\bstate\.acq\.numberOfChannelsSave\s*=\s*(\d+)")
"""How many channels version 3 stored."""

_EACH = re.compile(r"\bstate\.acq\.savingChannel\d+\s*=\s*1\b")
"""Each channel that version 3 stored."""


def channels_in_turn(page: Any) -> int:
    """Return how many channels stand in turn on the pages of a TIFF.

    Parameters
    ----------
    page : TiffPage
        The first of the file.

    Returns
    -------
    int
        1 where there is only one, or the file is not of ScanImage.
    """
    notes = f"{page.software}\n{page.description}"
    listed, counted = _LISTS.search(notes), _COUNT.search(notes)
    if listed is not None:
        return max(len(re.findall(r"\d+", listed.group(1))), 1)
    return max(int(counted.group(1)) if counted is not None else len(_EACH.findall(notes)), 1)
