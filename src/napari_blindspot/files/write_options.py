"""How pixels are stored in an output. What is stored does not depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from napari_blindspot.core.errors import SettingsError

__all__ = ["COMPRESSIONS", "NGFF_VERSIONS", "Compression", "NgffVersion", "WriteOptions"]

Compression = Literal["none", "zlib", "zstd"]
NgffVersion = Literal["0.4", "0.5"]

COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)
NGFF_VERSIONS: tuple[NgffVersion, ...] = get_args(NgffVersion)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How pixels are stored.

    Attributes
    ----------
    compression : "none", "zlib" or "zstd"
        Without loss in each case. In TIFF, zlib is what every program reads; zstd is faster.
    tile : int
        Side in pixels of OME-Zarr's chunks and of the tiles of an OME-TIFF with a pyramid, a multiple of
        16; a plane that is not larger is stored in one piece. Without a pyramid an OME-TIFF has strips,
        because ImageJ opens no tiles.
    pyramid : bool
        Whether to add the planes at half the size, a quarter and so on, for viewers of large planes.
    ngff : "0.4" or "0.5"
        Version of OME-Zarr: 0.5 is on zarr 3, 0.4 is on zarr 2 and read by older programs. An OME-TIFF
        does not depend on it.

    Raises
    ------
    SettingsError
        If a value is not one of these.
    """

    compression: Compression = "zlib"
    tile: int = 512
    pyramid: bool = False
    ngff: NgffVersion = "0.5"

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise SettingsError(
                f"The compression {self.compression!r} is not known; "
                f"choose one of: {', '.join(COMPRESSIONS)}.",
                setting="compression",
            )
        if self.ngff not in NGFF_VERSIONS:
            raise SettingsError(
                f"OME-Zarr {self.ngff!r} cannot be written; choose one of: {', '.join(NGFF_VERSIONS)}.",
                setting="ngff",
            )
        if self.tile < 16 or self.tile % 16:
            raise SettingsError(
                f"A tile of {self.tile} pixels cannot be; choose a multiple of 16.", setting="tile"
            )
