"""Finished planes of one output, kept on disk until all of them are there.

The folder ``<output>.planes`` beside the output holds files for every plane, each written under a temporary
name and moved into place, so that a run may end at any moment and another goes on from what is there.
What is in a record, and when the planes become the output, is decided by those who use it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import first_line
from napari_blindspot.files.safe_write import atomic_path, discard_folder, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Index = tuple[int, ...]

__all__ = ["PlaneStore"]

_FINGERPRINT = "run.json"
_RUN = "run.txt"


class PlaneStore:
    """The planes of one output that have a result.

    Several processes may keep planes in one store at the same time, as long as each plane is kept by one of
    them and each chain of models is continued by one of them. Who opens a store takes it over: what an
    earlier run has left at work on other machines cannot keep planes in it any more.

    Parameters
    ----------
    output : Path
        The file or folder that the planes are for; `PlaneStore.open` makes the store.
    run : str
        The run that the planes belong to, for processes that help it; see the attribute.

    Attributes
    ----------
    output, folder : Path
        What the planes are for, and where they are.
    run : str
        A name that no other run has.
    """

    def __init__(self, output: Path, run: str = "") -> None:
        self.folder = self.folder_of(output)
        self.output = output
        self.run = run
        self._records: dict[Index, dict[str, Any]] = {}

    @staticmethod
    def folder_of(output: str | os.PathLike[str]) -> Path:
        """Return the folder in which the planes of `output` are kept."""
        path = Path(output)
        return path.with_name(f"{path.name}.planes")

    @classmethod
    def open(
        cls, output: str | os.PathLike[str], fingerprint: Mapping[str, Any], *, resume: bool
    ) -> PlaneStore:
        """Go on with the planes of an earlier run, or start without any.

        Parameters
        ----------
        output : path-like
            The file or folder that the planes are for.
        fingerprint : mapping
            All that decides the pixels, as JSON can hold it: planes of a run with another one are no use.
        resume : bool
            Whether planes that are there are to be kept, if their fingerprint is the same.

        Raises
        ------
        FileError
            If the folder cannot be made, or an earlier one cannot be removed.
        """
        store = cls(Path(output), secrets.token_hex(8))
        folder = store.folder
        wanted = json.dumps(fingerprint, sort_keys=True, default=str)
        if not resume or _read_text(folder / _FINGERPRINT) != wanted:
            try:
                _discard(folder)
                folder.mkdir()
            except OSError as error:
                raise FileError(
                    f"Cannot keep finished planes in {folder}: {error.strerror or error}; "
                    "choose an output in a folder that can be written to."
                ) from error
            _write(folder / _FINGERPRINT, wanted.encode())
        with contextlib.suppress(OSError):
            # Not every file system replaces a file.
            (folder / _RUN).unlink(missing_ok=True)
        _write(folder / _RUN, store.run.encode())
        return store

    @property
    def records(self) -> dict[Index, dict[str, Any]]:
        """The record of every finished plane, also of those that another process kept meanwhile."""
        for entry in os.scandir(self.folder):
            index = _index_of(entry.name)
            if index is not None and index not in self._records:
                with contextlib.suppress(OSError, ValueError):
                    record = json.loads(Path(entry.path).read_bytes())
                    if self._is_whole(index, record):
                        self._records[index] = record
        return {index: record["record"] for index, record in sorted(self._records.items())}

    @property
    def fingerprint(self) -> dict[str, Any]:
        """All that decides the pixels, as `open` was told.

        Raises
        ------
        FileError
            If it cannot be read.
        """
        path = self.folder / _FINGERPRINT
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise FileError(f"Cannot read {path}: {first_line(error)}.") from error
        return found

    @property
    def is_begun(self) -> bool:
        """Whether a run has begun to keep planes and not removed them yet."""
        return (self.folder / _FINGERPRINT).is_file()

    @property
    def size(self) -> int:
        """Bytes of all files in the folder; 0 if it is not there."""
        if not self.folder.is_dir():
            return 0
        return sum(entry.stat().st_size for entry in os.scandir(self.folder))

    @property
    def finished(self) -> set[Index]:
        """The indices of the planes that have a result."""
        return set(self.records)

    def keep(
        self,
        index: Index,
        images: Mapping[str, npt.NDArray[Any]],
        record: Mapping[str, Any],
        *,
        model: bytes | None = None,
        chain: str = "",
    ) -> None:
        """Keep a finished plane; whatever happens later, it is there.

        Parameters
        ----------
        index : tuple of int
            Where the plane is in the stack.
        images : mapping of str to ndarray
            (Y, X) each, by the names of `napari_blindspot.core.images.IMAGES`.
        record : mapping
            What is to be known about it, as JSON can hold it.
        model : bytes, optional
            The networks from which the next plane of the chain starts; the model before it is removed.
        chain : str
            Name of the chain of planes that the model belongs to, for stacks with several (one a channel).

        Raises
        ------
        FileError
            If the disk is full, the folder has gone, or another run has taken it over.
        """
        self.check_run()
        name = _name_of(index)
        sizes = {
            file: _save(self.folder / file, pixels)
            for file, pixels in ((f"{name}.{image}.npy", pixels) for image, pixels in images.items())
        }
        entry: dict[str, Any] = {"record": dict(record), "files": sizes}
        if model is not None:
            before = self._latest(chain)
            sizes[f"{name}.model"] = _write(self.folder / f"{name}.model", model)
            step = 0 if before is None else self._records[before]["step"] + (before != index)
            entry |= {"chain": chain, "step": step}
        # The record comes last: a plane without one was not finished.
        _write(self.folder / f"{name}.json", json.dumps(entry).encode())
        self._records[index] = entry
        if model is not None and before is not None and before != index:
            (self.folder / f"{_name_of(before)}.model").unlink(missing_ok=True)

    def check_run(self) -> None:
        """Make sure that the planes still belong to this run.

        Raises
        ------
        FileError
            If another run has taken them over, or they are not there any more.
        """
        if not self.folder.is_dir():
            raise FileError(
                f"The folder {self.folder} with the finished planes is gone: another run has ended, or its "
                "disk is not there any more; begin again."
            )
        if _read_text(self.folder / _RUN) != self.run:
            raise FileError(f"The finished planes in {self.folder} belong to another run by now.")

    def images(self, index: Index) -> set[str]:
        """Return the names of the images that are kept of a finished plane."""
        _ = self.records
        start = f"{_name_of(index)}."
        files = self._records[index]["files"] if index in self._records else ()
        return {file.removeprefix(start).removesuffix(".npy") for file in files if file.endswith(".npy")}

    def image(self, index: Index, name: str = "denoised") -> npt.NDArray[Any]:
        """Return an image of a finished plane.

        Raises
        ------
        FileError
            If the plane is not finished, was kept without it, or its file is damaged.
        """
        path = self.folder / f"{_name_of(index)}.{name}.npy"
        try:
            array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise FileError(f"Plane {index} is not among the finished planes in {self.folder}.") from None
        except (OSError, ValueError, EOFError) as error:
            raise FileError(f"The finished plane {path} is damaged; start anew without it.") from error
        return array

    @property
    def has_model(self) -> bool:
        """Whether a model is kept of any chain."""
        _ = self.records
        return any("chain" in entry for entry in self._records.values())

    def model(self, chain: str = "") -> tuple[Index, bytes] | None:
        """Return the latest model of a chain and the index of its plane; None if there is none.

        Raises
        ------
        FileError
            If its file cannot be read.
        """
        latest = self._latest(chain)
        if latest is None:
            return None
        path = self.folder / f"{_name_of(latest)}.model"
        try:
            return latest, path.read_bytes()
        except OSError as error:
            raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error

    def discard(self) -> None:
        """Remove the store, and half-written files of the output that a killed run left behind.

        Raises
        ------
        FileError
            If the folder cannot be removed.
        """
        try:
            _discard(self.folder)
        except OSError as error:
            raise FileError(f"Cannot remove {self.folder}: {error.strerror or error}.") from error
        remove_leftovers(self.output)

    def discard_if_empty(self) -> None:
        """Remove the store if there is one without a single plane; if that cannot be, it does no harm."""
        with contextlib.suppress(OSError, FileError):
            if self.folder.is_dir() and not self.records:
                self.discard()

    def _latest(self, chain: str) -> Index | None:
        _ = self.records
        chained = {i: e["step"] for i, e in self._records.items() if e.get("chain") == chain}
        return max(chained, key=chained.__getitem__) if chained else None

    def _is_whole(self, index: Index, entry: dict[str, Any]) -> bool:
        """Tell whether the images that a record speaks of are there, in full length."""
        images = {name: size for name, size in entry["files"].items() if name.endswith(".npy")}
        return all((self.folder / name).stat().st_size == size for name, size in images.items())


def _discard(folder: Path) -> None:
    # Whatever interrupts this, what is left is not taken for planes of the run.
    (folder / _FINGERPRINT).unlink(missing_ok=True)
    discard_folder(folder)


def _name_of(index: Index) -> str:
    return "-".join(["plane", *(f"{number:06d}" for number in index)])


def _index_of(name: str) -> Index | None:
    """Return the index of the plane whose record has this name; None if it is no record."""
    stem, ending = os.path.splitext(name)
    start, *numbers = stem.split("-")
    if start != "plane" or ending != ".json" or not all(number.isdecimal() for number in numbers):
        return None
    return tuple(int(number) for number in numbers)


def _save(path: Path, array: npt.NDArray[Any]) -> int:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return _write(path, stream.getvalue())


def _write(path: Path, content: bytes) -> int:
    with atomic_path(path, len(content)) as temporary:
        temporary.write_bytes(content)
    return len(content)


def _read_text(path: Path) -> str | None:
    """Return what is in a file; None if it is not there or is no text.

    Raises
    ------
    FileError
        If it cannot be read, which must not be taken for a file of another run.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error
