"""Which axis of an array is time, Z, channel, Y or X: by what a user says, else the file, else the shape.

Axes are letters: T, Z, C, Y, X, and S for the samples of a colour image. Planes and their order in a fit
belong to `napari_blindspot.stack`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import looks_like_rgb
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_axes", "guess_axes", "plane_letters", "planes_last"]

_KNOWN = "TZCYXS"
_FREE = "ZTC"
"""In which order axes without a name are taken for Z, time and channel."""


def guess_axes(shape: tuple[int, ...], named: str = "") -> tuple[str, tuple[Notice, ...]]:
    """Name the axes of an array: by what its file says, and by the shape where the file says nothing.

    Parameters
    ----------
    shape : tuple of int
        Lengths of the axes.
    named : str, optional
        What the file says, one letter an axis; a letter that is none of T, Z, C, Y, X, S, or comes twice,
        stands for an axis without a name. If empty, Y and X are the last two axes, but for three or four
        samples of colour.

    Returns
    -------
    axes : str
        One letter of T, Z, C, Y, X, S an axis, in the order of `shape`.
    notices : tuple of Notice
        An ``axis-guessed`` for every axis that was guessed.

    Raises
    ------
    ImageError
        If there is no Y or X, or more axes than letters.
    """
    if not named:
        leading = len(shape) - (3 if looks_like_rgb(shape) else 2)
        named = "?" * leading + ("YXS" if looks_like_rgb(shape) else "YX") if leading >= 0 else ""
    if "Y" not in named or "X" not in named or len(named) != len(shape):
        raise ImageError(
            f"The image has the axes {named or 'none'}, of shape {shape}, but Y and X are needed.",
            setting="axes",
        )
    if looks_like_rgb(shape) and not set(named) & set("TZCS"):
        # An array (…, Y, X, 3) that was written without saying that it is a colour image.
        return _of_colour(shape, named), ()
    letters = [letter if letter in _KNOWN and named.count(letter) == 1 else "?" for letter in named]
    free = [letter for letter in _FREE if letter not in letters]
    if letters.count("?") > len(free):
        raise ImageError(
            f"The image has the axes {named}, of shape {shape}, but besides Y and X only time, Z and "
            "channel are known: name them, such as TZCYX, or save fewer of them.",
            setting="axes",
        )
    notices = []
    for position, letter in enumerate(letters):
        if letter == "?":
            letters[position] = free.pop(0)
            guess = Notice("axis-guessed", {"length": shape[position], "letter": letters[position]})
            notices.append(guess)
    return "".join(letters), tuple(notices)


def _of_colour(shape: tuple[int, ...], named: str) -> str:
    leading = len(shape) - 3
    if leading > 2:
        raise ImageError(
            f"The image has the axes {named}, of shape {shape}, which is taken for a colour image with "
            f"{leading} further axes, but only time and Z are known: name them, such as TZCYX.",
            setting="axes",
        )
    return "TZ"[2 - leading :] + "YXS"


def check_axes(axes: str, shape: tuple[int, ...]) -> str:
    """Return the axes that a user named, in capitals, if they fit the array.

    Raises
    ------
    ImageError
        If their number is wrong, one is not known or comes twice, or Y or X is missing.
    """
    letters = axes.strip().upper()
    size = "×".join(map(str, shape))
    if len(letters) != len(shape):
        raise ImageError(
            f"The axes {letters!r} are {len(letters)}, but the image has {len(shape)} ({size}); "
            "give one letter of T, Z, C, Y, X for each.",
            setting="axes",
        )
    wrong = sorted({letter for letter in letters if letter not in _KNOWN or letters.count(letter) > 1})
    if wrong:
        why = "comes twice" if wrong[0] in _KNOWN else "is none of T, Z, C, Y, X and S (colour samples)"
        raise ImageError(f"The axes {letters!r} cannot be: {wrong[0]!r} {why}.", setting="axes")
    if "Y" not in letters or "X" not in letters:
        raise ImageError(f"The axes {letters!r} are without Y or X; a plane has both.", setting="axes")
    return letters


def plane_letters(axes: str) -> str:
    """Return the axes of a plane: YX, or YXS of a colour image."""
    return "YXS" if "S" in axes else "YX"


def planes_last(array: NDArray[Any] | LazyArray, axes: str) -> tuple[Any, str]:
    """Move Y and X to the end (S after them); without reading anything where planes are read as they are.

    Parameters
    ----------
    array : ndarray or LazyArray
        The pixels.
    axes : str
        One letter an axis.

    Returns
    -------
    array : ndarray or LazyArray
        The same pixels; all of them in memory if what the array calls a plane is not one by `axes`.
    axes : str
        Their axes.
    """
    plane = plane_letters(axes)
    order = [letter for letter in axes if letter not in plane] + list(plane)
    if isinstance(array, LazyArray):
        last = axes[-array.plane_ndim :]
        if sorted(last) == sorted(plane):
            within = tuple(last.index(letter) for letter in plane)
            shape = tuple(array.shape[len(array.leading) + axis] for axis in within)
            leading = tuple(axes.index(letter) for letter in order[: -len(plane)])
            ordered = array.transpose(leading)
            if last != plane:
                ordered = ordered.map(lambda pixels: pixels.transpose(within), shape)
            return ordered, "".join(order)
        array = np.asarray(array)
    return array.transpose([axes.index(letter) for letter in order]), "".join(order)
