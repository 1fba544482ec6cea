"""What is to be done with one file, what identifies it, and what an output that is there means.

A `Work` is plain data, so that a worker of a cluster can be told it. Doing it belongs to `batch.planes`.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_blindspot.batch.summary import changes_of
from napari_blindspot.core.errors import BlindspotError, FileError
from napari_blindspot.files.door import read_record
from napari_blindspot.jobs.plane_store import PlaneStore

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.batch.items import Item
    from napari_blindspot.batch.options import BatchOptions, Compression
    from napari_blindspot.settings import Settings

__all__ = ["Work", "digest", "done_before", "kept_in_words", "sentence", "verdict"]


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done with one file; see `BatchOptions` and `Item` for the fields."""

    source: Path
    output: Path
    axes: str | None
    series: int | None
    channel: int | None
    settings: Settings
    compression: Compression
    pyramid: bool
    existing: str

    @classmethod
    def of(cls, item: Item, options: BatchOptions) -> Work:
        """Take from an item and the options of its batch what matters to this file."""
        return cls(
            source=item.source,
            output=item.output,
            axes=item.given_axes,
            series=item.series,
            channel=options.channel,
            settings=options.settings,
            compression=options.compression,
            pyramid=options.pyramid,
            existing=options.existing,
        )

    def fingerprint(self) -> dict[str, Any]:
        """Return all that decides the pixels of the result.

        Raises
        ------
        FileError
            If the input is not there.
        """
        from napari_blindspot import __version__

        size, changed = _size_and_time(self.source)
        return {
            "version": __version__,
            "input": self.source.name,
            "bytes": size,
            "changed": changed,
            "axes": self.axes,
            "series": self.series,
            "channel": self.channel,
            "settings": self.settings.model_dump(mode="json"),
        }


def _size_and_time(path: Path) -> tuple[int, int]:
    """Return the bytes of a file or folder, and when it was last changed, in nanoseconds."""
    try:
        if not path.is_dir():
            status = path.stat()
            return status.st_size, status.st_mtime_ns
        found = [
            os.stat(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names
        ]
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error
    return sum(s.st_size for s in found), max((s.st_mtime_ns for s in found), default=0)


def digest(fingerprint: dict[str, Any]) -> str:
    """Return a short text that is the same for the same fingerprint."""
    text = json.dumps(fingerprint, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def sentence(error: Exception) -> str:
    """Return what an exception means to the user, in one sentence."""
    if isinstance(error, BlindspotError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The image does not fit into the memory of this machine; choose a smaller region."
    if isinstance(error, OSError):
        return f"Cannot go on: {error.strerror or error}."
    return f"Something unforeseen went wrong ({type(error).__name__}: {error})."


def verdict(work: Work) -> dict[str, Any] | None:
    """Say what an output that is there means.

    Returns
    -------
    dict or None
        State, reason and what else is known, as changes of the item; None if there is something to do.

    Raises
    ------
    FileError
        If the input is not there any more.
    """
    if work.existing == "overwrite" or not os.path.lexists(work.output):
        return None
    if work.existing == "skip":
        return {"state": "skipped", "reason": f"{work.output.name} is there already."}
    done = done_before(work)
    if done is None and work.existing == "replace":
        return None
    if done is None:
        reason = (
            f"The output {work.output} is there already and is not of this input with these settings; "
            "overwrite or skip what exists, or choose another output folder."
        )
        return {"state": "failed", "reason": reason}
    # A run that was killed after its last step has left the planes behind.
    PlaneStore(work.output).discard()
    return {"reason": "It was done by an earlier run.", **done}


def done_before(work: Work) -> dict[str, Any] | None:
    """Return what the output tells as changes of the item, if it is whole and of this very work.

    Raises
    ------
    FileError
        If the input is not there any more.
    """
    try:
        record = read_record(work.output)
    except BlindspotError:
        return None
    if record.get("run") != digest(work.fingerprint()):
        return None
    return {"state": "done", **changes_of(record)}


def kept_in_words(finished: int, planes: int) -> str:
    """Say what is there of a file that was stopped."""
    if not finished:
        return "It was stopped before a plane was finished; resume to go on."
    return f"{finished} of {planes} planes are finished and kept; resume to go on."
