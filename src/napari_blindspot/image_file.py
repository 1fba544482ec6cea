"""The pixels of a file with what is worth keeping of its metadata. Reading and writing are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_blindspot.tiff_metadata import Spacing

__all__ = ["ImageFile"]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """The pixels of a file, and what else is worth keeping.

    Attributes
    ----------
    array : ndarray
        The pixels, in the dtype of the file.
    axes : str
        One letter an axis, of T, Z, C, Y, X, and S for the samples of a colour image; Y and X come last,
        but for S.
    spacing : mapping of str to Spacing
        Distance between neighbours along T, Z, Y and X where the file tells it.
    channel_names : tuple of str
        One name a channel, or empty.
    notes : tuple of str
        What the user ought to know about how the file was read, one sentence each.
    """

    array: npt.NDArray[Any]
    axes: str
    spacing: Mapping[str, Spacing] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_rgb(self) -> bool:
        """Whether the pixels are colours, of three or four samples each."""
        return "S" in self.axes

    @property
    def channels(self) -> int:
        """Number of colour samples or channels; 1 if there is no axis for them."""
        axis = "S" if self.is_rgb else "C"
        return self.array.shape[self.axes.index(axis)] if axis in self.axes else 1

    def channel(self, number: int) -> ImageFile:
        """Return one colour sample or channel, without its axis.

        Raises
        ------
        ImageError
            If there is no such channel.
        """
        if not 0 <= number < self.channels:
            there = "the only one is 0" if self.channels == 1 else f"they are 0 to {self.channels - 1}"
            raise ImageError(f"There is no channel {number}; {there}.")
        letter = "S" if self.is_rgb else "C"
        if letter not in self.axes:
            return self
        names = self.channel_names[number : number + 1] if letter == "C" else ()
        return replace(
            self,
            array=np.take(self.array, number, axis=self.axes.index(letter)),
            axes=self.axes.replace(letter, ""),
            channel_names=names,
        )
