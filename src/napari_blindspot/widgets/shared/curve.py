"""A live curve of the three losses, drawn with Qt alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qtpy.QtGui import QPaintEvent

    from napari_blindspot.core.events import Step

__all__ = ["LossCurve"]

NAMES = ("denoising", "INR", "consistency")
ON_DARK = ("#56b4e9", "#f0a830", "#3fcf9f")
ON_LIGHT = ("#0072b2", "#b85c00", "#00805c")
"""Colours that also those who see no red and green can tell apart (Okabe and Ito), in both themes."""

MOST_POINTS = 1000
"""Points that are kept; a longer curve loses every other one."""


class LossCurve(QWidget):  # type: ignore[misc]
    """The losses of the plane at work against the iteration, on a logarithmic axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[float, ...]] = []
        self._every = 1
        self._seen = 0
        self._end = 1
        self._colors = ON_DARK
        self._text = "#f0f1f2"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("The losses of each iteration: they fall while the two networks learn the image.")

    def sizeHint(self) -> QSize:
        """Return a size that fits under the form."""
        return QSize(200, 96)

    @property
    def points(self) -> int:
        """How many points the curve has."""
        return len(self._points)

    def set_theme(self, text: str, dark: bool) -> None:
        """Take colours that can be read on napari's background."""
        self._text = text
        self._colors = ON_DARK if dark else ON_LIGHT
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
                losses = (step.denoising, step.inr, step.consistency)
                self._points.append((step.iteration, *(_log(loss) for loss in losses)))
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
        for name, color in reversed(list(zip(NAMES, self._colors, strict=True))):
            right -= metrics.horizontalAdvance(name)
            painter.setPen(QColor(color))
            painter.drawText(QPointF(right, metrics.ascent()), name)
            right -= line * 0.7

    def _draw_lines(self, painter: QPainter, frame: QRectF) -> None:
        values = [v for point in self._points for v in point[1:] if not math.isnan(v)]
        if not values:
            return
        low, high = min(values), max(values)
        high = max(high, low + 0.1)
        for column, color in enumerate(self._colors, start=1):
            line = QPolygonF(
                [
                    QPointF(
                        frame.left() + frame.width() * point[0] / max(self._end, 1),
                        frame.bottom() - frame.height() * (point[column] - low) / (high - low),
                    )
                    for point in self._points
                    if not math.isnan(point[column])
                ]
            )
            painter.setPen(QPen(QColor(color), 1.4, Qt.PenStyle.SolidLine))
            painter.drawPolyline(line)


def _log(loss: float) -> float:
    return math.log10(loss) if loss > 0 else math.nan
