"""Colour pixels as planes of one sample each, as files have them; nothing is copied."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["SAMPLES", "SamplePlanes"]

SAMPLES = 3
"""Of a pixel in colour that are denoised: transparency is left out."""


class SamplePlanes:
    """An array in colour whose planes are its samples.

    Parameters
    ----------
    array : array-like
        (…, Y, X, 3) or, with transparency, (…, Y, X, 4).
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape = (*array.shape[:-3], SAMPLES, *array.shape[-3:-1])
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, index: tuple[Any, ...]) -> Any:
        """Return part of a plane; `index` is (…, sample, rows, columns)."""
        *leading, sample, rows, columns = index
        return self._array[(*leading, rows, columns, sample)]
