"""Planes as pictures that stand in a page by themselves: PNG in data URLs."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    Bytes = npt.NDArray[np.uint8]

__all__ = ["figure_url", "flags_url", "plane_url"]

MOST_SIDE = 512
"""Pixels along the longer side of a picture; of larger planes only every so-many-th pixel is drawn."""

REMOVED, LEFT = (240, 120, 40), (90, 150, 250)
"""Colours (RGB) of windows where structure was removed and where noise was left."""


def plane_url(plane: npt.ArrayLike, low: float | None = None, high: float | None = None) -> str:
    """Return a plane in grey as the URL of a PNG.

    Parameters
    ----------
    plane : array_like
        (Y, X); NaN are black.
    low, high : float, optional
        Intensities of black and white; percentiles of the plane if not given.
    """
    return _url(np.repeat(_grey(plane, low, high)[..., None], 3, axis=-1))


def flags_url(plane: npt.ArrayLike, flags: npt.ArrayLike) -> str:
    """Return a plane in grey, tinted where structure was removed (1) or noise was left (-1).

    Parameters
    ----------
    plane : array_like
        (Y, X).
    flags : array_like
        (Y, X) of -1, 0 and 1.
    """
    image = np.repeat(_grey(plane, None, None)[..., None], 3, axis=-1).astype(float)
    marks = _thinned(np.asarray(flags))
    for value, colour in ((1, REMOVED), (-1, LEFT)):
        image[marks == value] = 0.55 * image[marks == value] + 0.45 * np.array(colour)
    return _url(image.astype(np.uint8))


def figure_url(figure: Figure) -> str:
    """Return a figure of matplotlib as the URL of a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return _data_url(stream.getvalue())


def _grey(plane: npt.ArrayLike, low: float | None, high: float | None) -> Bytes:
    image = _thinned(np.asarray(plane, np.float64))
    values = image[np.isfinite(image)]
    limits = np.percentile(values, (0.5, 99.8)) if values.size else (0.0, 1.0)
    bottom = float(limits[0]) if low is None else low
    top = float(limits[1]) if high is None else high
    grey = np.nan_to_num((image - bottom) / ((top - bottom) or 1.0)).clip(0, 1) * 255
    return np.asarray(grey, np.uint8)


def _thinned(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    step = -(-max(image.shape) // MOST_SIDE)
    return image[::step, ::step]


def _url(image: Bytes) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", optimize=True)
    return _data_url(stream.getvalue())


def _data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()
