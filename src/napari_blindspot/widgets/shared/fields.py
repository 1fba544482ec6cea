"""What both docks are built of: labelled rows, choices, entries, rows of widgets, a part that unfolds.

All are widgets of magicgui. Which fields a dock has, and what they mean, belongs to the docks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.backends._qtpy.widgets import Container as QtContainer
from magicgui.backends._qtpy.widgets import QBaseWidget
from magicgui.widgets import ComboBox, Container, LineEdit, PushButton
from magicgui.widgets.bases import ButtonWidget, ContainerWidget, Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QScrollArea, QSizePolicy, QWidget

from napari_blindspot.widgets.shared.native import Native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Choice", "Entry", "Fields", "Folding", "button", "row"]


class _FormBackend(QtContainer):
    """Draws a container of magicgui as a form of Qt, whose fields all begin at one line."""

    def __init__(self, layout: str = "vertical", scrollable: bool = False, **options: Any) -> None:
        QBaseWidget.__init__(self, QWidget, **options)
        self._layout: Any = QFormLayout(self._qwidget)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def _mgui_insert_widget(self, position: int, widget: Widget) -> None:
        if isinstance(widget, ButtonWidget):
            # It says itself what it is.
            self._layout.insertRow(position, widget.native)
            return
        label = QLabel(widget.label)
        label.setToolTip(widget.tooltip or "")
        self._layout.insertRow(position, label, widget.native)

    def _mgui_remove_widget(self, widget: Widget) -> None:
        label = self._layout.labelForField(widget.native)
        taken = self._layout.takeRow(widget.native)
        del taken
        if label is not None:
            label.deleteLater()
        widget.native.setParent(None)


class Fields(ContainerWidget[Any]):
    """Widgets below one another, each with its label before it.

    magicgui's own container with labels measures them before napari has chosen the font, and fields would
    begin at different lines.
    """

    def __init__(self, widgets: Sequence[Widget] = (), **options: Any) -> None:
        super().__init__(widgets, labels=False, widget_type=_FormBackend, **options)
        self.margins = (0, 0, 0, 0)

    def show_row(self, widget: Widget, visible: bool) -> None:
        """Show a field together with its label, or neither."""
        widget.visible = visible
        layout = self.native.layout()
        layout.labelForField(widget.native).setVisible(visible)
        # A hidden row leaves no gap.
        layout.invalidate()
        self.native.updateGeometry()


class Choice(ComboBox):
    """A choice whose entries, however long, do not decide how wide the dock is.

    Parameters
    ----------
    tips : mapping of str to str, optional
        What an entry means, by its text; shown when the mouse rests on it.
    **options
        As for magicgui's ComboBox.
    """

    def __init__(self, *, tips: Mapping[str, str] | None = None, **options: Any) -> None:
        self._tips = tips or {}
        super().__init__(**options)
        self.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.native.setMinimumContentsLength(6)
        self.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def reset_choices(self, *_: Any) -> None:
        """Offer what can be chosen by now."""
        super().reset_choices()
        for text, tip in self._tips.items():
            self.native.setItemData(self.native.findText(text), tip, Qt.ItemDataRole.ToolTipRole)


class Entry(LineEdit):
    """A line of text to write; it says in grey what an empty one stands for.

    Attributes
    ----------
    entered : Signal
        The text, when the user has written it to its end.
    """

    entered = Signal(str)

    def __init__(self, *, empty: str, **options: Any) -> None:
        super().__init__(**options)
        self.native.setPlaceholderText(empty)
        self.native.editingFinished.connect(lambda: self.entered.emit(self.value))


class Folding(Container[Any]):
    """A part of a dock that is hidden until its title is clicked, and scrolls if there is too little room.

    Parameters
    ----------
    title : str
        What is inside, in a word.
    inside : Widget
        What is shown.
    height : int
        Pixels that it has at least when it is unfolded.
    """

    def __init__(self, title: str, inside: Widget, *, height: int) -> None:
        self._title = title
        self.inside = inside
        self.button = PushButton(text=f"▸ {title}")
        self.button.native.setCheckable(True)
        self.button.native.setStyleSheet("text-align: left; border: none; background: transparent;")
        self.area = Native(QScrollArea, visible=False)
        area = self.area.native
        area.setWidget(inside.native)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(height)
        super().__init__(widgets=[self.button, self.area], labels=False)
        self.margins = (0, 0, 0, 0)
        self.button.changed.connect(self._fold)

    @property
    def unfolded(self) -> bool:
        """Whether the part is shown."""
        return bool(self.button.native.isChecked())

    @unfolded.setter
    def unfolded(self, unfolded: bool) -> None:
        self.button.native.setChecked(unfolded)
        self._fold(unfolded)

    def _fold(self, unfolded: bool) -> None:
        self.button.text = f"{'▾' if unfolded else '▸'} {self._title}"
        self.area.visible = unfolded


def button(text: str, tooltip: str, **options: Any) -> PushButton:
    """Return a button that may become narrower than its text asks for."""
    made = PushButton(text=text, tooltip=tooltip, **options)
    made.native.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return made


def row(*widgets: Widget, **options: Any) -> Container[Any]:
    """Return some widgets beside each other."""
    made = Container[Any](widgets=widgets, layout="horizontal", labels=False, **options)
    made.margins = (0, 0, 0, 0)
    return made
