"""From the numbers of a TIFF page to the intensities that any viewer shows.

Palettes are looked up, inverted pixels are turned back, turned ones stand upright, and transparency is left
out. Which axes samples become belongs to `napari_blindspot.files.formats.finish_reading`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_blindspot.files.lazy_array import LazyArray

    Shown = tuple[LazyArray, str, tuple[Notice, ...]]

__all__ = ["as_shown", "display_color", "turns_sideways"]

_WHITE_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 2, 3, 6
_REFUSED = {5: "CMYK", 8: "CIELAB", 9: "ICCLAB", 10: "ITULAB", 32844: "LogL", 32845: "LogLuv"}
"""Values of the tag PhotometricInterpretation."""

_TURNS: dict[int, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    2: lambda plane: plane[:, ::-1],
    3: lambda plane: plane[::-1, ::-1],
    4: lambda plane: plane[::-1],
    5: lambda plane: plane.swapaxes(0, 1),
    6: lambda plane: plane.swapaxes(0, 1)[:, ::-1],
    7: lambda plane: plane.swapaxes(0, 1)[::-1, ::-1],
    8: lambda plane: plane.swapaxes(0, 1)[::-1],
}
"""How a plane (Y, X, …) is set upright, by the tag Orientation; 1 is upright."""


def as_shown(array: LazyArray, axes: str, page: Any, *, keeps_numbers: bool, source: object) -> Shown:
    """Return an image as viewers show it.

    Parameters
    ----------
    array : LazyArray
        The pixels as they are in the file.
    axes : str
        Their axes as the file names them; Y and X are within the pages.
    page : TiffPage
        One of its pages, which stands for all.
    keeps_numbers : bool
        Whether a microscope's program wrote the file, whose palettes only colour intensities.
    source : path-like
        The file, for sentences.

    Returns
    -------
    array : LazyArray
        The pixels as they are to be seen.
    axes : str
        Their axes; with S at the end if a palette has colours.
    notices : tuple of Notice
        What was done.

    Raises
    ------
    FileError
        If its colours are of a kind that is not understood.
    """
    if int(page.photometric) in _REFUSED:
        raise FileError(
            f"The colours of the TIFF file {source} are stored as {_REFUSED[int(page.photometric)]}; "
            "save it as gray or RGB."
        )
    notices: list[Notice] = []
    if "S" in axes and _has_transparency(array, axes, page):
        array, axes = _without_last_sample(array, axes)
        notices.append(Notice("transparency-left-out"))
    if not keeps_numbers and display_color(page) is None and _palette(page) is not None:
        array, axes = _looked_up(array, axes, page)
        notices.append(Notice("palette-looked-up"))
    if int(page.photometric) == _WHITE_IS_ZERO and array.dtype.kind != "b":
        array, said = _inverted(array, page)
        notices.append(said)
    orientation = _orientation(page)
    if orientation in _TURNS:
        array = _turned(array, axes, _TURNS[orientation], swaps=orientation > 4)
        notices.append(Notice("turned"))
    return array, axes, tuple(notices)


def display_color(page: Any) -> str | None:
    """Return the colour of the brightest entry of a palette that only colours intensities, as #rrggbb."""
    table = _palette(page)
    if (
        table is None
        or (np.diff(table.astype(np.int64), axis=1) < 0).any()
        or table[0, 0] == table[0, -1] > 0
    ):
        return None
    return "#{:02x}{:02x}{:02x}".format(*(int(value) >> 8 for value in table[:, -1]))


def turns_sideways(page: Any) -> bool:
    """Tell whether what the file calls X is shown as Y."""
    return _orientation(page) > 4


def _orientation(page: Any) -> int:
    tag = page.tags.get(274)
    value = 1 if tag is None else tag.value
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _palette(page: Any) -> npt.NDArray[Any] | None:
    """Return red, green and blue of the palette, (3, N) of 16 bits; None if there is none."""
    table = page.colormap if int(page.photometric) == _PALETTE else None
    return None if table is None or np.ndim(table) != 2 else np.asarray(table)


