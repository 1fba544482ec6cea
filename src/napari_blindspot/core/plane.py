"""One plane of pixels: what is accepted, and how an estimate becomes pixels of a dtype.

Axes and stacks belong to `napari_blindspot.stack`; files belong to `napari_blindspot.files`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.knobs import MOST_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = [
    "MIN_SIZE",
    "cast_like",
    "check_neighbours",
    "check_pixels",
    "check_plane",
    "looks_like_rgb",
    "naming_plane",
]

MIN_SIZE = 16
"""The shortest side of a plane, in pixels."""


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
        (Y, X), at least 16×16, integer or float; NaN marks pixels to leave out. A plane of nothing but
        NaN is accepted: as one that is constant, it comes back as it is.

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
            f"The image is RGB, of shape {plane.shape}, but one channel at a time can be denoised: choose "
            "red (0), green (1) or blue (2), or average them.",
            setting="channel",
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
    return plane


@contextlib.contextmanager
def naming_plane(index: tuple[int, ...], axes: str | None = None) -> Iterator[None]:
    """Let what is said about a plane of a stack begin with which plane it is: ``Plane T=0, Z=2: …``.

    Parameters
    ----------
    index : tuple of int
        Of the plane, into the leading axes; that of a plane by itself is empty.
    axes : str, optional
        One letter an axis; without it numbers are given alone.
    """
    try:
        yield
    except ImageError as error:
        if not index:
            raise
        letters = [f"{letter}=" for letter in axes] if axes else [""] * len(index)
        where = ", ".join(f"{letter}{number}" for letter, number in zip(letters, index, strict=False))
        raise ImageError(f"Plane {where}: {error}", setting=error.setting) from None


def check_neighbours(plane: npt.NDArray[Any], neighbours: npt.ArrayLike | None) -> npt.NDArray[Any]:
    """Return neighbours as (N, Y, X) integers or floats; N is 0 where there are none.

    Raises
    ------
    ImageError
        If they do not have the size of the plane, or there are too many.
    """
    if neighbours is None:
        return np.empty((0, *plane.shape))
    given = np.asarray(neighbours)
    if given.dtype.kind not in "uif":
        given = given.astype(np.float64)
    if given.ndim != 3 or given.shape[1:] != plane.shape:
        raise ImageError(
            f"The neighbours have the shape {given.shape}, but for a plane of shape {plane.shape} "
            f"(N, {plane.shape[0]}, {plane.shape[1]}) is needed."
        )
    if len(given) > 2 * MOST_NEIGHBOURS:
        raise ImageError(
            f"There are {len(given)} neighbours, but at most {2 * MOST_NEIGHBOURS} can be looked at."
        )
    return given


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
