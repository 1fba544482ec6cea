"""Files and folders that are either complete or not there: written under a temporary name, then moved.

Where a file system denies that (a CIFS share, a folder that is synchronised, a viewer that has the file
open), what is finished is copied to its place, or kept under another name where something is in that place.
Also the questions that are better asked before an hour of computing than after it: may this name be
written, and is there room. What goes into a file belongs to the writers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.names import beside_names, check_length, hidden_name
from napari_blindspot.files.placing import copy_to_place

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "KeptBesideError",
    "atomic_folder",
    "atomic_path",
    "check_writable",
    "discard_folder",
    "remove_leftovers",
    "size_on_disk",
]

_MEGABYTE = 1e6

_PART = ".part"


class KeptBesideError(FileError):
    """An output could not be replaced, but what is finished is whole under another name.

    Attributes
    ----------
    output, path : Path
        The name that was wanted, and the one that was taken.
    reason : str
        What the operating system says.
    """

    def __init__(self, output: Path, path: Path, reason: str) -> None:
        super().__init__(f"{output} could not be replaced ({reason}), so the result was kept as {path}.")
        self.output, self.path, self.reason = output, path, reason

    def __reduce__(self) -> tuple[type[KeptBesideError], tuple[Path, Path, str]]:
        """Let it reach another process as it is."""
        return type(self), (self.output, self.path, self.reason)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], size: int = 0, *, beside: bool = False) -> Iterator[Path]:
    """Give a temporary name in the folder of `path`; move it to `path` when the block ends well.

    Parameters
    ----------
    path : path-like
        Where the finished file is to be. A file of that name is replaced.
    size : int
        About how many bytes it will have; only for the sentence about a full disk.
    beside : bool
        Whether the finished file is kept under another name beside a file that cannot be replaced.

    Yields
    ------
    Path
        The name to write to. Whatever goes wrong, no file of that name is left behind.

    Raises
    ------
    KeptBesideError
        If the finished file is under another name.
    FileError
        If the operating system refuses; one sentence says why.
    """
    target = Path(path)
    temporary = _temporary(target)
    try:
        yield temporary
        _flush(temporary)
        _place(temporary, target, beside=beside)
    except FileError:
        raise
    except OSError as error:
        raise FileError(_why_not(target, error, size)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], size: int = 0) -> Iterator[Path]:
    """Give a temporary folder beside `path`; move it to `path` when the block ends well.

    Parameters
    ----------
    path : path-like
        Where the finished folder is to be. A folder or file of that name is replaced.
    size : int
        About how many bytes it will have; only for the sentence about a full disk.

    Yields
    ------
    Path
        An empty folder to write into. Whatever goes wrong, it is not left behind.

    Raises
    ------
    KeptBesideError
        If the folder or file of that name cannot be replaced, and the finished one is under another name.
    FileError
        If the operating system refuses; one sentence says why.
    """
    target = Path(path)
    temporary, old = _temporary(target), _temporary(target)
    try:
        temporary.mkdir()
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                _flush(Path(folder, name))
        # No operating system replaces a folder that is not empty in one step.
        denied = _try_to_move(target, old) if os.path.lexists(target) else None
        _place(temporary, target, beside=True, denied=denied)
    except FileError:
        raise
    except OSError as error:
        raise FileError(_why_not(target, error, size)) from error
    finally:
        with contextlib.suppress(OSError):
            if old.exists() and not target.exists():
                os.replace(old, target)
        for left in (temporary, *([old] if os.path.lexists(target) else [])):
            with contextlib.suppress(OSError):
                _remove(left)


def discard_folder(path: Path) -> None:
    """Remove a folder with all that is in it, where folders can be renamed in one step.

    Raises
    ------
    OSError
        If the operating system refuses.
    """
    if path.exists():
        doomed = _temporary(path)
        try:
            os.replace(path, doomed)
        except PermissionError:
            doomed = path
        _remove(doomed)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove temporary files and folders for `path` that a killed process left behind.

    Only for a moment at which nobody writes that file.
    """
    target = Path(path)
    end = f".{'0' * 8}{_PART}"
    start = hidden_name(target.name, end).removesuffix(end) + "."
    for entry in list(target.parent.iterdir()):
        if entry.name.startswith(start) and entry.name.endswith(_PART):
            with contextlib.suppress(OSError):
                _remove(entry)


