"""The table of the command ``noise``: a row for each figure, with its error and what it means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_blindspot.cli.noise_measurement import percent

if TYPE_CHECKING:
    from napari_blindspot.cli.noise_measurement import ChannelNoise

__all__ = ["print_measurement"]


def print_measurement(measurement: ChannelNoise, titled: bool) -> None:
    """Print the table of a channel and the sentences below it; of one without a measurement, these alone.

    Parameters
    ----------
    measurement : ChannelNoise
        Of the channel.
    titled : bool
        Whether its name is written above.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    if titled:
        print(measurement.label[0].upper() + measurement.label[1:])
    if measurement.model.measured:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("noise")
        table.add_column("measured", no_wrap=True)
        table.add_column("meaning", style="dim")
        for row in _rows(measurement):
            table.add_row(*row)
        Console(highlight=False).print(table)
    for line in (measurement.sentence, *measurement.warnings):
        print(line)


def _rows(measurement: ChannelNoise) -> list[tuple[str, str, str]]:
    model = measurement.model
    c = len(model.correlation) // 2
    x, y = (float(model.correlation[index]) for index in ((c, c + 1), (c + 1, c)))
    error = model.correlation_error
    return [
        ("gain", _figure(model.gain, model.gain_error), "variance per intensity"),
        ("offset", _figure(model.offset, model.offset_error), "variance at intensity 0"),
        ("sigma", f"{model.sigma:.4g}", f"at the median intensity, {measurement.median:.4g}"),
        ("correlation x", f"{x:.2f} ± {error:.2g}", "with the next pixel in x"),
        ("correlation y", f"{y:.2f} ± {error:.2g}", "with the next pixel in y"),
        ("reach", f"{model.reach} px", "longest lag that shares a tenth"),
        ("scan lines", percent(model.scan_line), "share of variance common to a row"),
        ("clipped low", percent(model.clipped_low), "pixels at the lowest value"),
        ("clipped high", percent(model.clipped_high), "pixels at the highest value"),
        ("planes", f"{measurement.measured} of {measurement.planes}", "measured together"),
    ]


def _figure(value: float, error: float) -> str:
    """Return a value with as many digits as its error allows."""
    if error <= 0:
        return f"{value:.4g}"
    digits = 1 - math.floor(math.log10(error))
    if digits > 6:
        return f"{value:.3e} ± {error:.1e}"
    return f"{value:.{max(digits, 0)}f} ± {error:.{max(digits, 0)}f}"
