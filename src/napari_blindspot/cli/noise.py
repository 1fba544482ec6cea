"""The command ``noise``: what the noise of a file looks like, and what the preset ``auto`` makes of it.

It measures and reports, and needs neither a fit nor torch. How the noise is measured belongs to
`napari_blindspot.noise.estimate`, what follows from it to `napari_blindspot.noise.gap_choice`, the drawing
to `noise_picture`.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.cli.exits import say
from napari_blindspot.cli.noise_picture import Panel, save_noise_picture
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import read_image
from napari_blindspot.files.safe_write import check_writable
from napari_blindspot.jobs.file_run import check_planes
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import Settings
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.noise.estimate import NoiseModel

__all__ = ["Measurement", "measure_channels", "report_noise"]

MOST_PLANES = 24
"""Planes of a stack that are measured, evenly spaced: more of them hardly narrow the errors."""

MOST_PIXELS = 2**25
"""Pixels that are measured at once; of large planes fewer are taken, so that memory stays bounded."""

SAMPLE = 200_000
"""About so many pixels are kept for the histogram in the picture."""

PICTURE_SIZE = 500_000
"""Bytes that a picture needs at most for each channel."""

_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class Measurement:
    """The noise of one channel.

    Attributes
    ----------
    channel : int
        Counted from 0.
    name : str
        The channel's name in the file, or its colour; empty if it has none.
    model : NoiseModel
        What was measured.
    sentence : str
        What the preset ``auto`` would do, or why nothing could be measured.
    measured, planes : int
        How many planes were measured, and how many there are.
    median : float
        Of the intensities.
    sample : ndarray
        (N,) some of the intensities, for a histogram.
    """

    channel: int
    name: str
    model: NoiseModel
    sentence: str
    measured: int
    planes: int
    median: float
    sample: npt.NDArray[Any]

    @property
    def label(self) -> str:
        """The channel's number, with its name if it has one."""
        return f"channel {self.channel}" + f" ({self.name})" * bool(self.name)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures of the model, the channel and the sentence, plain enough for JSON."""
        return {"channel": self.channel, **self.model.as_dict(), "sentence": self.sentence}


def report_noise(
    source: Path,
    channel: int | None = None,
    *,
    as_json: bool = False,
    picture: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Measure the noise of a file and print it.

    Parameters
    ----------
    source : Path
        TIFF, OME-TIFF or PNG.
    channel : int, optional
        The colour sample or channel to measure; each of them if not given.
    as_json : bool
        Print JSON instead of tables: an object, or an array of them where there are several channels.
    picture : Path, optional
        The PNG to draw.
    overwrite : bool
        Whether a picture that is there may be replaced.

    Raises
    ------
    BlindspotError
        For whatever is wrong with the file, the channel or the picture's name.
    """
    if picture is not None:
        _check_picture(source, picture, overwrite)
    image = read_image(source)
    for note in image.notes:
        say(note)
    found = measure_channels(image, channel)
    if picture is not None:
        check_writable(picture, len(found) * PICTURE_SIZE)
        drawn = _draw(picture, found)
    if as_json:
        figures = [measurement.as_dict() for measurement in found]
        print(json.dumps(figures[0] if len(figures) == 1 else figures, indent=2))
        return
    for measurement in found:
        _print(measurement, titled=len(found) > 1)
    if picture is not None and drawn:
        print(picture)


def measure_channels(image: ImageFile, channel: int | None = None) -> list[Measurement]:
    """Measure one channel of an image, or each of them; the transparency of a colour image is left out.

    Parameters
    ----------
    image : ImageFile
        A plane or a stack.
    channel : int, optional
        Counted from 0.

    Raises
    ------
    ImageError
        If there is no such channel, or a plane holds no intensities that could be denoised.
    """
    if channel is not None:
        numbers = [channel]
    else:
        numbers = list(range(min(image.channels, 3) if image.is_rgb else image.channels))
    return [_measure(image, number) for number in numbers]


def _measure(image: ImageFile, number: int) -> Measurement:
    one = image.channel(number)
    check_planes(one)
    indices = plane_indices(one.shape)
    chosen = _evenly(indices, math.prod(one.array.shape[-2:]))
    planes = np.stack([one.array[index] for index in chosen])
    known = planes[np.isfinite(planes)]
    model = estimate_noise(planes)
    if model.measured:
        # The plan looks at one plane's signal; the middle of a stack is where most of it tends to be.
        middle = planes[len(planes) // 2]
        sentence = make_plan(middle, model, Settings.from_preset("auto")).sentence
    else:
        sentence = _why_not(known, model)
    if image.is_rgb:
        name = _COLOURS[number] if number < len(_COLOURS) else "transparency"
    else:
        name = one.channel_names[0] if one.channel_names else ""
    return Measurement(
        channel=number,
        name=name,
        model=model,
        sentence=sentence,
        measured=len(chosen),
        planes=len(indices),
        median=float(np.median(known)),
        sample=known[:: max(1, known.size // SAMPLE)].copy(),
    )


def _evenly(indices: Sequence[tuple[int, ...]], pixels: int) -> list[tuple[int, ...]]:
    """Choose planes of so many pixels, evenly spaced from the first to the last."""
    count = min(len(indices), MOST_PLANES, max(1, MOST_PIXELS // pixels))
    if count == 1:
        return [indices[len(indices) // 2]]
    return [indices[round(position)] for position in np.linspace(0, len(indices) - 1, count)]


def _why_not(known: npt.NDArray[Any], model: NoiseModel) -> str:
    low, high = known.min(), known.max()
    if low == high:
        return f"Nothing could be measured: all pixels have the same value, {low:g}."
    if model.clipped_low or model.clipped_high:
        return (
            f"Nothing could be measured: {_percent(model.clipped_low)} of the pixels are clipped at the "
            f"lowest value, {low:g}, and {_percent(model.clipped_high)} at the highest, {high:g}."
        )
    return "Nothing could be measured: hardly any part of the image is free of NaN and varies."


def _check_picture(source: Path, picture: Path, overwrite: bool) -> None:
    """Refuse a name that would lose data or that no picture can have, before anything is read."""
    if picture.suffix.lower() != ".png":
        raise FileError(f"The picture {picture} is a PNG, so its name must end in .png.")
    if picture.exists() and source.exists() and os.path.samefile(picture, source):
        raise FileError(f"The picture {picture} is the input itself; choose another name.")
    check_writable(picture)
    if picture.exists() and not overwrite:
        raise FileError(f"The picture {picture} is there already; give --overwrite or another name.")


def _draw(picture: Path, found: Sequence[Measurement]) -> bool:
    """Draw the channels that were measured; tell whether there were any."""
    panels = [
        Panel(one.label if len(found) > 1 else "", one.model, one.median, one.sample)
        for one in found
        if one.model.measured
    ]
    if panels:
        save_noise_picture(picture, panels)
    else:
        say(f"There is nothing to draw, so {picture} was not written.")
    return bool(panels)


def _print(measurement: Measurement, titled: bool) -> None:
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
    print(measurement.sentence)


def _rows(measurement: Measurement) -> list[tuple[str, str, str]]:
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
        ("scan lines", _percent(model.scan_line), "share of variance common to a row"),
        ("clipped low", _percent(model.clipped_low), "pixels at the lowest value"),
        ("clipped high", _percent(model.clipped_high), "pixels at the highest value"),
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


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %" if fraction < 0.1 else f"{100 * fraction:.0f} %"
