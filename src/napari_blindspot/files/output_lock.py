"""One run at a time for one output, also between machines that share a folder.

The lock is the operating system's own, on the hidden file ``.<name>.lock`` beside the output. It ends with
the process that holds it, however that ends: after a kill there is nothing to wait for or to remove.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.files.names import hidden_name

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = ["locked", "locked_folder"]

_BEYOND = 2**30
"""Where Windows locks a byte: outside of what is written, which nobody could read otherwise."""


@contextlib.contextmanager
def locked(*paths: str | os.PathLike[str]) -> Iterator[tuple[Notice, ...]]:
    """Keep other runs from writing some outputs while the block lasts.

    Where no lock can be had, in a folder that cannot be written to or on a file system that knows none
    (some of NFS, Lustre and FUSE), the block runs without one.

    Parameters
    ----------
    *paths : path-like
        The outputs, files or folders; they need not be there, but their folder.

    Yields
    ------
    tuple of Notice
        ``without-lock`` for each folder whose file system knows no locks.

    Raises
    ------
    FileError
        If another run holds one of them; the sentence names the path and that run.
    """
    with contextlib.ExitStack() as held:
        notices: list[Notice] = []
        for path in map(Path, paths):
            lock = path.with_name(hidden_name(path.name, ".lock"))
            found = held.enter_context(_held(lock, f"The output {path}"))
            notices += [notice for notice in found if notice not in notices]
        yield tuple(notices)


def locked_folder(folder: Path) -> AbstractContextManager[tuple[Notice, ...]]:
    """Keep other batches from writing to a folder; as `locked`, of which it is independent.

    Raises
    ------
    FileError
        If another batch holds it.
    """
    return _held(folder / ".batch.lock", f"The output folder {folder}")


@contextlib.contextmanager
def _held(lock: Path, name: str) -> Iterator[tuple[Notice, ...]]:
    try:
        descriptor = _take(lock, name)
    except _NoLocksError:
        with contextlib.suppress(OSError):
            lock.unlink()
        yield (Notice("without-lock", {"folder": str(lock.parent)}),)
        return
    try:
        yield ()
    finally:
        if descriptor is not None:
            _give_back(lock, descriptor)


class _NoLocksError(Exception):
    """The file system knows no locks."""


def _take(lock: Path, name: str) -> int | None:
    """Return the open file that is locked; None where there is none."""
    while True:
        try:
            descriptor = _open(lock)
        except OSError:
            return None
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError) as error:
            if isinstance(error, PermissionError) and not _has_locks(lock.parent):
                os.close(descriptor)
                raise _NoLocksError from None
            owner = _read(descriptor)
            os.close(descriptor)
            raise FileError(
                f"{name} is in use by another run{owner}; wait until that has ended, or choose another one."
            ) from None
        except OSError as error:
            os.close(descriptor)
            if error.errno == errno.ESTALE:
                continue
            raise _NoLocksError from None
        if sys.platform == "win32" or _is_still(lock, descriptor):
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
            return descriptor
        # Its holder has given it up since it was opened, and the name with it.
        os.close(descriptor)


def _give_back(lock: Path, descriptor: int) -> None:
    # The name goes first, so that whoever has opened the file meanwhile can see that it is a lock no more.
    with contextlib.suppress(OSError):
        lock.unlink()
    os.close(descriptor)
    if sys.platform == "win32":
        # Windows removes nothing that is open; if another run has opened it by now, it is theirs to remove.
        with contextlib.suppress(OSError):
            lock.unlink()


def _open(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        # Of another user, who may be at work.
        return os.open(lock, os.O_RDONLY)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _has_locks(folder: Path) -> bool:
    """Tell whether a file that nobody else knows can be locked in a folder."""
    probe = folder / f".{secrets.token_hex(8)}.lock"
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return True
    try:
        _lock(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            probe.unlink()
    return True


def _is_still(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(lock))
    except OSError:
        return False


def _read(descriptor: int) -> str:
    with contextlib.suppress(OSError, ValueError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        owner = os.read(descriptor, 200).decode()
        return f" ({owner})" if owner else ""
    return ""
