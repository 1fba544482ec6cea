"""One plane of pixels: what is accepted, how it is scaled for the fit, and how it is scaled back.

Axes and stacks belong to `napari_blindspot.stack`; files belong to `napari_blindspot.files.door`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MIN_SIZE", "Scaling", "cast_like", "check_pixels", "check_plane", "looks_like_rgb"]

MIN_SIZE = 16
"""The shortest side of a plane, in pixels."""

_LOW, _HIGH = 0.1, 99.9
"""Percentiles that are mapped to 0 and 1: extremes are often hot pixels."""


def looks_like_rgb(shape: tuple[int, ...]) -> bool:
    """Tell whether an array of this shape is a colour image, (…, Y, X, 3 or 4)."""
    return len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) >= MIN_SIZE


def check_pixels(dtype: np.dtype[Any]) -> None:
    """Refuse dtypes that hold no intensities.

    Raises
    ------
    ImageError
        If `dtype` is not a real integer or floating-point type.
    """
    if dtype.kind == "b":
        raise ImageError(
            "The image is boolean (a mask), but intensities are needed: choose the image itself."
        )
    if dtype.kind == "c":
        raise ImageError(
            "The image is complex, but intensities are needed: take its magnitude or real part."
        )
    if dtype.kind not in "uif":
        raise ImageError(f"The image holds {dtype}, but integers or floats are needed.")


def check_plane(image: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return `image` as an array if it is one grayscale plane that can be denoised.

    Parameters
    ----------
    image : array_like
        (Y, X), at least 16×16, integer or float; NaN marks pixels to leave out.

    Returns
    -------
    ndarray
        The same pixels in the same dtype.

    Raises
    ------
    ImageError
        If it is something else; the sentence says what, and what would be right.
    """
    plane = np.asarray(image)
    check_pixels(plane.dtype)
    if looks_like_rgb(plane.shape):
        raise ImageError(
            f"The image is RGB, of shape {plane.shape}, but one channel at a time can be denoised: "
            "pick one with image[..., 0] (0 red, 1 green, 2 blue), or average them."
        )
    if plane.ndim != 2:
        raise ImageError(
            f"The image has {plane.ndim} axes, of shape {plane.shape}, but a plane has two, (Y, X)."
        )
    if plane.size == 0:
        raise ImageError("The image is empty: it has no pixels.")
    if min(plane.shape) < MIN_SIZE:
        raise ImageError(
            f"The plane is {plane.shape[0]}×{plane.shape[1]} pixels, but at least "
            f"{MIN_SIZE}×{MIN_SIZE} are needed."
        )
    if plane.dtype.kind == "f":
        infinite = int(np.isinf(plane).sum())
        if infinite:
            raise ImageError(
                f"The image has {infinite} infinite pixel{'s' * (infinite > 1)}; "
                "set them to NaN to leave them out."
            )
        if np.isnan(plane).all():
            raise ImageError("All pixels of the image are NaN: there is nothing to denoise.")
    return plane


@dataclass(frozen=True, slots=True)
class Scaling:
    """An affine map of intensities to about [0, 1], and its exact inverse.

    Attributes
    ----------
    low, high : float
        Intensities that become 0 and 1.
    """

    low: float
    high: float

    @classmethod
    def of(cls, plane: npt.NDArray[Any]) -> Scaling:
        """Measure the range of a plane, robustly: NaN are ignored, single bright pixels do not set it."""
        values = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
        values = values.astype(np.float64)
        low, high = np.percentile(values, (_LOW, _HIGH))
        if not high > low:
            low, high = values.min(), values.max()
        return cls(float(low), float(high))

    @property
    def is_constant(self) -> bool:
        """Whether all pixels are equal, so that there is nothing to scale or to denoise."""
        return not self.high > self.low

    def apply(self, plane: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Map intensities to the scale of the fit; float32, the arithmetic in float64."""
        scaled = (plane.astype(np.float64) - self.low) / (self.high - self.low)
        return scaled.astype(np.float32)

    def invert(self, plane: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Map the scale of the fit back to intensities; float64, so that the caller rounds only once."""
        return plane.astype(np.float64) * (self.high - self.low) + self.low


def cast_like(estimate: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Convert an estimate to `dtype`: integers are rounded and clipped, never wrapped."""
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        # float64 cannot hold every 64-bit limit: clip strictly inside what the dtype can take back.
        top = np.nextafter(float(limits.max) + 1.0, 0.0) if dtype.itemsize == 8 else limits.max
        whole: npt.NDArray[Any] = np.clip(np.rint(estimate), limits.min, top).astype(dtype)
        return whole
    limit = np.finfo(dtype).max
    clipped: npt.NDArray[Any] = np.clip(estimate, -limit, limit).astype(dtype)
    return clipped
