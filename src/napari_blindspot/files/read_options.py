"""What a user says of a file: which image of it, and what the file itself does not say or says wrongly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.files.axes import parse_split

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ReadOptions", "parse_voxel_size", "spell_voxel_size"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Which pixels of a file are taken, and what they are.

    Attributes
    ----------
    series : int or None
        Which image of a file with several, counted from 0.
    axes : str or None
        What the axes are, one letter of T, Z, C, Y, X, S each, in the order of the file; None to believe
        the file.
    split : str or None
        How many images of another axis stand in turn on the last axis before the planes, and its letter:
        with ``"2:C"`` 12 planes become 6 of each of two channels.
    voxel_size : tuple of float or None
        Distance between neighbours along Z, Y and X in µm, or along Y and X; None to believe the file. A
        text with commas is taken as well.
    channel : int or None
        The one colour sample or channel to take, counted from 0; all of them if None.

    Raises
    ------
    SettingsError
        If the voxel size is none.
    ImageError
        If the split is none.
    """

    series: int | None = None
    axes: str | None = None
    split: str | None = None
    voxel_size: tuple[float, ...] | None = None
    channel: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", self.axes or None)
        object.__setattr__(self, "split", self.split or None)
        if self.split is not None:
            object.__setattr__(self, "split", "{}:{}".format(*parse_split(self.split)))
        object.__setattr__(self, "voxel_size", parse_voxel_size(self.voxel_size))


def parse_voxel_size(value: str | Sequence[float] | None) -> tuple[float, ...] | None:
    """Return a voxel size of a text such as ``0.3,0.1,0.1``, or of numbers; None of nothing.

    Raises
    ------
    SettingsError
        If it is none.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        parts = value.split(",") if isinstance(value, str) else list(value)
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in (2, 3) or not all(math.isfinite(one) and one > 0 for one in numbers):
        raise SettingsError(
            f"The voxel size {value!r} is none; give the distances along Z, Y and X in µm, such as "
            "0.3,0.1,0.1.",
            setting="voxel_size",
        )
    return numbers


def spell_voxel_size(size: Sequence[float] | None) -> str:
    """Return a voxel size as `parse_voxel_size` reads it; empty if there is none."""
    return "" if size is None else ",".join(repr(float(step)).removesuffix(".0") for step in size)
