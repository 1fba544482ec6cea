"""Dimensions of microscope files, of which there are more kinds than T, Z, C, Y and X, as axes of an image.

The readers of CZI, LIF and ND2 use it. Axes that a file does not name are guessed in
`napari_blindspot.files.axes`.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.notices import Notice
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from napari_blindspot.files.formats.metadata import Metadata

__all__ = ["Dimensions", "closed_with"]

_PLANE = "YX"


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The dimensions of an image as its file has them.

    A plane is what the file holds together, whatever its two dimensions are: of an xz scan Z×X. Its rows
    and columns become Y and X, and what the file calls Y takes the free letter. Dimensions that are none of
    T, Z, C, Y and X (wavelengths, phases, illuminations, rotations, …) are counted as channels, which never
    share a network.

    Attributes
    ----------
    leading : mapping of str to int
        Names and lengths of the dimensions before the plane, in the order of the file.
    plane : mapping of str to int
        The same of a plane: its rows, its columns, and S for the samples of a colour image.
    labels : mapping of str to sequence of str
        What the single channels, wavelengths, … are called, as far as it is known.
    """

    leading: Mapping[str, int]
    plane: Mapping[str, int]
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[tuple[int, ...], str]:
        """Lengths and names as the file has them, for the list of its images."""
        both = {**self._long, **self.plane}
        return tuple(both.values()), "".join(both)

    @property
    def letters(self) -> dict[str, str]:
        """The axis of each dimension that is one of T, Z, Y and X, by its name in the file."""
        rows, columns = list(self.plane)[:2]
        free = {"Y": rows, "X": columns}
        found = {rows: "Y", columns: "X"}
        for name in self._long:
            letter = free.get(name, name)
            if letter in ("T", "Z") and letter not in found.values():
                found[name] = letter
        return found

    @property
    def axes(self) -> str:
        """One letter an axis of what `array` gives."""
        return "".join(self._axis_lengths) + _PLANE + "S" * ("S" in self.plane)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a user ought to know about the axes."""
        found = []
        rows, columns = list(self.plane)[:2]
        if (rows, columns) != ("Y", "X"):
            renamed = [f"{name} is called {axis}" for name, axis in self.letters.items() if name != axis]
            values = {"plane": f"{rows}×{columns}", "names": " and ".join(renamed)}
            found.append(Notice("planes-of-other-axes", values, is_warning=False))
        further = [f"{name} ({self._long[name]})" for name in self._further]
        if further:
            found.append(Notice("counted-as-channels", {"axes": ", ".join(further)}, is_warning=False))
        return tuple(found)

    def array(
        self, dtype: npt.DTypeLike, read: Callable[[Mapping[str, int]], npt.NDArray[Any]]
    ) -> LazyArray:
        """Return the image, whose planes are read when they are asked for.

        Parameters
        ----------
        dtype : dtype
            Of the pixels.
        read : callable
            Gives the plane of a number for each of the leading dimensions, by their names.
        """
        lengths = self._axis_lengths
        short = dict.fromkeys(self.leading, 0)
        names = {letter: name for name, letter in self.letters.items()}

        def plane(index: tuple[int, ...]) -> npt.NDArray[Any]:
            where = dict(short)
            for letter, number in zip(lengths, index, strict=True):
                if letter == "C":
                    where |= self._of_channel(number)
                else:
                    where[names[letter]] = number
            return read(where)

        return LazyArray((*lengths.values(), *self.plane.values()), dtype, plane, len(self.plane))

    def name_channels(self, found: Metadata, colors: Sequence[str] = ()) -> None:
        """Note the names and colours of the channels; one name for each that was counted as a channel.

        Parameters
        ----------
        found : Metadata
            Where to.
        colors : sequence of str
            As `Metadata` has them, of the dimension C; may be empty.
        """
        count = math.prod(self._channel_lengths.values())
        names = [self._channel_name(number) for number in range(count)]
        found.channel_names = tuple(names) if any(names) else ()
        per_color = count // max(1, self.leading.get("C", 1))
        found.channel_colors = tuple(color for color in colors for _ in range(per_color))

    def _channel_name(self, number: int) -> str:
        where = self._of_channel(number) if self._channel_lengths else {"C": 0}
        parts = []
        for name, at in where.items():
            labels = self.labels.get(name, ())
            label = labels[at] if at < len(labels) else ""
            parts.append(label or ("" if where.keys() == {"C"} else f"{name}{at}"))
        return " ".join(part for part in parts if part)

    def _of_channel(self, number: int) -> dict[str, int]:
        at = np.unravel_index(number, tuple(self._channel_lengths.values()))
        return {name: int(one) for name, one in zip(self._channel_lengths, at, strict=True)}

    @property
    def _long(self) -> dict[str, int]:
        """The leading dimensions that are longer than 1."""
        return {name: length for name, length in self.leading.items() if length > 1}

    @property
    def _further(self) -> list[str]:
        """The leading dimensions that are counted as channels and are none."""
        return [name for name in self._long if name not in self.letters and name != "C"]

    @property
    def _channel_lengths(self) -> dict[str, int]:
        """The dimensions that the axis C is made of: that of the channels outermost."""
        return {name: self._long[name] for name in ("C", *self._further) if name in self._long}

    @property
    def _axis_lengths(self) -> dict[str, int]:
        """The axes before the plane with their lengths; C stands where the first of its dimensions does."""
        letters = self.letters
        found: dict[str, int] = {}
        for name, length in self._long.items():
            if name in letters:
                found[letters[name]] = length
            else:
                found["C"] = math.prod(self._channel_lengths.values())
        return found


def closed_with(array: LazyArray, close: Callable[[], None]) -> LazyArray:
    """Return an array whose file is closed as soon as nobody can read from it any more."""
    weakref.finalize(array.reader, close)
    return array
