"""What an image layer holds: its pixels, and what each of its axes is.

An axis is what the user says, else what its label says. napari's own reader gives no labels; such an axis
is guessed so that at worst too little is shared between planes, never too much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_blindspot.core.errors import ImageError
from napari_blindspot.files.spacing import make_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari.layers import Image

__all__ = [
    "METADATA_KEY",
    "answer_axes",
    "answer_for",
    "axes_of_attributes",
    "labels_of",
    "layer_axes",
    "layer_pixels",
    "long_axes",
]

METADATA_KEY = "napari_blindspot"
"""Where in a layer's metadata the record of its run is."""

LEADING = "TZCP"
"""What an axis before Y and X can be; P stands for positions, which are images of their own."""

MANY_CHANNELS = 4
"""Longest axis without a name that is taken for the channels."""

_NAMES = {
    "T": "t time times timepoint timepoints frame frames",
    "Z": "z depth depths slice slices plane planes section sections",
    "C": "c ch channel channels colour colours color colors wavelength wavelengths lambda λ",
    "P": "p pos position positions s scene scenes series site sites m tile tiles mosaic field fields fov r",
    "Y": "y row rows height",
    "X": "x column columns width",
}
_LETTERS = {name: letter for letter, names in _NAMES.items() for name in names.split()}

_FILLERS = "ABDEFGHIJKLMN"
"""Letters of further axes; planes that differ along one share nothing."""

_answers: WeakKeyDictionary[Image, str] = WeakKeyDictionary()


