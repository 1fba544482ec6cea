"""Files that people have beside images that can be read: what they are, and what would help.

Which formats can be read is in `napari_blindspot.files.formats.registry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["what_it_is"]

_EXPORT = "export it as OME-TIFF"
_UNPACK = "unpack it, and give what was in it"

_KINDS = (
    (b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x1f\x8b", "compressed by gzip", _UNPACK),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Imaris and BigDataViewer write", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file, such as OIB or ZVI", _EXPORT),
    (b"OLYMPUSRAWFORMAT", "an OIR file", _EXPORT),
    (b"\x00\x00\x00\x03", "a DM3 file", _EXPORT),
    (b"\x00\x00\x00\x04", "a DM4 file", _EXPORT),
    (b"NRRD", "an NRRD file", _EXPORT),
    (b"ics_version", "an ICS file", _EXPORT),
    (b"SIMPLE  =", "a FITS file", _EXPORT),
    (b"\x93NUMPY", "an array of NumPy", "write it as a TIFF, or call denoise in Python"),
    (b"\xff\xd8\xff", "a JPEG", "take the image before its noise was compressed"),
    (b"GIF8", "a GIF", _EXPORT),
    (b"BM", "a BMP", "save it as TIFF or PNG"),
)
"""How a file begins, what it is, and what would help."""

_OF_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")


def what_it_is(source: Path, start: bytes) -> str:
    """Say what a file is that is of no format that can be read, and what would help; empty if unknown.

    Parameters
    ----------
    source : Path
        The file.
    start : bytes
        Its first bytes.
    """
    if source.name in _OF_ZARR:
        return f"describes a Zarr; give the folder {source.parent}"
    for mark, kind, help_ in _KINDS:
        if start.lstrip(b"\t\r\n").startswith(mark):
            return f"is {kind}, which cannot be read; {help_}"
    return ""
