"""From files, folders and patterns to a list of image files. Nothing is opened here."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from napari_blindspot.files.formats.registry import endings, is_image_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FoundImage", "find", "locate"]

_MAGIC = "*?["


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image to take.

    Attributes
    ----------
    path : Path
        Absolute, without ``..``; the last part may be a link.
    folder : PurePath
        Where it lies below the folder that was searched; ``.`` for a file that was named.
    searched : bool
        Whether it was found in a folder rather than named.
    problem : str
        Why it cannot be taken; empty if nothing is known against it.
    """

    path: Path
    folder: PurePath = field(default_factory=PurePath)
    searched: bool = False
    problem: str = ""


def locate(path: Path) -> Path:
    """Return the path without ``..``, through links to folders but not through the last part."""
    if path.name in ("", ".."):
        return _resolve(path)
    return _resolve(path.parent) / path.name


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links; Python before 3.13 says so with a RuntimeError
        return path.absolute()


def find(path: Path, pattern: str | None, leave_out: Path) -> list[FoundImage]:
    """List the images that a file, folder or pattern stands for, in the order of their names.

    Parameters
    ----------
    path : Path
        What the user gave.
    pattern : str or None
        Which files of a folder to take; see `BatchOptions`.
    leave_out : Path
        A folder below the searched one that is not searched: that of the results.

    Returns
    -------
    list of FoundImage
        Also what cannot be read, with the reason; empty if a folder or pattern holds nothing.
    """
    place = locate(path)
    if place.is_symlink() and not place.exists():
        return [FoundImage(place, problem=f"{path} is a link that leads nowhere, or back to itself.")]
    if not place.exists():
        if any(sign in str(path) for sign in _MAGIC):
            root, rest = _split(path)
            return list(_search(locate(root), f"./{rest}", leave_out)) if root.is_dir() else []
        return [FoundImage(place, problem=f"{path} does not exist.")]
    if place.is_dir() and not is_image_folder(place):
        return list(_search(place.resolve(), pattern, leave_out))
    return [FoundImage(place)]


def _split(path: Path) -> tuple[Path, str]:
    """Part a pattern into the folder before its first wildcard and the rest."""
    plain = 0
    while not any(sign in path.parts[plain] for sign in _MAGIC):
        plain += 1
    return Path(*path.parts[:plain]), "/".join(path.parts[plain:])


def _search(root: Path, pattern: str | None, leave_out: Path) -> Iterator[FoundImage]:
    """Walk through a folder; a folder that was seen before, by whatever link, is not entered again."""
    seen: set[tuple[int, int]] = set()
    skipped = _resolve(leave_out)

    def walk(folder: Path) -> Iterator[FoundImage]:
        below = folder.relative_to(root)
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                return
            seen.add((status.st_dev, status.st_ino))
            names = sorted(os.listdir(folder))
        except OSError as error:
            reason = error.strerror or str(error)
            yield FoundImage(
                folder, below, searched=True, problem=f"Cannot read the folder {folder}: {reason}."
            )
            return
        for name in names:
            path = folder / name
            if name.startswith(".") or name.endswith(".planes"):
                continue
            if path.is_dir() and not is_image_folder(path):
                if path.resolve() != skipped:
                    yield from walk(path)
            elif _wanted(below / name, pattern):
                lost = path.is_symlink() and not path.exists()
                problem = f"{path} is a link that leads nowhere, or back to itself." if lost else ""
                yield FoundImage(path, below, searched=True, problem=problem)

    yield from walk(root)


def _wanted(relative: PurePath, pattern: str | None) -> bool:
    if pattern is None:
        return relative.name.lower().endswith(endings())
    wanted = pattern.lower().replace("\\", "/").split("/")
    parts = [part.lower() for part in relative.parts]
    if len(wanted) == 1:
        return _match(parts[-1:], wanted)
    return _match(parts, [part for part in wanted if part != "."])


def _match(parts: list[str], wanted: list[str]) -> bool:
    """Compare a path with a pattern, part by part; ``**`` stands for any number of folders."""
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return _match(parts, wanted[1:]) or bool(parts and _match(parts[1:], wanted))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], wanted[0]) and _match(parts[1:], wanted[1:])