def layer_pixels(layer: Image) -> Any:
    """Return the array of a layer, (…, Y, X), or (…, Y, X, 3) in colour; of a pyramid the finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def layer_axes(layer: Image) -> str:
    """Return one letter an axis of the layer's pixels: as answered, else of its labels, else guessed.

    Parameters
    ----------
    layer : Image
        Not in colour.

    Returns
    -------
    str
        Such as ``"TCZYX"``; P stands for positions. Y and X come last.

    Raises
    ------
    ImageError
        If the labels say that a plane has the channel or the position among its own axes.
    """
    return axes_of_attributes(
        layer.name,
        tuple(layer_pixels(layer).shape[: layer.ndim]),
        _labels(layer),
        layer.metadata,
        units=getattr(layer, "units", ()),
        answer=_answers.get(layer, ""),
    )


def long_axes(layer: Image) -> tuple[int, ...]:
    """Return which axes before Y and X have more than one plane."""
    shape = layer_pixels(layer).shape[: layer.ndim - 2]
    return tuple(at for at, length in enumerate(shape) if length > 1)


def labels_of(layer: Image) -> tuple[str, ...]:
    """Return the axis labels of a layer, corrected where the user has said something else."""
    labels = list(map(str, layer.axis_labels))
    for at, letter in enumerate(_answers.get(layer, "")):
        if _letter(labels[at]) not in ("", letter) and letter in LEADING:
            labels[at] = "position" if letter == "P" else letter.lower()
    return tuple(labels)


def answer_axes(layer: Image, letters: str) -> None:
    """Remember what the user says that the axes before Y and X are, as long as the layer exists.

    Parameters
    ----------
    layer : Image
        Whose axes they are.
    letters : str
        One of T, Z, C and P for each of them, or a blank where nothing is said.

    Raises
    ------
    ImageError
        If there are more or fewer, one is not known, or one comes twice.
    """
    said = letters.upper()
    known = said.replace(" ", "")
    if len(said) != layer.ndim - 2 or not set(known) <= set(LEADING) or len(set(known)) < len(known):
        raise ImageError(
            f"The axes {letters!r} do not fit “{layer.name}”: one of T, Z, C and P (positions) is needed "
            f"for each of the {layer.ndim - 2} before Y and X, none twice.",
            setting="axes",
        )
    _answers[layer] = said


def answer_for(pixels: Any) -> str:
    """Return what `answer_axes` was told of the layer that holds an array; nothing if it was not."""
    return next((said for layer, said in _answers.items() if layer_pixels(layer) is pixels), "")


def axes_of_attributes(
    name: str,
    shape: tuple[int, ...],
    labels: Sequence[str],
    metadata: Mapping[str, Any],
    *,
    units: Sequence[object] = (),
    answer: str = "",
) -> str:
    """Return one letter an axis, as `layer_axes`, of what napari stores of a layer.

    Parameters
    ----------
    name : str
        Of the layer.
    shape : tuple of int
        (…, Y, X).
    labels : sequence of str
        napari's axis labels.
    metadata : mapping
        That of the layer; the record of a run tells its axes.
    units : sequence
        napari's units; one of time says that its axis is time. One of length says nothing, because napari
        gives the unit of the pixels to all axes.
    answer : str
        What the user said of the axes before Y and X.

    Raises
    ------
    ImageError
        As `layer_axes`.
    """
    leading = len(shape) - 2
    if any(_letter(label) in ("C", "P") for label in labels[leading:]):
        raise ImageError(
            f"The last two axes of “{name}” are called {' and '.join(labels[leading:])}, but a plane lies "
            "in Y and X: move the channel or position before them."
        )
    letters = _named(labels)
    for at, letter in enumerate(answer if len(answer) == leading else ""):
        if letter in LEADING:
            letters = ["" if other == letter else other for other in letters]
            letters[at] = letter
    if not all(letters):
        known = _recorded(metadata)
        for at, letter in enumerate(known if len(known) == leading else ""):
            if not letters[at] and letter in LEADING and letter not in letters:
                letters[at] = letter
        for at, unit in enumerate(units[:leading] if len(units) == len(shape) else ()):
            if not letters[at] and "T" not in letters and _is_of_time(unit):
                letters[at] = "T"
        letters = _guess(letters, shape)
    return "".join(letters) + "YX"


def _labels(layer: Image) -> tuple[str, ...]:
    """Return the axis labels of a layer, without names where napari has none."""
    labels = tuple(map(str, getattr(layer, "axis_labels", ())))
    return labels if len(labels) == layer.ndim else ("",) * layer.ndim


def _is_of_time(unit: object) -> bool:
    """Tell whether a unit of napari is one of time."""
    return make_spacing("T", 1.0, unit if isinstance(unit, str) else f"{unit:~}") is not None


def _letter(label: object) -> str:
    """Return what a label says: channel, Z axis, time (s), …; nothing for -3, axis -3 and unknown words."""
    words = re.sub(r"[\[(/].*|\baxis\b", "", str(label).lower().replace("_", " "))
    return _LETTERS.get(words.strip(" -:"), "")


def _named(labels: Sequence[str]) -> list[str]:
    """Return what labels say of the axes before the last two, each letter once."""
    letters: list[str] = []
    for label in labels[:-2]:
        letter = _letter(label)
        # A view from the side has Y or X before its planes, which then is their depth.
        letter = "Z" if letter in ("Y", "X") else letter
        letters.append("" if letter in letters else letter)
    return letters


def _recorded(metadata: Mapping[str, Any]) -> str:
    """Return the axes before Y and X that the record of a run tells; nothing if it does not."""
    record = metadata.get(METADATA_KEY)
    axes = record.get("axes") if isinstance(record, dict) else None
    return axes[:-2] if isinstance(axes, str) else ""


def _guess(letters: Sequence[str], shape: tuple[int, ...]) -> list[str]:
    """Fill what is not known: a short axis is the channels, the others are Z, time and positions."""
    found = list(letters)
    free = [letter for letter in "ZTPC" if letter not in found]
    unknown = [at for at, letter in enumerate(found) if not letter]
    long = [at for at in unknown if shape[at] > 1]
    if "C" in free and long:
        # The last of equally short ones: files have Z, then the channel.
        shortest = min(reversed(long), key=lambda at: shape[at])
        if shape[shortest] <= MANY_CHANNELS:
            found[shortest] = "C"
            free.remove("C")
            long.remove(shortest)
    free += _FILLERS
    for at in [*reversed(long), *unknown]:
        found[at] = found[at] or free.pop(0)
    return found
