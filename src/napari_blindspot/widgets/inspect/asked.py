"""What is asked of a result in the Inspect dock, and what an answer is made of.

Plain data; the answers belong to `napari_blindspot.widgets.inspect.questions`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from napari_blindspot.core.model import Model
    from napari_blindspot.plots.ink import Ink
    from napari_blindspot.widgets.inspect.depth import Depth
    from napari_blindspot.widgets.inspect.subject import Subject

    Line = tuple[tuple[float, float], tuple[float, float]]
    Region = tuple[int, int, int, int]

__all__ = ["Asked", "Finding", "NewLayer", "ResultQuestion"]


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer to be shown over the plane.

    Attributes
    ----------
    label : str
        In its name, after that of the result.
    values : ndarray
        (rows, columns), or with all axes of the result.
    limits : tuple of float, optional
        Intensities of black and white; those of the result if not given.
    colormap : str
        As napari calls it; empty for that of the result.
    origin : tuple of float
        (y, x) of its first pixel, in pixels of the plane; of a stack for all axes of the result, from the
        plane in view.
    step : tuple of float
        Distances of its pixels along the same axes, in pixels of the plane.
    blending : str
        As napari calls it; empty for that of the result.
    has_bar : bool
        Whether a bar of its colours with their values is shown, where napari can.
    """

    label: str
    values: npt.NDArray[Any]
    limits: tuple[float, float] | None = None
    colormap: str = ""
    origin: tuple[float, ...] = (0.0, 0.0)
    step: tuple[float, ...] = (1.0, 1.0)
    blending: str = ""
    has_bar: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to a question.

    Attributes
    ----------
    words : str
        In sentences.
    layers : list of NewLayer
        To be shown.
    figures : list of Figure
        To be drawn below one another.
    heads : tuple of str
        Of the columns of a table.
    rows : list of tuple of str
        Its cells; no table if there are none.
    """

    words: str
    layers: list[NewLayer] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    heads: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a plane, beside the question.

    Attributes
    ----------
    subject : Subject
        The plane.
    ink : Ink
        Colours of the figures.
    zoom : int
        Samples of the INR a pixel.
    region : tuple of int, optional
        Rows and columns to sample; the whole plane if not given.
    line : tuple, optional
        Ends of a line.
    depth : Depth, optional
        The planes of the result along Z.
    model : Model, optional
        Of the result's run: its INR is looked at, and it is applied where there would be a fit.
    control : Control
        By which a fit is cancelled.
    """

    subject: Subject
    ink: Ink
    zoom: int = 4
    region: Region | None = None
    line: Line | None = None
    depth: Depth | None = None
    model: Model | None = None
    control: Control = field(default_factory=Control)


@dataclass(frozen=True, slots=True)
class ResultQuestion:
    """What can be asked.

    Attributes
    ----------
    tip : str
        What will be shown.
    answer : callable
        Finds it.
    needs : set of str
        Fields of the dock that belong to it: ``"zoom"``, ``"line"``, ``"region"``, ``"depth"``,
        ``"model"``.
    """

    tip: str
    answer: Callable[[Asked], Finding]
    needs: frozenset[str] = frozenset()
