"""PNG, in full depth. It cannot be read in parts, so that all of it is read when it is opened."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.files.formats.registry import Format, begins_with

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile, Series

__all__ = ["FORMATS"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_GRAY, _PALETTE = 0, 3
_STORED = {_GRAY: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
"""Samples that the file holds of a pixel, by colour type: 2 is RGB, 4 gray and 6 RGB with transparency."""

_KEPT = {_GRAY: 1, 2: 3, _PALETTE: 3, 4: 1, 6: 3}
"""Samples of a pixel of the image: without transparency."""

_DEFLATE_LIMIT = 1032
"""DEFLATE, by which PNG is compressed, makes data at most so many times smaller (https://zlib.net/)."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What the first bytes of a PNG tell."""

    width: int
    height: int
    depth: int
    colour: int

    @classmethod
    def of(cls, start: bytes) -> _Header:
        """Read it from at least 26 bytes; what is raised on fewer or on wrong ones is a ValueError."""
        if len(start) < 26 or start[12:16] != b"IHDR":
            raise ValueError("its header is not whole")
        header = cls(*struct.unpack(">IIBB", start[16:26]))
        if header.colour not in _STORED or not header.width or not header.height:
            raise ValueError("its header is wrong")
        return header

    @property
    def samples(self) -> int:
        return _KEPT[self.colour]

    @property
    def axes(self) -> str:
        return "YX" if self.samples == 1 else "YXS"

    @property
    def is_mask(self) -> bool:
        """Whether pixels are black or white, with nothing between."""
        return self.depth == 1 and self.colour == _GRAY

    @property
    def stored_bytes(self) -> int:
        """What the pixels take before they are compressed, at least."""
        return self.width * self.height * self.depth * _STORED[self.colour] // 8

    @property
    def series(self) -> Series:
        """The only image of the file."""
        from napari_blindspot.files.image_file import Series

        shape = (self.height, self.width) + ((self.samples,) if self.samples > 1 else ())
        dtype = "bool" if self.is_mask else "uint16" if self.depth == 16 else "uint8"
        return Series(0, "", shape, self.axes, dtype)


def _open(source: Path, series: int | None, axes: str | None) -> ImageFile:
    import imagecodecs
    import numpy as np

    from napari_blindspot.files.formats.finish_reading import image_of, unreadable
    from napari_blindspot.files.formats.metadata import Metadata
    from napari_blindspot.files.formats.series import choose_series

    with unreadable(source, _damaged(source)):
        data = source.read_bytes()
        header = _Header.of(data)
        choose_series(source, [header.series], series)
        if header.stored_bytes > _DEFLATE_LIMIT * len(data):
            # Memory for all pixels is taken before the first is decoded.
            raise FileError(
                f"{_damaged(source)}: its {len(data)} bytes cannot hold the {header.width}×{header.height} "
                "pixels of its header."
            )
        decoded = np.atleast_3d(imagecodecs.png_decode(data))
    pixels = decoded[..., : header.samples]
    has_transparency = decoded.shape[-1] > header.samples
    if header.samples == 1:
        pixels = pixels[..., 0]
    if header.is_mask:
        pixels = pixels > 0
    notices = (Notice("transparency-left-out"),) if has_transparency else ()
    return image_of(np.ascontiguousarray(pixels), header.axes, axes, Metadata(), notices)


def _series(source: Path) -> list[Series]:
    from napari_blindspot.files.formats.finish_reading import unreadable

    with unreadable(source, _damaged(source)), source.open("rb") as stream:
        return [_Header.of(stream.read(26)).series]


def _damaged(source: Path) -> str:
    return f"The PNG file {source} is damaged or cut off"


FORMATS = (
    Format(name="PNG", endings=(".png",), sniff=begins_with(_SIGNATURE), open=_open, series=_series),
)
