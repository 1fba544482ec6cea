"""Two small pictures of a file, before and after, for people to look at in the report."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import BlindspotError

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.batch.items import Item

__all__ = ["SIDE", "Pictures", "pictures_of"]

SIDE = 224
"""Pixels along the longer side of a picture; of larger planes a part, as shrinking would hide the noise."""

_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Pictures:
    """JPEG images as data URLs, of the same pixels in the same grey values; empty where there is none."""

    noisy: str = ""
    denoised: str = ""


def pictures_of(item: Item) -> Pictures:
    """Read the plane in the middle of input and result, and draw where most is to be seen.

    Parameters
    ----------
    item : Item
        One that is done.

    Returns
    -------
    Pictures
        Without images if the files cannot be read any more.
    """
    try:
        noisy, denoised = _planes(item)
    except (BlindspotError, OSError, ValueError, IndexError):
        return Pictures()
    if noisy.shape != denoised.shape:
        return Pictures()
    where = _busiest(denoised)
    noisy, denoised = noisy[where], denoised[where]
    values = denoised[np.isfinite(denoised)]
    low, high = np.percentile(values, (0.5, 99.8)) if values.size else (0.0, 1.0)
    return Pictures(*(_jpeg(image, float(low), float(high)) for image in (noisy, denoised)))


def _planes(item: Item) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the same plane of input and result as floats."""
    from napari_blindspot.files.door import open_image

    said = item.read
    source = open_image(item.source, series=said.series, axes=said.axes, split=said.split)
    source = source.by_sample() if said.channel is None else source.channel(said.channel)
    result = open_image(item.output).by_sample()
    index = tuple(
        0 if letter in "CS" else length // 2
        for letter, length in zip(source.axes[:-2], source.shape[:-2], strict=True)
    )
    images = (np.asarray(image.array[index], np.float32) for image in (source, result))
    noisy, denoised = images
    return noisy, denoised


def _busiest(image: npt.NDArray[Any]) -> tuple[slice, slice]:
    """Return the part of the image, at most `SIDE` along each side, whose intensities vary most."""
    height, width = image.shape
    corners = [
        (top, left)
        for top in range(0, max(1, height - SIDE + 1), SIDE // 2)
        for left in range(0, max(1, width - SIDE + 1), SIDE // 2)
    ]
    parts = [(slice(top, top + SIDE), slice(left, left + SIDE)) for top, left in corners]
    spread = [float(np.nan_to_num(np.nanstd(image[part][::4, ::4]))) for part in parts]
    return parts[int(np.argmax(spread))]


def _jpeg(image: npt.NDArray[Any], low: float, high: float) -> str:
    from PIL import Image

    grey = np.nan_to_num((image - low) / (high - low or 1.0), nan=0.0).clip(0, 1) * 255
    stream = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(stream, format="JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
