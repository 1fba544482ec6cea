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
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QScrollArea, QSizePolicy, QWidget

from napari_blindspot.widgets.shared.native import Native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Choice", "Entry", "Fields", "Folding", "Scrolling", "button", "row"]


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


class _Area(QScrollArea):  # type: ignore[misc]
    """Is as high as what it shows, if there is room, and wide enough for it and the bar that scrolls it."""

    least_width = 0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def minimumSizeHint(self) -> QSize:
        """Return the width of what is shown with the bar."""
        least: QSize = super().minimumSizeHint()
        if self.widget() is not None:
            bar = self.verticalScrollBar().sizeHint().width()
            width = self.widget().minimumSizeHint().width() + bar + 2 * self.frameWidth()
            least.setWidth(max(width, self.least_width))
        return least

    def sizeHint(self) -> QSize:
        """Return the size of what is shown."""
        if self.widget() is None:
            return super().sizeHint()
        # napari's style gives it a frame.
        frame = 2 * self.frameWidth()
        return self.widget().sizeHint() + QSize(frame, frame)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that what is shown asks for another height."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))


class Folding(Container[Any]):
    """A part of a dock that is hidden until its title is clicked.

    Parameters
    ----------
    title : str
        What is inside, in a word.
    inside : Widget
        What is shown.
    height : int, optional
        Pixels that it has at least when it is unfolded; it scrolls if it is higher. All of it if not given.
    """

    def __init__(self, title: str, inside: Widget, *, height: int | None = None) -> None:
        self._title = title
        self.inside = inside
        self.button = PushButton(text=f"▸ {title}")
        self.button.native.setCheckable(True)
        self.button.native.setStyleSheet("text-align: left; border: none; background: transparent;")
        self.area: Widget = inside
        if height is not None:
            self.area = framed = Native(QScrollArea)
            area = framed.native
            area.setWidget(inside.native)
            area.setWidgetResizable(True)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            area.setMinimumHeight(height)
        self.area.visible = False
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


class Scrolling(Container[Any]):
    """A part of a dock that scrolls where the window is too low for it.

    Parameters
    ----------
    inside : Container
        What is shown.
    width, height : int
        Pixels that it has at least.
    unfolding : Folding
        A part of it that is scrolled to when it is unfolded.
    """

    def __init__(self, inside: Container[Any], *, width: int, height: int, unfolding: Folding) -> None:
        self.inside = inside
        self.area = Native(_Area)
        area = self.area.native
        area.setMinimumHeight(height)
        area.least_width = width
        area.setWidget(inside.native)
        inside.native.installEventFilter(area)
        super().__init__(widgets=[self.area], labels=False)
        self.margins = (0, 0, 0, 0)

        # Once it is laid out.
        timer = QTimer(area, singleShot=True, interval=50)
        timer.timeout.connect(lambda: area.verticalScrollBar().setValue(unfolding.native.y()))
        unfolding.button.changed.connect(lambda unfolded: timer.start() if unfolded else timer.stop())

    def reset_choices(self, *_: Any) -> None:
        """Offer inside what can be chosen by now."""
        self.inside.reset_choices()


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
