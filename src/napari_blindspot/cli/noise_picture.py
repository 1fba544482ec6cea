"""The picture of the command ``noise``: variance over intensity, and the correlation of neighbours.

Drawn for people to look at, by matplotlib, which the extra ``plots`` installs. The numbers come from
`napari_blindspot.noise.estimate`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.files.safe_write import atomic_path
from napari_blindspot.plots.ink import needs_matplotlib

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.cli.noise_measurement import ChannelNoise
    from napari_blindspot.core.noise_model import NoiseModel

__all__ = ["save_noise_picture"]

MAX_LAG = 3
"""Longest lag that is drawn, in pixels."""

BINS = 60
"""Bars of the histogram, about."""

_LINE_COLOUR, _MARK_COLOUR, _BAR_COLOUR = "#2166ac", "#b2182b", "#dedede"


def save_noise_picture(path: Path, channels: Sequence[ChannelNoise], titled: bool) -> None:
    """Write a PNG with a row for each channel: the line on the left, the correlation on the right.

    Parameters
    ----------
    path : Path
        The PNG to write; replaced if it is there.
    channels : sequence of ChannelNoise
        At least one, all of them measured.
    titled : bool
        Whether the name of each is written above its row.

    Raises
    ------
    BlindspotError
        If matplotlib is not installed.
    FileError
        If the file cannot be written.
    """
    needs_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 5.2 * len(channels)), layout="constrained")
    rows = figure.subplots(len(channels), 2, squeeze=False, width_ratios=(1.3, 1.0))
    for channel, (line, correlation) in zip(channels, rows, strict=True):
        _draw_line(line, channel)
        line.set_title(channel.label if titled else "", loc="left")
        _draw_correlation(correlation, channel.model)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _draw_line(axes: Any, channel: ChannelNoise) -> None:
    """Draw variance over intensity above the histogram, which shows where the line has pixels under it."""
    model, sample = channel.model, channel.sample
    low, high = (float(limit) for limit in np.percentile(sample, (0.1, 99.9)))
    if not high > low:
        low, high = float(sample.min()), float(sample.max())
    # Where its variance reaches 0, the line has a kink.
    zero = -model.offset / model.gain if model.gain else low
    intensities = np.array([low, min(max(zero, low), high), high])
    axes.plot(
        intensities,
        model.variance(intensities),
        color=_LINE_COLOUR,
        linewidth=2.5,
        label=f"gain {model.gain:.4g}",
    )
    mark = f"sigma {model.sigma:.4g} at the median, {channel.median:.4g}"
    axes.plot(channel.median, model.sigma**2, "o", color=_MARK_COLOUR, markersize=9, label=mark)
    axes.set(xlim=(low, high), xlabel="intensity (grey: how frequent)", ylabel="variance of the noise")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", framealpha=1.0)
    frequency = axes.twinx()
    frequency.hist(sample, bins=_edges(sample, low, high), color=_BAR_COLOUR)
    frequency.set_yticks([])
    # The histogram lies behind the line.
    axes.set_zorder(frequency.get_zorder() + 1)
    axes.patch.set_visible(False)


def _edges(sample: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.float64]:
    """Return the edges of about `BINS` bars; of integers each bar holds as many values as the next."""
    if sample.dtype.kind == "f":
        return np.linspace(low, high, BINS + 1)
    width = math.ceil((high - low + 1) / BINS)
    return np.arange(math.floor(low) - 0.5, high + width, width)


def _draw_correlation(axes: Any, model: NoiseModel) -> None:
    """Draw the correlation as a map: blue shares noise, red opposes it, white knows nothing of it."""
    from matplotlib.colors import LinearSegmentedColormap

    centre = len(model.correlation) // 2
    lag = min(MAX_LAG, centre)
    values = model.correlation[centre - lag : centre + lag + 1, centre - lag : centre + lag + 1]
    colours = LinearSegmentedColormap.from_list("correlation", (_MARK_COLOUR, "white", _LINE_COLOUR))
    limits = (-lag - 0.5, lag + 0.5, lag + 0.5, -lag - 0.5)
    axes.imshow(values, cmap=colours, vmin=-1, vmax=1, extent=limits)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if abs(value) > 0.55 else "black"
        # Adding 0 turns -0.00 into 0.00.
        axes.text(
            column - lag, row - lag, f"{round(value, 2) + 0.0:.2f}", color=ink, ha="center", va="center"
        )
    axes.set_title(f"correlation of the noise, each ± {model.correlation_error:.2g}", loc="left")
    axes.set(xlabel="lag in x, in pixels", ylabel="lag in y, in pixels")
