"""What the Inspect dock shows below its sentence: a table, and figures as pictures.

Both are drawn by Qt. What is in them belongs to `napari_blindspot.widgets.inspect.questions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QResizeEvent

__all__ = ["AnswerTable", "FigureList"]

LEAST_HEIGHT, LEAST_WIDTH = 200, 290
"""Pixels of the dock that figures have at least; the rest is scrolled to."""


class AnswerTable(QTableWidget):  # type: ignore[misc]
    """A few rows of text below their heads, as high as they are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A bar would cover the last row, whose height the table has.
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.show_rows((), ())

    def show_rows(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show other rows; without any the table is not seen."""
        self.setColumnCount(len(heads))
        self.setRowCount(len(rows))
        self.setHorizontalHeaderLabels(list(heads))
        for at, row in enumerate(rows):
            for column, text in enumerate(row):
                self.setItem(at, column, QTableWidgetItem(text))
        self.resizeRowsToContents()
        height = sum(self.rowHeight(at) for at in range(len(rows)))
        self.setFixedHeight(height + self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth())
        self.setVisible(bool(rows))

    @property
    def cells(self) -> list[list[str]]:
        """The text that is shown."""
        return [
            [self.item(row, column).text() for column in range(self.columnCount())]
            for row in range(self.rowCount())
        ]


class FigureList(QScrollArea):  # type: ignore[misc]
    """Figures of matplotlib below one another, as pictures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        inside = QWidget()
        self._rows = QVBoxLayout(inside)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.addStretch()
        self._pictures: list[tuple[QLabel, QPixmap]] = []
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_pictures(self, pictures: list[bytes]) -> None:
        """Show PNG images instead of those before."""
        while self._rows.count() > 1:
            self._rows.takeAt(0).widget().deleteLater()
        self._pictures = []
        for content in pictures:
            picture, label = QPixmap(), QLabel()
            picture.loadFromData(content)
            self._pictures.append((label, picture))
            self._rows.insertWidget(self._rows.count() - 1, label)
        # Never as needed: the bar changes the room, and the room the height.
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAlwaysOn if pictures else policy.ScrollBarAlwaysOff)
        self.setMinimumHeight(LEAST_HEIGHT if pictures else 0)
        self._scale()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the pictures follow the width of the dock."""
        super().resizeEvent(event)
        self._scale()

    def _scale(self) -> None:
        """Make every picture as wide as there is room, and no wider than it was drawn."""
        room = max(self.viewport().width(), 1)
        for label, picture in self._pictures:
            width = min(picture.width(), room)
            label.setPixmap(picture.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation))
            # A label asks for the width of its pixmap, and would keep the dock from getting narrower.
            label.setMinimumWidth(1)

    @property
    def room(self) -> int:
        """How wide a picture is that fits, in pixels; what is not on a screen yet has the least room."""
        return int(max(self.width() - self.verticalScrollBar().sizeHint().width(), LEAST_WIDTH))

    @property
    def count(self) -> int:
        """How many pictures are shown."""
        return int(self._rows.count()) - 1
