"""What the directory of a CZI tells: its scenes, and which planes and tiles of them it holds.

Pixels are read in `napari_blindspot.files.formats.czi_reader`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    _Rectangle = tuple[int, int, int, int]
    """Left, top, width and height."""

__all__ = ["CziScene", "czi_scenes"]

_ORDER = "TCVRIHBZ"
"""Dimensions of a CZI before the plane: time, channel and z; view, rotation, illumination, phase and block
are counted as channels."""


@dataclass
class CziScene:
    """One scene of a CZI: an image with an area and planes of its own.

    What it is asked is answered once: all tiles are to be noted before.

    Attributes
    ----------
    number : int or None
        As the file counts it; None where a file has no scenes.
    tiles : dict
        The rectangles of the tiles of each plane that the file holds, by its place.
    pixel_types : dict of int to str
        Kind of pixels of each channel, as libCZI calls it.
    """

    number: int | None
    tiles: dict[tuple[tuple[str, int], ...], set[_Rectangle]] = field(default_factory=dict)
    pixel_types: dict[int, str] = field(default_factory=dict)

    def add(self, place: Mapping[str, int], tile: _Rectangle, pixel_type: str) -> None:
        """Note a tile of a plane."""
        self.tiles.setdefault(_key(place), set()).add(tile)
        self.pixel_types.setdefault(place.get("C", 0), pixel_type)

    @functools.cached_property
    def starts(self) -> dict[str, int]:
        """The first number of each dimension."""
        return {name: min(numbers) for name, numbers in self._numbers.items()}

    @functools.cached_property
    def lengths(self) -> dict[str, int]:
        """The length of each dimension before the plane, in the order of the axes."""
        found = {name: max(numbers) - min(numbers) + 1 for name, numbers in self._numbers.items()}
        return {name: found[name] for name in _ORDER if name in found}

    @property
    def planes(self) -> int:
        """How many planes the dimensions make."""
        return math.prod(self.lengths.values())

    @property
    def missing(self) -> int:
        """How many of these the file does not hold."""
        return self.planes - len(self.tiles)

    @functools.cached_property
    def area(self) -> _Rectangle:
        """The smallest rectangle around all tiles."""
        tiles = set().union(*self.tiles.values())
        left, top = min(x for x, _, _, _ in tiles), min(y for _, y, _, _ in tiles)
        right, bottom = max(x + w for x, _, w, _ in tiles), max(y + h for _, y, _, h in tiles)
        return left, top, right - left, bottom - top

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.area[3], self.area[2]

    def place(self, where: Mapping[str, int]) -> dict[str, int]:
        """Return the coordinates of a plane, from its numbers counted from 0."""
        return {name: self.starts[name] + number for name, number in where.items()}

    def holds(self, place: Mapping[str, int]) -> bool:
        """Tell whether the file holds a plane."""
        return _key(place) in self.tiles

    def uncovered(self) -> float:
        """Return the share of the image that no tile covers, in the plane where it is greatest."""
        kinds = {frozenset(tiles) for tiles in self.tiles.values()}
        return max(_uncovered(tiles, self.area) for tiles in kinds)

    @functools.cached_property
    def _numbers(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for place in self.tiles:
            for name, number in place:
                found.setdefault(name, set()).add(number)
        return found


def czi_scenes(file: Any) -> list[CziScene]:
    """Return the scenes of an open CZI in their order; pixels are not looked at.

    Parameters
    ----------
    file : pylibCZIrw.czi.CziReader
        The file.

    Raises
    ------
    ValueError
        If it holds no image.
    """
    scenes: dict[int | None, CziScene] = {}

    def note(_: int, block: Any) -> bool:
        place = block.coordinate.to_dict()
        number = place.pop("S", None)
        tile = block.logicalRect
        scene = scenes.setdefault(number, CziScene(number))
        scene.add(
            {name: at for name, at in place.items() if name in _ORDER},
            (tile.x, tile.y, tile.w, tile.h),
            block.pixelType.name,
        )
        return True

    # Without the smaller levels of a pyramid.
    file.enumerate_subblocks_subset(note, only_layer0=True)
    if not scenes:
        raise ValueError("it holds no image")
    return [
        scenes[number] for number in sorted(scenes, key=lambda number: -1 if number is None else number)
    ]


def _key(place: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(place.items()))


def _uncovered(tiles: Iterable[_Rectangle], area: _Rectangle) -> float:
    """Return the share of an area that no tile covers, by the grid that all their edges make."""
    rectangles = [area, *tiles]
    columns = np.unique([edge for x, _, width, _ in rectangles for edge in (x, x + width)])
    rows = np.unique([edge for _, y, _, height in rectangles for edge in (y, y + height)])
    free = np.ones((len(rows) - 1, len(columns) - 1), bool)
    for x, y, width, height in tiles:
        within_rows = slice(*np.searchsorted(rows, (y, y + height)))
        within_columns = slice(*np.searchsorted(columns, (x, x + width)))
        free[within_rows, within_columns] = False
    cells = np.diff(rows)[:, None] * np.diff(columns)
    return float(cells[free].sum() / cells.sum())
