"""Planes at half the size, a quarter and so on, for viewers that show large planes from afar."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.plane import cast_like

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["halve", "level_shapes"]

_SMALLEST = 256
"""No level is made of a plane whose longer side is at most this many pixels."""


def level_shapes(plane: tuple[int, int], *, pyramid: bool) -> list[tuple[int, int]]:
    """Return (Y, X) of the full plane and of each smaller level."""
    shapes = [plane]
    while pyramid and max(shapes[-1]) > _SMALLEST and min(shapes[-1]) > 1:
        rows, columns = shapes[-1]
        shapes.append(((rows + 1) // 2, (columns + 1) // 2))
    return shapes


def halve(plane: npt.NDArray[Any], times: int) -> npt.NDArray[Any]:
    """Average blocks of 2×2 pixels, several times over.

    Parameters
    ----------
    plane : ndarray
        (Y, X); at an odd end the last row or column is averaged with itself. NaN are left out of averages.
    times : int
        How often.

    Returns
    -------
    ndarray
        Of the same dtype, rounded once where it is an integer type.
    """
    smaller: npt.NDArray[Any] = plane
    for _ in range(times):
        rows, columns = smaller.shape
        even = np.pad(smaller, ((0, rows % 2), (0, columns % 2)), mode="edge")
        blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
        has_holes = plane.dtype.kind == "f" and bool(np.isnan(even).any())
        mean = np.nanmean if has_holes else np.mean
        with warnings.catch_warnings():
            # A block of nothing but NaN stays NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            smaller = np.asarray(mean(blocks, axis=(1, 3), dtype=np.float64))
    return cast_like(smaller, plane.dtype)
