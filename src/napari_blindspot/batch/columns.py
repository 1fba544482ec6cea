"""What is shown of a file: one list for the CSV table, the HTML page and the widget's table.

A column says how it looks in each of them, or that it is not in one. Another column is added here alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.words import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.batch.items import Item
    from napari_blindspot.batch.thumbnail import Pictures

__all__ = ["COLUMNS", "Column", "HtmlCell"]


@dataclass(frozen=True, slots=True)
class HtmlCell:
    """What a cell of the page holds; plain text, which the template escapes.

    Attributes
    ----------
    text : str
        In the first line.
    style : str
        Class of that text in the page's style sheet; may be empty.
    more : str
        A second line.
    small : tuple of str
        Further lines, less prominent.
    picture : str
        URL of an image, described by `text`, which is not shown then.
    """

    text: str = ""
    style: str = ""
    more: str = ""
    small: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One thing to be known about each file.

    Attributes
    ----------
    key : str
        Its name in the CSV table, and for programs.
    title : str
        Its name for people.
    csv : callable or None
        Gives the text of an item in the CSV table; None if it is not in it.
    html : callable or None
        Gives the cell of an item in the page.
    cell : callable or None
        Gives the text of an item in the widget's table.
    style : str
        Class of its cells in the page's style sheet.
    named : bool
        Whether a narrow page, which has no head, names it in each of its cells.
    sample : str
        A text as wide as most of its cells in the widget's table; empty for the last one.
    """

    key: str
    title: str
    csv: Callable[[Item], str] | None = None
    html: Callable[[Item, Pictures], HtmlCell] | None = None
    cell: Callable[[Item], str] | None = None
    style: str = ""
    named: bool = False
    sample: str = ""


def _shape(item: Item) -> str:
    return "×".join(str(side) for side in item.shape)


def _image(item: Item, _: Pictures) -> HtmlCell:
    if not item.shape:
        return HtmlCell()
    planes = f", {item.finished} of {item.plane_count} planes" if item.plane_count > 1 else ""
    return HtmlCell(f"{item.axes} {_shape(item)}", small=(f"{item.dtype}{planes}",))


def _state(item: Item) -> str:
    some = item.plane_count > 1 and item.state in ("running", "stopped")
    return f"{item.state} {item.finished}/{item.plane_count}" if some else item.state


def _time(item: Item) -> str:
    return duration(item.seconds) if item.seconds else ""


def _noise(item: Item, *, short: bool = False) -> str:
    noise = item.record.noise
    return "" if noise is None else noise.in_words(short=short)


COLUMNS: tuple[Column, ...] = (
    Column(
        "file",
        "File",
        csv=lambda item: str(item.source),
        html=lambda item, _: HtmlCell(item.source.name, small=(str(item.source.parent),)),
        cell=lambda item: item.source.name,
        sample="cells day 2.ome.tif",
    ),
    Column("output", "Output", csv=lambda item: str(item.output)),
    Column(
        "axes",
        "Axes",
        csv=lambda item: item.axes,
        cell=lambda item: item.read.axes or item.axes,
        sample="TZCYX",
    ),
    Column("shape", "Shape", csv=_shape, cell=_shape, sample="99×512×512"),
    Column("dtype", "Pixel type", csv=lambda item: item.dtype),
    Column("image", "Image", html=_image, style="whole"),
    Column("planes", "Planes", csv=lambda item: str(item.plane_count or "")),
    Column("finished", "Finished planes", csv=lambda item: str(item.finished)),
    Column(
        "state",
        "State",
        csv=lambda item: item.state,
        html=lambda item, _: HtmlCell(item.state, item.state, more=item.reason, small=item.warnings),
        cell=_state,
        style="state",
        sample="running 9/99",
    ),
    Column("reason", "Reason", csv=lambda item: item.reason),
    Column(
        "seconds",
        "Time",
        csv=lambda item: f"{item.seconds:.1f}" if item.seconds else "",
        html=lambda item, _: HtmlCell(_time(item)),
        cell=_time,
        style="whole",
        named=True,
        sample="9:99 min",
    ),
    Column(
        "noise",
        "Noise",
        csv=_noise,
        html=lambda item, _: HtmlCell(_noise(item)),
        cell=lambda item: _noise(item, short=True),
        style="noise",
        named=True,
    ),
    Column("warnings", "Warnings", csv=lambda item: " ".join(item.warnings)),
    Column(
        "noisy",
        "Noisy",
        html=lambda item, pictures: HtmlCell(f"{item.source.name}, noisy", picture=pictures.noisy),
        style="picture",
        named=True,
    ),
    Column(
        "denoised",
        "Denoised",
        html=lambda item, pictures: HtmlCell(f"{item.source.name}, denoised", picture=pictures.denoised),
        style="picture",
        named=True,
    ),
)
"""In the order in which they are shown."""
