"""What the records of planes and outputs say of a file, as changes of its item."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_blindspot.jobs.record import noise_in_words, seconds_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["changes_of", "progress_of"]


def progress_of(records: Collection[dict[str, Any]]) -> dict[str, Any]:
    """Return what the planes that are finished say of their file."""
    return {"finished": len(records), "seconds": seconds_of(records), "noise": noise_in_words(records)}


def changes_of(record: Mapping[str, str]) -> dict[str, Any]:
    """Return what the record in an output says of its file."""
    return {
        "finished": len(record["iterations run"].split()),
        "seconds": float(record["seconds"]),
        "noise": record["noise"],
        "warnings": tuple(json.loads(record["warnings"])),
    }
