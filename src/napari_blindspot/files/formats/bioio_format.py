"""CZI, LIF and ND2: how they are recognised, and which reader of bioio opens each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.files.formats.optional import import_optional
from napari_blindspot.files.formats.registry import Format, begins_with

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.image_file import ImageFile, Series

__all__ = ["FORMATS"]

_EXTRA = "formats"


def _format(name: str, mark: bytes, **options: Any) -> Format:
    """Declare a format by its name, its first bytes, and what its reader is to be called with."""

    def image(source: Path) -> Any:
        return import_optional(f"bioio_{name.lower()}", name, _EXTRA).Reader(source, **options)

    def open_file(source: Path, series: int | None, axes: str | None) -> ImageFile:
        from napari_blindspot.files.formats.bioio_reader import open_bioio

        return open_bioio(source, name, image, series, axes)

    def list_images(source: Path) -> list[Series]:
        from napari_blindspot.files.formats.bioio_reader import bioio_series

        return bioio_series(source, name, image)

    return Format(name, (f".{name.lower()}",), begins_with(mark), open_file, list_images, extra=_EXTRA)


# By default two of the readers load whole z-stacks; chunks of these axes make them load single planes.
_BY_PLANES = ["Y", "X", "S"]

FORMATS = (
    _format("CZI", b"ZISRAWFILE", chunk_dims=_BY_PLANES),
    _format("LIF", b"\x70\x00\x00\x00", chunk_dims=_BY_PLANES),
    _format("ND2", b"\xda\xce\xbe\x0a"),
)
