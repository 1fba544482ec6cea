"""A finished file or folder copied to its name, where a file system lets nothing be renamed.

A copy that is interrupted must not be taken for the whole: what tells the format comes last. When this is
needed is decided by `napari_blindspot.files.safe_write`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copy_to_place"]

_HEAD = 16
"""The first bytes of a file, without which no format is recognised."""

_DESCRIPTIONS = ("zarr.json", ".zgroup", ".zattrs")
"""The files of a Zarr's root, without which it is no image."""


def copy_to_place(finished: Path, target: Path) -> None:
    """Copy a file or folder to a name that is free.

    Parameters
    ----------
    finished : Path
        The whole file or folder; it stays.
    target : Path
        Where it is to be. If that goes wrong, nothing of that name is left behind.

    Raises
    ------
    OSError
        If the operating system refuses.
    """
    try:
        if finished.is_dir():
            _copy_folder(finished, target)
        else:
            _copy_file(finished, target)
    except FileExistsError:
        # It is somebody else's.
        raise
    except BaseException:
        with contextlib.suppress(OSError):
            if finished.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        raise


def _copy_file(finished: Path, target: Path) -> None:
    with finished.open("rb") as source, target.open("xb") as copy:
        head = source.read(_HEAD)
        copy.write(bytes(len(head)))
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
        copy.seek(0)
        copy.write(head)
        copy.flush()
        os.fsync(copy.fileno())


def _copy_folder(finished: Path, target: Path) -> None:
    target.mkdir()
    last = [name for name in _DESCRIPTIONS if (finished / name).exists()]
    for entry in sorted(finished.iterdir()):
        if entry.is_dir():
            shutil.copytree(entry, target / entry.name)
        elif entry.name not in last:
            shutil.copyfile(entry, target / entry.name)
    for name in last:
        shutil.copyfile(finished / name, target / name)