def size_on_disk(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 for what is not there any more."""
    try:
        if not path.is_dir():
            return path.stat().st_size
        return sum(
            Path(folder, name).stat().st_size for folder, _, names in os.walk(path) for name in names
        )
    except OSError:
        return 0


def _temporary(target: Path) -> Path:
    return target.with_name(hidden_name(target.name, f".{secrets.token_hex(4)}{_PART}"))


def _place(temporary: Path, target: Path, *, beside: bool, denied: PermissionError | None = None) -> None:
    """Move what is finished to its name, or to where it can be if the operating system denies that.

    Parameters
    ----------
    temporary, target : Path
        What is finished, and its name.
    beside : bool
        Whether it may have another name.
    denied : PermissionError, optional
        Why what is in its place cannot be moved away; nothing else is tried there then.

    Raises
    ------
    KeptBesideError
        If something in its place cannot be replaced, and it is under another name now.
    OSError
        If the operating system refuses that, too.
    """
    denied = denied or _try_to_move(temporary, target)
    if denied is None:
        return
    if not os.path.lexists(target):
        copy_to_place(temporary, target)
        return
    if not beside:
        raise denied
    other = next((path for path in beside_names(target) if not os.path.lexists(path)), None)
    if other is None:
        raise denied
    if _try_to_move(temporary, other) is not None:
        copy_to_place(temporary, other)
    raise KeptBesideError(target, other, denied.strerror or "permission denied")


def _try_to_move(temporary: Path, target: Path) -> PermissionError | None:
    """Move a file or folder; return the error if that is denied, also a moment later."""
    for pause in (0.05, 0.2, 0.0):
        try:
            os.replace(temporary, target)
        except PermissionError as error:
            denied = error
            time.sleep(pause)
        else:
            return None
    return denied


def _flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("rb+") as written:
        os.fsync(written.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str], size: int = 0, *, folder: bool = False) -> None:
    """Make sure that a file of `size` bytes can be written at `path`, without leaving a trace.

    Parameters
    ----------
    path : path-like
        The output.
    size : int
        About how many bytes it will have.
    folder : bool
        Whether the output is a folder itself, so that a folder of its name may be there.

    Raises
    ------
    FileError
        If `path` is a folder or too long, its folder is not there or not writable, or the disk is too full.
    """
    target = Path(path)
    check_length(target)
    if target.is_dir() and not folder:
        raise FileError(f"The output {target} is a folder; give the name of a file in it.")
    home = target.parent
    if not home.is_dir():
        what = "is not a folder" if home.exists() else "does not exist"
        raise FileError(f"Cannot write {target}: {home} {what}; create it or choose another folder.")
    probe = _temporary(target)
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise FileError(_why_not(target, error, size)) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    if shutil.disk_usage(home).free < size:
        raise FileError(_disk_full(target, size))


def _why_not(target: Path, error: OSError, size: int) -> str:
    """Say in one sentence why the operating system would not write a file."""
    # numpy's tofile reports a full disk without an error number, so the free space is looked at as well.
    with contextlib.suppress(OSError):
        if error.errno == errno.ENOSPC or shutil.disk_usage(target.parent).free < min(size, 4096):
            return _disk_full(target, size)
    reason = error.strerror or str(error)
    return f"Cannot write {target}: {reason}; choose a folder that can be written to."


def _disk_full(target: Path, size: int) -> str:
    free = shutil.disk_usage(target.parent).free
    return (
        f"Cannot write {target}: the disk is full ({size / _MEGABYTE:.1f} MB are needed, "
        f"{free / _MEGABYTE:.1f} MB are free); make room or choose another folder."
    )