def _looked_up(array: LazyArray, axes: str, page: Any) -> tuple[LazyArray, str]:
    table = _palette(page)
    assert table is not None
    is_gray = bool((table == table[0]).all())
    # 8 bits are stored as 16 by repeating them, v·257, or by a shift, v·256.
    fits = bool((table % 257 == 0).all() or (table % 256 == 0).all())
    entries = (table >> 8).astype(np.uint8) if fits or not is_gray else table.astype(np.uint16)
    colors = np.ascontiguousarray(entries[0] if is_gray else entries.T)

    def look_up(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = colors[np.minimum(plane, len(colors) - 1)]
        return found

    plane = array.shape[len(array.leading) :]
    mapped = array.map(look_up, plane if is_gray else (*plane, 3), entries.dtype)
    return mapped, axes if is_gray else f"{axes}S"


def _inverted(array: LazyArray, page: Any) -> tuple[LazyArray, Notice]:
    plane = array.shape[len(array.leading) :]
    if array.dtype.kind not in "ui":
        return array, Notice("white-is-zero-kept")
    white = array.dtype.type(2 ** int(page.bitspersample) - 1 if array.dtype.kind == "u" else -1)
    return array.map(lambda pixels: white - pixels, plane), Notice("white-is-zero")


def _turned(
    array: LazyArray, axes: str, turn: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], *, swaps: bool
) -> LazyArray:
    count = len(array.leading)
    places = [axes[count:].index(letter) for letter in "YX"]
    plane = list(array.shape[count:])
    if swaps:
        plane[places[0]], plane[places[1]] = plane[places[1]], plane[places[0]]

    def upright(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.moveaxis(turn(np.moveaxis(pixels, places, (0, 1))), (0, 1), places)

    return array.map(upright, tuple(plane))


def _has_transparency(array: LazyArray, axes: str, page: Any) -> bool:
    """Tell whether the last sample of a pixel is transparency."""
    count = array.shape[axes.index("S")]
    if count != (4 if int(page.photometric) in (_RGB, _YCBCR) else 2):
        return False
    tag = page.tags.get(338)
    kind = 0 if tag is None else int(np.ravel(tag.value)[-1])
    if array.dtype == np.uint8 and kind in (1, 2):
        return True
    # What is not said, or said of 16 bits as tifffile does of any fourth sample, the pixels tell.
    return _is_opaque(_last_sample(array, axes))


def _is_opaque(pixels: npt.NDArray[Any]) -> bool:
    """Tell whether a sample looks like transparency: nearly all of it is full or nothing."""
    full = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1
    ends = np.isin(pixels, (0, full))
    return bool((pixels == full).any() and ends.mean() > 0.5)


def _last_sample(array: LazyArray, axes: str) -> npt.NDArray[Any]:
    """Read the last sample of the first plane."""
    count = len(array.leading)
    position = axes.index("S")
    index = [0] * count
    if position < count:
        index[position] = -1
    pixels: npt.NDArray[Any] = array[tuple(index)] if index else np.asarray(array)
    return pixels if position < count else pixels.take(-1, axis=position - count)


def _without_last_sample(array: LazyArray, axes: str) -> tuple[LazyArray, str]:
    """Leave out the last sample; where one is left, it is no axis any more."""
    position, count = axes.index("S"), len(array.leading)
    kept = array.shape[position] - 1
    if position < count:
        part = array[(slice(None),) * position + (slice(0, kept),)]
        leading = part.leading[:position] + part.leading[position + 1 :] if kept == 1 else part.leading
        return part.with_leading(leading), axes.replace("S", "") if kept == 1 else axes
    within = position - count
    plane = list(array.shape[count:])
    if kept == 1:
        del plane[within]
        return array.map(lambda pixels: pixels.take(0, axis=within), tuple(plane)), axes.replace("S", "")
    plane[within] = kept
    chosen = (slice(None),) * within + (slice(0, kept),)
    return array.map(lambda pixels: pixels[chosen], tuple(plane)), axes
