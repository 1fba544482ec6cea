"""The file that a layer shows as a whole: no crop, no further channel, no edit."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.files.door import list_series, open_image
from napari_blindspot.widgets.shared.layer_data import layer_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image

    from napari_blindspot.files.image_file import ImageFile

__all__ = ["shown_file"]


def shown_file(layer: Image) -> ImageFile | None:
    """Return the image of the file that holds what a layer shows and nothing else; None if there is none.

    All planes of an array are compared with those of the file. Of one that reads its planes only when they
    are asked for, the first, the middle and the last are; nobody edits such an array in place.
    """
    path = layer.source.path
    try:
        if path is None or not Path(path).exists() or len(list_series(Path(path))) != 1:
            return None
        image = open_image(Path(path))
        return image if _has_pixels(layer, image) else None
    except BlindspotError:
        # What this program cannot read may be shown by another plugin.
        return None


def _has_pixels(layer: Image, image: ImageFile) -> bool:
    pixels = layer_pixels(layer)
    if _without_ones(pixels.shape) != _without_ones(image.shape) or layer.rgb != image.is_rgb:
        return False
    if np.dtype(pixels.dtype).newbyteorder("=") != image.dtype.newbyteorder("="):
        return False
    within = 3 if layer.rgb else 2
    shown, held = pixels.shape[:-within], image.shape[:-within]
    count = prod(shown)
    whole = isinstance(pixels, np.ndarray)
    numbers = range(count) if whole else sorted({0, count // 2, count - 1})
    return all(
        np.array_equal(
            np.asarray(pixels[tuple(map(int, np.unravel_index(number, shown)))] if shown else pixels),
            np.asarray(image.array[tuple(map(int, np.unravel_index(number, held)))]),
            equal_nan=image.dtype.kind == "f",
        )
        for number in numbers
    )


def _without_ones(shape: Iterable[int]) -> list[int]:
    """Return the lengths of all axes but those of length 1, which not every reader keeps."""
    return [length for length in shape if length > 1]
