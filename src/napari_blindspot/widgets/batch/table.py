"""The table of the batch widget: one row a file, its axes editable, its progress behind its state.

It shows items and says what the user does to them; what that means is decided by the widget, and what its
columns say is written in `napari_blindspot.batch.columns`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QTableView, QWidget

from napari_blindspot.batch.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_blindspot.batch import Item

__all__ = ["BatchModel", "BatchTable"]

SHOWN = tuple((column, column.cell) for column in COLUMNS if column.cell is not None)
"""The columns that this table has, each with what gives the text of its cells."""

AXES, STATE = ([column.key for column, _ in SHOWN].index(key) for key in ("axes", "state"))
"""Those that are more than text: axes can be edited, and a state has a colour and a bar."""

SHARE_ROLE = Qt.ItemDataRole.UserRole

_DARK = {"failed": "#ff9a8f", "stopped": "#ffc66d", "done": "#8fd694"}
_LIGHT = {"failed": "#a8201a", "stopped": "#8a5a00", "done": "#1c6b24"}


class BatchModel(QAbstractTableModel):  # type: ignore[misc]
    """The items of a batch as Qt asks for them.

    Attributes
    ----------
    axes_given : Signal
        The row and what the user has written into its axes.
    """

    axes_given = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self._items: list[Item] = []
        self._shares: dict[int, float] = {}
        self.editable = True
        self.colors = _DARK

    def show(self, items: Sequence[Item]) -> None:
        """Show other items."""
        self.beginResetModel()
        self._items, self._shares = list(items), {}
        self.endResetModel()

    def update(self, row: int, item: Item, share: float | None = None) -> None:
        """Show an item as it is now, and how much of it is done."""
        self._items[row] = item
        if share is not None:
            self._shares[row] = share
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(SHOWN) - 1))

    def share(self, row: int, share: float) -> None:
        """Show how much of an item is done."""
        self._shares[row] = share
        self.dataChanged.emit(self.index(row, STATE), self.index(row, STATE))

    def item(self, row: int) -> Item:
        """Return the item of a row."""
        return self._items[row]

    def set_dark(self, dark: bool) -> None:
        """Take colours that can be read on napari's background."""
        self.colors = _DARK if dark else _LIGHT

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of files."""
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(SHOWN)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return SHOWN[section][0].title
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Let axes be edited while nothing runs."""
        flags = super().flags(index)
        if index.column() == AXES and self.editable:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, its tooltip, or its colour."""
        item = self._items[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return SHOWN[index.column()][1](item)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(text for text in (str(item.source), item.reason, *item.warnings) if text)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == STATE:
            color = self.colors.get(item.state)
            return None if color is None else QColor(color)
        if role == SHARE_ROLE and index.column() == STATE and item.state == "running":
            return self._shares.get(
                index.row(), item.finished / item.plane_count if item.plane_count else 0.0
            )
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass on the axes that the user has written."""
        if role != Qt.ItemDataRole.EditRole or index.column() != AXES:
            return False
        self.axes_given.emit(index.row(), str(value).strip().upper())
        return True


class BatchTable(QTableView):  # type: ignore[misc]
    """Shows the files; takes files and folders that are dropped on it.

    Attributes
    ----------
    dropped : Signal
        A list of paths.
    opened : Signal
        The row that was double-clicked.
    chosen : Signal
        The row that the user went to.
    removed : Signal
        The rows that are to go.
    """

    dropped = Signal(list)
    opened = Signal(int)
    chosen = Signal(int)
    removed = Signal(list)

    HINT: ClassVar[str] = "Drop images or folders here,\nor add them with the buttons above."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(BatchModel())
        self.setItemDelegateForColumn(STATE, _ProgressDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for number, (column, _) in enumerate(SHOWN):
            if column.sample:
                self.setColumnWidth(number, self.fontMetrics().horizontalAdvance(column.sample) + 14)
        self.setMinimumHeight(160)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DropOnly)
        self.doubleClicked.connect(self._on_double_click)
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))

    def selected_rows(self) -> list[int]:
        """Return the selected rows, in order."""
        return sorted({index.row() for index in self.selectionModel().selectedRows()})

    def keyPressEvent(self, event: Any) -> None:
        """Remove the selected rows by the Delete key."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self.selected_rows())
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: Any) -> None:
        """Welcome files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: Any) -> None:
        """Welcome files everywhere, not only on rows."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Pass on the files that were dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def paintEvent(self, event: Any) -> None:
        """Say what an empty table is for."""
        super().paintEvent(event)
        if self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            color = self.palette().color(self.foregroundRole())
            color.setAlpha(150)
            painter.setPen(color)
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self.HINT)
            painter.end()

    def _on_double_click(self, index: QModelIndex) -> None:
        if index.column() != AXES:
            self.opened.emit(index.row())


class _ProgressDelegate(QStyledItemDelegate):  # type: ignore[misc]
    """Draws a bar behind the state of a row that is being denoised."""

    def paint(self, painter: QPainter, option: Any, index: QModelIndex) -> None:
        share = index.data(SHARE_ROLE)
        if share is not None:
            area = QRectF(option.rect).adjusted(1, 2, -1, -2)
            color = option.palette.highlight().color()
            color.setAlpha(60)
            painter.fillRect(area, color)
            color.setAlpha(170)
            area.setWidth(area.width() * float(share))
            painter.fillRect(area, color)
        super().paint(painter, option, index)
