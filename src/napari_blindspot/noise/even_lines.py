"""Taking out what all pixels of a row or of a column have in common: stripes, else offsets of scan lines.

How they are found belongs to `napari_blindspot.noise.stripes` and `napari_blindspot.noise.scan_lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.notices import Notice
from napari_blindspot.noise.scan_lines import MIN_SIDE, LineOffsets, scan_line_offsets
from napari_blindspot.noise.stripes import stripe_offsets

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.notices import Value

__all__ = ["without_line_offsets"]


def without_line_offsets(
    plane: npt.NDArray[Any], found: LineOffsets | None = None
) -> tuple[npt.NDArray[Any], Notice | None]:
    """Take out the offsets that the pixels of a row or of a column have in common.

    Parameters
    ----------
    plane : ndarray
        (Y, X) integer or float; NaN where a pixel is missing.
    found : LineOffsets, optional
        Those of the plane, where they were measured already.

    Returns
    -------
    plane : ndarray
        (Y, X); the given one where its lines have no offsets that stand out.
    notice : Notice or None
        What was taken out.
    """
    if min(plane.shape) < MIN_SIDE:
        return plane, None
    found = found or LineOffsets.of(plane)
    stripes = stripe_offsets(plane, found)
    if stripes is not None:
        offsets, period = stripes
        notice = Notice("stripes-removed", {**_values(offsets), "period": period})
        return np.asarray(plane - offsets), notice
    of_lines = scan_line_offsets(plane, found)
    if of_lines is None:
        return plane, None
    return np.asarray(plane - of_lines), Notice("scan-lines-evened", _values(of_lines))


def _values(offsets: npt.NDArray[np.float64]) -> dict[str, Value]:
    """Say which lines have offsets, (Y, 1) or (1, X), and how strong they are."""
    return {"lines": "rows" if offsets.shape[1] == 1 else "columns", "sigma": float(offsets.std())}
