"""How pixels are stored in an output; what is stored does not depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_blindspot.core.errors import SettingsError

__all__ = ["WriteOptions"]

_COMPRESSIONS = ("none", "zlib", "zstd")
_NGFF = ("0.4", "0.5")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How pixels are stored.

    Attributes
    ----------
    compression : "none", "zlib" or "zstd"
        Without loss in each case. In TIFF, zlib is what every program reads; zstd is faster.
    tile : int
        Side in pixels of a TIFF's tiles and of OME-Zarr's chunks, a multiple of 16; a plane that is not
        larger is stored in one piece.
    pyramid : bool
        Whether to add the planes at half the size, a quarter and so on, for viewers of large planes.
    ngff : "0.4" or "0.5"
        Version of OME-Zarr: 0.5 is on zarr 3, 0.4 is on zarr 2 and read by older programs.

    Raises
    ------
    SettingsError
        If a value is not one of these.
    """

    compression: Literal["none", "zlib", "zstd"] = "zlib"
    tile: int = 512
    pyramid: bool = False
    ngff: Literal["0.4", "0.5"] = "0.5"

    def __post_init__(self) -> None:
        if self.compression not in _COMPRESSIONS:
            raise SettingsError(
                f"The compression {self.compression!r} is not known; "
                f"choose one of: {', '.join(_COMPRESSIONS)}."
            )
        if self.ngff not in _NGFF:
            raise SettingsError(
                f"OME-Zarr {self.ngff!r} cannot be written; choose one of: {', '.join(_NGFF)}."
            )
        if self.tile < 16 or self.tile % 16:
            raise SettingsError(f"A tile of {self.tile} pixels cannot be; choose a multiple of 16.")
