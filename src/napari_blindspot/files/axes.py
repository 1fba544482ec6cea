"""Which axis of an array is time, Z, channel, Y or X: by what a user says, else the file, else the shape.

Axes are letters: T, Z, C, Y, X, and S for the samples of a colour image. An axis that a file names and that
is none of them, such as angles or wavelengths, becomes channels, because its images have no order in depth
or time. Planes and their order in a fit belong to `napari_blindspot.stack`.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import looks_like_rgb
from napari_blindspot.files.lazy_array import LazyArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "check_axes",
    "fold_channels",
    "guess_axes",
    "parse_split",
    "plane_letters",
    "planes_last",
    "split_axis",
    "without_single_steps",
]

_KNOWN = "TZCYXS"
_FREE = "ZTC"
"""In which order axes without a name are taken for Z, time and channel."""

_CHANNEL_LIKE = {
    "A": "angle",
    "E": "wavelength",
    "H": "phase or lifetime",
    "L": "exposure",
    "M": "tile",
    "P": "phase",
    "R": "position",
    "V": "event",
    "s": "sample",
}
"""What one step is on the axes that tifffile and bioio name, and that are neither depth nor time.

The small s stands for samples of a pixel that are no colours, beside channels.
"""


def guess_axes(shape: tuple[int, ...], named: str = "") -> tuple[str, tuple[Notice, ...]]:
    """Name the axes of an array: by what its file says, and by the shape where the file says nothing.

    Parameters
    ----------
    shape : tuple of int
        Lengths of the axes.
    named : str, optional
        What the file says, one letter an axis; a letter that is not known, or comes twice, stands for an
        axis without a name. If empty, Y and X are the last two axes, but for three or four samples of
        colour.

    Returns
    -------
    axes : str
        One letter of T, Z, C, Y, X, S an axis, in the order of `shape`; or one that `fold_channels` makes
        channels of.
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
    known = {*_KNOWN, *_CHANNEL_LIKE}
    letters = [letter if letter in known and named.count(letter) == 1 else "?" for letter in named]
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


def without_single_steps(array: NDArray[Any] | LazyArray, named: str) -> tuple[Any, str]:
    """Leave out the axes before the planes that have no name and one step only.

    Parameters
    ----------
    array : ndarray or LazyArray
        The pixels.
    named : str
        What the file says, one letter an axis, as for `guess_axes`; may be empty.

    Returns
    -------
    array : ndarray or LazyArray
        The same pixels.
    named : str
        What the file says of the axes that are left.
    """
    shape = tuple(array.shape)
    count = len(array.leading) if isinstance(array, LazyArray) else len(shape) - 2
    letters = named or "?" * len(shape)
    known = {*_KNOWN, *_CHANNEL_LIKE}
    kept = [at for at in range(count) if shape[at] != 1 or letters[at] in known]
    if count <= 0 or len(letters) != len(shape) or len(kept) == count:
        return array, named
    left = tuple(shape[at] for at in kept)
    rest = shape[count:]
    array = array.with_leading(left) if isinstance(array, LazyArray) else array.reshape(left + rest)
    return array, "".join(letters[at] for at in kept) + named[count:] if named else ""


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
    """Move Y and X to the end (S after them); without reading anything where Y and X are in a plane.

    Parameters
    ----------
    array : ndarray or LazyArray
        The pixels.
    axes : str
        One letter an axis.

    Returns
    -------
    array : ndarray or LazyArray
        The same pixels; all of them in memory if what the array calls a plane does not hold one.
    axes : str
        Their axes.
    """
    plane = plane_letters(axes)
    order = [letter for letter in axes if letter not in plane] + list(plane)
    if isinstance(array, LazyArray):
        if set(plane) <= set(axes[-array.plane_ndim :]):
            return _lazily(array, axes, "".join(order))
        array = np.asarray(array)
    return array.transpose([axes.index(letter) for letter in order]), "".join(order)


def _lazily(array: LazyArray, axes: str, order: str) -> tuple[LazyArray, str]:
    plane = plane_letters(axes)
    while array.plane_ndim > len(plane):
        count = len(array.leading)
        within = axes[count:]
        extra = next(letter for letter in within if letter not in plane)
        array = array.unstacked(within.index(extra))
        axes = axes[:count] + extra + within.replace(extra, "")
    leading = tuple(axes.index(letter) for letter in order[: -len(plane)])
    last = axes[-len(plane) :]
    ordered = array.transpose(leading)
    if last != plane:
        within_plane = tuple(last.index(letter) for letter in plane)
        shape = tuple(array.shape[len(leading) + axis] for axis in within_plane)
        ordered = ordered.map(lambda pixels: pixels.transpose(within_plane), shape)
    return ordered, order


