"""A live curve of the losses, drawn with Qt alone.

Which losses there are is written in `napari_blindspot.method.losses`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_blindspot.method.losses import LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qtpy.QtGui import QPaintEvent

    from napari_blindspot.core.events import Step
    from napari_blindspot.method.losses import Loss

__all__ = ["LossCurve"]

MOST_POINTS = 1000
"""Points that are kept; a longer curve loses every other one."""


class LossCurve(QWidget):  # type: ignore[misc]
    """The losses of the plane at work against the iteration, on a logarithmic axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[int, dict[str, float]]] = []
        self._every = 1
        self._seen = 0
        self._end = 1
        self._dark = True
        self._text = "#f0f1f2"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("The losses of each iteration: they fall while the two networks learn the image.")

    def sizeHint(self) -> QSize:
        """Return a size that fits under the form."""
        return QSize(200, 80)

    @property
    def points(self) -> int:
        """How many points the curve has."""
        return len(self._points)

    def set_theme(self, text: str, dark: bool) -> None:
        """Take colours that can be read on napari's background."""
        self._text = text
        self._dark = dark
        self.update()

    def clear(self) -> None:
        """Forget all points."""
        self._points = []
        self._every = 1
        self._seen = 0
        self.update()

    def add(self, steps: Iterable[Step]) -> None:
        """Add iterations."""
        for step in steps:
            last = self._points[-1][0] if self._points else 0
            if step.iteration == last:
                # Nothing new: the networks only predict.
                continue
            if step.iteration < last:
                # The iterations of the next plane begin anew.
                self.clear()
            self._end = step.iterations
            self._seen += 1
            if self._seen % self._every == 0 or not self._points:
                logs = {name: math.log10(loss) for name, loss in step.losses.items() if loss > 0}
                self._points.append((step.iteration, logs))
        while len(self._points) > MOST_POINTS:
            self._points = self._points[::2]
            self._every *= 2
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw frame, legend and lines."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = painter.fontMetrics().height()
        frame = QRectF(self.rect()).adjusted(0.5, line + 2.5, -0.5, -0.5)
        faint = QColor(self._text)
        faint.setAlphaF(0.35)
        painter.setPen(QPen(faint, 1.0))
        painter.drawRect(frame)
        self._draw_legend(painter, line)
        if len(self._points) >= 2:
            self._draw_lines(painter, frame.adjusted(2, 4, -2, -4))
        painter.end()

    def _draw_legend(self, painter: QPainter, line: int) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(QColor(self._text))
        painter.drawText(QPointF(0, metrics.ascent()), "Losses")
        right = float(self.width())
        for loss in reversed(LOSSES.values()):
            right -= metrics.horizontalAdvance(loss.label)
            painter.setPen(self._color(loss))
            painter.drawText(QPointF(right, metrics.ascent()), loss.label)
            right -= line * 0.7

    def _draw_lines(self, painter: QPainter, frame: QRectF) -> None:
        values = [value for _, logs in self._points for value in logs.values()]
        if not values:
            return
        low, high = min(values), max(values)
        high = max(high, low + 0.1)
        for loss in LOSSES.values():
            line = QPolygonF(
                [
                    QPointF(
                        frame.left() + frame.width() * iteration / max(self._end, 1),
                        frame.bottom() - frame.height() * (logs[loss.name] - low) / (high - low),
                    )
                    for iteration, logs in self._points
                    if loss.name in logs
                ]
            )
            painter.setPen(QPen(self._color(loss), 1.4, Qt.PenStyle.SolidLine))
            painter.drawPolyline(line)

    def _color(self, loss: Loss) -> QColor:
        on_dark, on_light = loss.colours
        return QColor(on_dark if self._dark else on_light)
