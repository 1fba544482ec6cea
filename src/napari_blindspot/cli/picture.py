"""Images side by side in one PNG, with a label above each: for people to look at, not to measure.

Drawn by Pillow, which has letters for the labels and is there in every installation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.files.safe_write import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["save_side_by_side"]

_GAP, _LABEL, _FONT = 6, 22, 14


def save_side_by_side(
    path: Path,
    panels: Sequence[tuple[str, npt.NDArray[Any]]],
    limits: tuple[float, float],
    zoom: int = 2,
) -> None:
    """Write a PNG of images of the same shape in a row.

    Parameters
    ----------
    path : Path
        The PNG to write; replaced if it is there.
    panels : sequence of (str, ndarray)
        Label and (Y, X) image.
    limits : tuple of float
        Intensities that become black and white, the same for all.
    zoom : int
        Screen pixels per image pixel.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = (zoom * side for side in panels[0][1].shape)
    size = (len(panels) * (width + _GAP) - _GAP, height + _LABEL)
    sheet = Image.new("L", size, 255)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=_FONT)
    low, high = limits
    for number, (label, image) in enumerate(panels):
        left = number * (width + _GAP)
        grey = np.clip((image.astype(float) - low) / (high - low), 0, 1) * 255
        pixels = np.kron(grey.astype(np.uint8), np.ones((zoom, zoom), np.uint8))
        sheet.paste(Image.fromarray(pixels), (left, _LABEL))
        draw.text((left, 2), label, fill=0, font=font)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")