def fold_channels(
    array: NDArray[Any] | LazyArray, axes: str, names: tuple[str, ...] = ()
) -> tuple[Any, str, tuple[str, ...], tuple[Notice, ...]]:
    """Make channels of all axes that are neither depth nor time nor colour.

    Parameters
    ----------
    array : ndarray or LazyArray
        The pixels, planes last.
    axes : str
        Of `guess_axes`.
    names : tuple of str
        Of the channels that there are.

    Returns
    -------
    array : ndarray or LazyArray
        The same planes, with one axis C for all those axes, where the first of them was.
    axes : str
        One letter of T, Z, C, Y, X, S an axis.
    names : tuple of str
        Of all channels.
    notices : tuple of Notice
        An ``axis-as-channels`` for every axis that was neither channel nor sample.
    """
    other = "".join(letter for letter in axes if letter in _CHANNEL_LIKE)
    if not other:
        return array, axes, names, ()
    folded = [letter for letter in axes if letter in _CHANNEL_LIKE or letter == "C"]
    plane = plane_letters(axes)
    leading = axes[: -len(plane)]
    first = leading.index(folded[0])
    order = [letter for letter in leading if letter not in folded]
    order[first:first] = folded
    lengths = {letter: array.shape[axes.index(letter)] for letter in leading}
    shape = [*(lengths[letter] for letter in order)]
    shape[first : first + len(folded)] = [math.prod(lengths[letter] for letter in folded)]
    numbers = tuple(leading.index(letter) for letter in order)
    if isinstance(array, LazyArray):
        array = array.transpose(numbers).with_leading(tuple(shape))
    else:
        last = range(len(leading), len(axes))
        array = array.transpose(*numbers, *last).reshape(*shape, *array.shape[len(leading) :])
    letters = [*order[:first], "C", *order[first + len(folded) :]]
    labels = (_labels(letter, lengths[letter], names) for letter in folded)
    notices = tuple(
        Notice("axis-as-channels", {"length": lengths[letter], "meaning": _CHANNEL_LIKE[letter]})
        for letter in other.replace("s", "")
    )
    combined = tuple(" ".join(parts) for parts in itertools.product(*labels))
    return array, "".join(letters) + plane, combined, notices


def _labels(letter: str, length: int, names: tuple[str, ...]) -> list[str]:
    """Name the steps on an axis that becomes channels."""
    if letter == "C":
        return list(names) if len(names) == length else [f"channel {number}" for number in range(length)]
    return [f"{_CHANNEL_LIKE[letter]} {number}" for number in range(length)]


def split_axis(array: NDArray[Any] | LazyArray, axes: str, split: str) -> tuple[Any, str]:
    """Part the last axis before the planes, on which the images of another axis stand in turn.

    Parameters
    ----------
    array : ndarray or LazyArray
        The pixels, planes last.
    axes : str
        One letter an axis.
    split : str
        How many images stand in turn, and the letter of their axis: with ``"2:C"`` an axis of 12 becomes
        one of 6 and C of 2.

    Raises
    ------
    ImageError
        If that cannot be.
    """
    count, letter = parse_split(split)
    plane = plane_letters(axes)
    leading = axes[: -len(plane)]
    if letter in axes:
        raise ImageError(
            f"The image has an axis {letter} already, so none can be split off.", setting="split"
        )
    length = array.shape[len(leading) - 1] if leading else 1
    if length % count:
        raise ImageError(
            f"An axis of length {length} cannot be split into turns of {count}; choose a divisor of "
            f"{length}.",
            setting="split",
        )
    shape = (*array.shape[: len(leading) - 1], length // count, count)
    if isinstance(array, LazyArray):
        array = array.with_leading(shape)
    else:
        array = array.reshape(*shape, *array.shape[len(leading) :])
    return array, leading + letter + plane


def parse_split(split: str) -> tuple[int, str]:
    """Return the number and the letter of a text such as ``2:C``.

    Raises
    ------
    ImageError
        If it is none.
    """
    count, _, letter = split.replace(" ", "").upper().partition(":")
    if not count.isdecimal() or int(count) < 2 or letter not in ("T", "Z", "C"):
        raise ImageError(
            f"The split {split!r} is none; give how many images stand in turn and the letter of their "
            "axis, such as 2:C.",
            setting="split",
        )
    return int(count), letter
