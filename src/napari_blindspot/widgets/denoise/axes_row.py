"""What the axes of a stack are: a choice for each, set to what the layer says or to the best guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from psygnal import Signal

from napari_blindspot.core.errors import ImageError
from napari_blindspot.widgets.shared.fields import Choice
from napari_blindspot.widgets.shared.layer_data import (
    LEADING,
    answer_axes,
    layer_axes,
    layer_pixels,
    long_axes,
)

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["AxesRow"]

_WORDS = {"T": "times", "Z": "z-planes", "C": "channels", "P": "positions"}

_TIP = (
    "What the axes before Y and X are. Channels and positions never share a network and are no neighbours "
    "of each other."
)


class AxesRow(Container[Any]):
    """Says of each axis how long it is and what it is taken for, and lets the user say what it is.

    What the user chooses is remembered for the layer.

    Attributes
    ----------
    said : Signal
        The user has said something, which is remembered by now.
    """

    said = Signal()

    def __init__(self) -> None:
        self._layer: Image | None = None
        self._asked: dict[int, Choice] = {}
        self._offers: list[list[tuple[str, str]]] = [[] for _ in LEADING]
        self._choices = [
            Choice(choices=lambda _, number=number: self._offers[number], tooltip=_TIP)
            for number in range(len(LEADING))
        ]
        # Below one another: beside one another three would be too narrow for their words.
        super().__init__(widgets=self._choices, labels=False, label="Axes", tooltip=_TIP)
        self.margins = (0, 0, 0, 0)
        for choice in self._choices:
            choice.changed.connect(self._remember)

    @property
    def value(self) -> str:
        """The letters of all axes of the layer, such as ``"CZYX"``; empty where nothing is shown."""
        return layer_axes(self._layer) if self._layer is not None else ""

    @value.setter
    def value(self, axes: str) -> None:
        if self._layer is not None:
            answer_axes(self._layer, axes[: self._layer.ndim - 2])
            self.ask(self._layer)

    def ask(self, layer: Image | None) -> bool:
        """Show the axes of a layer; return whether there is any that has several planes."""
        self._layer, self._asked = None, {}
        if layer is None or layer.rgb:
            return False
        try:
            axes = layer_axes(layer)
        except ImageError:
            # It is said when the run is started.
            return False
        shape = layer_pixels(layer).shape
        asked = [at for at in long_axes(layer) if axes[at] in LEADING]
        free = [letter for letter in LEADING if letter in (axes[at] for at in asked) or letter not in axes]
        for number, choice in enumerate(self._choices):
            choice.visible = number < len(asked)
            if number < len(asked):
                at = asked[number]
                self._asked[at] = choice
                self._offers[number] = [(f"{shape[at]} {_WORDS[letter]}", letter) for letter in free]
                choice.reset_choices()
                choice.value = axes[at]
        self._layer = layer if asked else None
        return bool(asked)

    def _remember(self, _: object = None) -> None:
        layer = self._layer
        if layer is None:
            return
        before = layer_axes(layer)
        said = {at: choice.value for at, choice in self._asked.items()}
        changed = next((at for at, letter in said.items() if letter != before[at]), None)
        if changed is None:
            return
        for at, letter in said.items():
            if at != changed and letter == said[changed]:
                # Two axes are never the same: the other becomes what this one was.
                said[at] = before[changed]
        answer_axes(layer, "".join(said.get(at, " ") for at in range(layer.ndim - 2)))
        self.ask(layer)
        self.said.emit()
