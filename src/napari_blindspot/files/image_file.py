"""The pixels of a file with what is worth keeping of its metadata, and what else a file offers.

Reading and writing belong to the formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.plane import check_plane, naming_plane
from napari_blindspot.files.spacing import Spacing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_blindspot.core.notices import Notice

__all__ = ["ImageFile", "Series"]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """The pixels of a file, and what else is worth keeping.

    Attributes
    ----------
    array : ndarray or LazyArray
        The pixels, in the dtype of the file; a plane is ``array[index]``.
    axes : str
        One letter an axis, of T, Z, C, Y, X, and S for the samples of a colour image; Y and X come last,
        but for S, which stands before them in what `by_sample` returns.
    spacing : mapping of str to Spacing
        Distance between neighbours along T, Z, Y and X where the file tells it.
    channel_names : tuple of str
        One name a channel, or empty.
    notices : tuple of Notice
        What the user ought to know about how the file was read.
    channel_colors : tuple of str
        One colour a channel, as #rrggbb, or "" where the file tells none; or empty.
    origin : mapping of str to float
        Position of the first pixel along T, Z, Y and X where the file tells it, in the unit of the axis's
        spacing; only for axes that have one.
    """

    array: Any
    axes: str
    spacing: Mapping[str, Spacing] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    channel_colors: tuple[str, ...] = ()
    origin: Mapping[str, float] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of all axes."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    @property
    def is_rgb(self) -> bool:
        """Whether the pixels are colours, of three or four samples each."""
        return "S" in self.axes

    @property
    def channels(self) -> int:
        """Number of colour samples or channels; 1 if there is no axis for them."""
        axis = "S" if self.is_rgb else "C"
        return int(self.shape[self.axes.index(axis)]) if axis in self.axes else 1

    def channel(self, number: int) -> ImageFile:
        """Return one colour sample or channel, without its axis.

        Raises
        ------
        ImageError
            If there is no such channel.
        """
        if not 0 <= number < self.channels:
            there = "the only one is 0" if self.channels == 1 else f"they are 0 to {self.channels - 1}"
            raise ImageError(f"There is no channel {number}; {there}.", setting="channel")
        letter = "S" if self.is_rgb else "C"
        if letter not in self.axes:
            return self
        one = slice(number, number + 1)
        return replace(
            self,
            array=self._take(number, letter),
            axes=self.axes.replace(letter, ""),
            channel_names=self.channel_names[one] if letter == "C" else (),
            channel_colors=self.channel_colors[one] if letter == "C" else (),
        )

    def by_sample(self) -> ImageFile:
        """Return a colour image with each sample as a plane, axes …SYX; another image as it is."""
        if not self.axes.endswith("S"):
            return self
        if isinstance(self.array, np.ndarray):
            array = np.moveaxis(self.array, -1, -3)
        else:
            array = self.array.unstacked(2)
        return replace(self, array=array, axes=f"{self.axes[:-3]}SYX")

    def with_voxel_size(self, size: tuple[float, ...]) -> ImageFile:
        """Return the image with other distances along (Z,) Y and X, in µm."""
        spacing, origin = dict(self.spacing), dict(self.origin)
        for axis, step in zip("ZYX"[-len(size) :], size, strict=True):
            said = Spacing(step, "µm")
            start = None
            if axis in spacing and axis in origin:
                start = said.convert(origin[axis], spacing[axis].unit)
            origin.pop(axis, None)
            if start is not None:
                origin[axis] = start
            spacing[axis] = said
        return replace(self, spacing=spacing, origin=origin)

    def _take(self, number: int, letter: str) -> Any:
        if self.axes.endswith("S") and not isinstance(self.array, np.ndarray):
            return self.array.map(lambda plane: plane[..., number], self.shape[-3:-1])
        return self.array[(slice(None),) * self.axes.index(letter) + (number,)]

    def checked_plane(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Read the plane of an index into the leading axes, (Y, X), and see that it can be denoised.

        Raises
        ------
        ImageError
            If it cannot; in a stack the sentence says which plane it is.
        """
        with naming_plane(index, self.axes):
            return check_plane(self.array[index])

    def in_memory(self) -> ImageFile:
        """Return the same with all pixels read."""
        return replace(self, array=np.asarray(self.array))


@dataclass(frozen=True, slots=True)
class Series:
    """One of the images in a file, as a choice to offer.

    Attributes
    ----------
    number : int
        What `napari_blindspot.files.door.open_image` calls it.
    name : str
        What the file calls it; may be empty.
    shape : tuple of int
        Lengths of its axes.
    axes : str
        As the file names them.
    dtype : str
        Of its pixels.
    """

    number: int
    name: str
    shape: tuple[int, ...]
    axes: str
    dtype: str

    def __str__(self) -> str:
        called = f" {self.name!r}" if self.name else ""
        return f"{self.number}{called} ({'×'.join(map(str, self.shape))} {self.axes})"
