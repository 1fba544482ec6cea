"""Reading PNG, in full depth or not at all."""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.image_file import ImageFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_png"]


def open_png(source: Path, start: bytes) -> ImageFile:
    """Read a PNG; all of it at once, because it cannot be read in parts.

    Parameters
    ----------
    source : Path
        The file.
    start : bytes
        Its first bytes, at least 26 of them if it is whole.

    Raises
    ------
    FileError
        If it is damaged, or a colour image of 16 bits.
    """
    from PIL import Image

    if len(start) >= 26:
        depth, colour = struct.unpack("BB", start[24:26])
        if depth == 16 and colour != 0:
            raise FileError(
                f"The file {source} is a colour PNG of 16 bits, which cannot be read in full depth; "
                "save the channel that you want as TIFF."
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                is_palette = picture.mode in ("P", "PA")
                array = np.asarray(picture.convert("RGB") if is_palette else picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FileError(f"The PNG file {source} is damaged or cut off: {error}.") from error
    if array.ndim == 3 and array.shape[-1] == 2:
        note = "The transparency of the PNG was left out."
        return ImageFile(np.ascontiguousarray(array[..., 0]), "YX", notes=(note,))
    return ImageFile(array, "YXS" if array.ndim == 3 else "YX")
