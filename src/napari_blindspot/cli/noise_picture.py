"""The picture of the command ``noise``: variance over intensity, and the correlation of neighbours.

Drawn for people to look at, with Pillow alone; the numbers come from `napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.files.safe_write import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL.ImageDraw import ImageDraw

    from napari_blindspot.noise.estimate import NoiseModel

__all__ = ["Panel", "save_noise_picture"]

LAGS = 3
"""Longest lag that is drawn, in pixels."""

_FONT = 22
_CELL = 76
_SIDE = (2 * LAGS + 1) * _CELL
_PLOT_WIDTH = 720
_LEFT, _TOP, _BOTTOM, _BETWEEN, _RIGHT = 110, 84, 84, 130, 30
_WIDTH = _LEFT + _PLOT_WIDTH + _BETWEEN + _SIDE + _RIGHT
_HEIGHT = _TOP + _SIDE + _BOTTOM

_BLACK, _GREY, _PALE = (0, 0, 0), (110, 110, 110), (222, 222, 222)
_BLUE, _RED = (33, 102, 172), (178, 24, 43)
_TICK, _MARK, _BINS = 8, 9, 60


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn of one channel.

    Attributes
    ----------
    label : str
        Written above it, or empty.
    model : NoiseModel
        A measured one.
    median : float
        The intensity at which `model.sigma` holds.
    sample : ndarray
        (N,) intensities, of which the histogram is drawn.
    """

    label: str
    model: NoiseModel
    median: float
    sample: npt.NDArray[Any]


def save_noise_picture(path: Path, panels: Sequence[Panel]) -> None:
    """Write a PNG with a row for each channel: the line on the left, the correlation on the right.

    Parameters
    ----------
    path : Path
        The PNG to write; replaced if it is there.
    panels : sequence of Panel
        At least one.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (_WIDTH, len(panels) * _HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, panel in enumerate(panels):
        top = number * _HEIGHT + _TOP
        _draw_line(draw, panel, top)
        _draw_correlation(draw, panel.model, top)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")


def _draw_line(draw: ImageDraw, panel: Panel, top: int) -> None:
    """Draw variance over intensity above the histogram, which shows where the line has pixels under it."""
    low, high = (float(limit) for limit in np.percentile(panel.sample, (0.1, 99.9)))
    if not high > low:
        low, high = float(panel.sample.min()), float(panel.sample.max())
    zero = -panel.model.offset / panel.model.gain if panel.model.gain else low
    intensities = np.array([low, min(max(zero, low), high), high])
    variances = panel.model.variance(intensities)
    highest = 1.1 * max(float(variances.max()), panel.model.sigma**2)
    right, bottom = _LEFT + _PLOT_WIDTH, top + _SIDE

    def at(intensity: float, variance: float) -> tuple[float, float]:
        x = _LEFT + _PLOT_WIDTH * (intensity - low) / (high - low)
        return x, bottom - _SIDE * variance / highest

    counts, edges = _histogram(panel.sample, low, high)
    for count, first, last in zip(counts, edges, edges[1:], strict=False):
        peak = bottom - 0.9 * _SIDE * count / max(counts.max(), 1)
        sides = [min(max(at(edge, 0)[0], _LEFT), right) for edge in (first, last)]
        draw.rectangle((sides[0], peak, sides[1], bottom), fill=_PALE)
    draw.line([at(*point) for point in zip(intensities, variances, strict=True)], fill=_BLUE, width=4)
    x, y = at(panel.median, panel.model.sigma**2)
    draw.ellipse((x - _MARK, y - _MARK, x + _MARK, y + _MARK), fill=_RED)

    draw.rectangle((_LEFT, top, right, bottom), outline=_BLACK, width=2)
    for tick in _ticks(low, high):
        x, _ = at(tick, 0)
        draw.line((x, bottom, x, bottom + _TICK), fill=_BLACK, width=2)
        _write(draw, (x, bottom + _TICK + 4), f"{tick:g}", "ma")
    for tick in _ticks(0.0, highest):
        _, y = at(low, tick)
        draw.line((_LEFT - _TICK, y, _LEFT, y), fill=_BLACK, width=2)
        _write(draw, (_LEFT - _TICK - 4, y), f"{tick:g}", "rm")
    label = f"{panel.label}: " if panel.label else ""
    _write(draw, (_LEFT, top - 44), f"{label}variance of the noise over intensity", "ls")
    mark = f"sigma {panel.model.sigma:.4g} at the median, {panel.median:.4g}"
    _write(draw, (_LEFT, top - 14), f"gain {panel.model.gain:.4g}", "ls", _BLUE)
    _write(draw, (right, top - 14), mark, "rs", _RED)
    _write(draw, ((_LEFT + right) / 2, bottom + 48), "intensity (grey: how frequent)", "ma", _GREY)


def _histogram(
    sample: npt.NDArray[Any], low: float, high: float
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Return counts and edges of about 60 bins; of integers each holds as many values as the next."""
    if sample.dtype.kind == "f":
        return np.histogram(sample, bins=_BINS, range=(low, high))
    width = math.ceil((high - low + 1) / _BINS)
    edges = np.arange(math.floor(low) - 0.5, high + width, width)
    return np.histogram(sample, bins=edges)


def _draw_correlation(draw: ImageDraw, model: NoiseModel, top: int) -> None:
    """Draw the correlation as a map: blue shares noise, red opposes it, white knows nothing of it."""
    left = _LEFT + _PLOT_WIDTH + _BETWEEN
    c = len(model.correlation) // 2
    lags = range(-min(LAGS, c), min(LAGS, c) + 1)
    for row, dy in enumerate(lags):
        y = top + row * _CELL
        _write(draw, (left - 12, y + _CELL / 2), f"{dy}", "rm")
        for column, dx in enumerate(lags):
            x = left + column * _CELL
            value = float(model.correlation[c + dy, c + dx])
            draw.rectangle((x, y, x + _CELL, y + _CELL), fill=_colour(value), outline=_PALE)
            ink = "white" if abs(value) > 0.55 else _BLACK
            # Adding 0 turns -0.00 into 0.00.
            _write(draw, (x + _CELL / 2, y + _CELL / 2), f"{round(value, 2) + 0.0:.2f}", "mm", ink)
    for column, dx in enumerate(lags):
        _write(draw, (left + (column + 0.5) * _CELL, top + _SIDE + _TICK + 4), f"{dx}", "ma")
    _write(draw, (left, top - 44), "correlation of the noise", "ls")
    _write(draw, (left, top - 14), f"each ± {model.correlation_error:.2g}", "ls", _GREY)
    _write(draw, (left + _SIDE / 2, top + _SIDE + 48), "lag in pixels: x across, y down", "ma", _GREY)


def _colour(value: float) -> str:
    ink = _BLUE if value > 0 else _RED
    share = min(abs(value), 1.0)
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in ink)


def _ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between two limits."""
    coarse = (high - low) / most
    power = 10.0 ** math.floor(math.log10(coarse))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= coarse)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [step * number for number in range(first, last + 1)]


def _write(
    draw: ImageDraw,
    position: tuple[float, float],
    text: str,
    anchor: str,
    ink: tuple[int, int, int] | str = _BLACK,
) -> None:
    from PIL import ImageFont

    draw.text(position, text, fill=ink, font=ImageFont.load_default(size=_FONT), anchor=anchor)
