"""An operating system that refuses: the n-th call on a folder, or all that write from then on, or none.

Calls are counted that open, read, write, flush, lock, list, rename, make and remove what is in the folder.
What programs in C do with a file by themselves is not seen here; a full disk of its own is mounted for that
by the fixture `small_disk`.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO)

_OPEN = io.open

WRITES = frozenset(("open to write", "write", "mkdir", "fsync", "ftruncate"))
"""What needs room on the disk."""


class Faults:
    """Refuses calls in a folder, and counts them.

    Parameters
    ----------
    folder : Path
        Where; calls elsewhere are left alone.
    at : int
        Which call is refused, counted from 0; one that never comes only counts.
    number : int
        The error, such as `errno.EIO`.
    lasting : bool
        Whether all later calls that write are refused, too, as on a full disk.
    vanishing : Path or None
        What is removed before that call instead of refusing it.

    Attributes
    ----------
    calls : list of str
        What was asked for so far.
    """

    def __init__(
        self, folder: Path, at: int, number: int, *, lasting: bool = False, vanishing: Path | None = None
    ) -> None:
        self.folder, self.at, self.number = str(folder), at, number
        self.lasting, self.vanishing = lasting, vanishing
        self.calls: list[str] = []
        self._lock = threading.RLock()

    @property
    def was_hit(self) -> bool:
        return len(self.calls) > self.at

    def step(self, kind: str, path: Any) -> None:
        """Count a call, and refuse it if it is its turn."""
        with self._lock:
            here = len(self.calls)
            self.calls.append(kind)
            if self.vanishing is not None:
                if here == self.at:
                    shutil.rmtree(self.vanishing, ignore_errors=True)
                return
            if here == self.at or (self.lasting and here > self.at and kind in WRITES):
                raise OSError(self.number, os.strerror(self.number), str(path))

    def concerns(self, path: Any) -> bool:
        """Whether a path lies in the folder."""
        if isinstance(path, bytes | str | os.PathLike):
            return os.fsdecode(os.fspath(path)).startswith(self.folder)
        return False

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Stand between the programs in this process and the operating system."""
        with pytest.MonkeyPatch.context() as patch:
            for module in (io, builtins):
                patch.setattr(module, "open", self._open)
            for name in ("mkdir", "replace", "rename", "unlink", "remove", "rmdir", "listdir", "scandir"):
                patch.setattr(os, name, self._refusing(name, getattr(os, name)))
            patch.setattr(os, "open", self._refusing("os.open", os.open))
            for name in ("fsync", "ftruncate"):
                patch.setattr(os, name, self._refusing(name, getattr(os, name), descriptor=True))
            with contextlib.suppress(ImportError):
                import fcntl

                patch.setattr(fcntl, "flock", self._refusing("flock", fcntl.flock, descriptor=True))
            yield

    def _refusing(self, kind: str, call: Callable[..., Any], *, descriptor: bool = False) -> Any:
        def asked(*arguments: Any, **options: Any) -> Any:
            path = self._path_of(arguments[0]) if descriptor and arguments else (arguments or (".",))[0]
            if self.concerns(path) or (not descriptor and options.get("dir_fd") is not None):
                self.step(kind, path)
            return call(*arguments, **options)

        return asked

    def _path_of(self, descriptor: Any) -> str:
        try:
            return os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            return ""

    def _open(self, file: Any, mode: str = "r", buffering: int = -1, *more: Any, **options: Any) -> Any:
        if not self.concerns(file):
            return _OPEN(file, mode, buffering, *more, **options)
        is_written = not set(mode).isdisjoint("wax+")
        self.step("open to write" if is_written else "open to read", file)
        if "b" not in mode:
            return _OPEN(file, mode, buffering, *more, **options)
        raw = _File(self, file, mode.replace("b", ""))
        if buffering == 0:
            return raw
        if "+" in mode:
            return io.BufferedRandom(raw)
        return io.BufferedWriter(raw) if is_written else io.BufferedReader(raw)


class _File(io.FileIO):
    """A file whose reads and writes are counted."""

    def __init__(self, faults: Faults, file: Any, mode: str) -> None:
        super().__init__(Path(file), mode)
        self._faults = faults

    def write(self, data: Any) -> int:
        self._faults.step("write", self.name)
        return super().write(data)

    def readinto(self, buffer: Any) -> int:
        self._faults.step("read", self.name)
        return super().readinto(buffer)

    def readall(self) -> bytes:
        self._faults.step("read", self.name)
        return super().readall()
