"""The colours of figures on a light and on a dark background, and an empty figure in them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import BlindspotError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ON_DARK", "ON_LIGHT", "Ink", "empty_figure", "needs_matplotlib", "style_axes"]


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours as matplotlib takes them.

    Attributes
    ----------
    text, faint : str
        Of words and lines, and of what stands behind.
    background : str
        Of the figure; "none" to let what lies below be seen.
    first, second, third : str
        Of curves that are compared.
    """

    text: str
    faint: str
    background: str
    first: str
    second: str
    third: str


ON_LIGHT = Ink("#1d1d1f", "#8e8e94", "none", "#2166ac", "#b2182b", "#2f7d32")
ON_DARK = Ink("#f0f1f2", "#737c87", "none", "#6fb1ee", "#ff8f80", "#7ed383")


def needs_matplotlib() -> None:
    """Refuse to draw without matplotlib.

    Raises
    ------
    BlindspotError
        If it is not installed; the sentence says how to install it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise BlindspotError(
            'A picture needs matplotlib, which is not installed: pip install "napari-blindspot[plots]".'
        )


def empty_figure(ink: Ink, size: tuple[float, float] = (4.2, 2.8)) -> Figure:
    """Return a figure in some colours.

    Parameters
    ----------
    ink : Ink
        The colours.
    size : tuple of float
        Width and height in inches.

    Raises
    ------
    BlindspotError
        If matplotlib is not installed.
    """
    needs_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained", facecolor=ink.background)


def style_axes(axes: Any, ink: Ink) -> None:
    """Give axes, their labels, title and legend the colours."""
    axes.set_facecolor("none")
    axes.tick_params(which="both", colors=ink.text, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color(ink.faint)
    for words in (axes.xaxis.label, axes.yaxis.label):
        words.set(color=ink.text, fontsize=8)
    for title in (axes.title, axes._left_title):
        title.set(color=ink.text, fontsize=8)
    legend = axes.get_legend()
    if legend is not None:
        legend.get_frame().set(facecolor="none", edgecolor="none")
        for words in (legend.get_title(), *legend.get_texts()):
            words.set(color=ink.text, fontsize=8)
