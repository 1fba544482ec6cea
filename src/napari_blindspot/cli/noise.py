"""The command ``noise``: what the noise of a file looks like, and what the preset ``auto`` makes of it.

It measures and reports, and needs neither a fit nor torch. Of a stack it reads the planes that it measures
and no others. How the noise is measured belongs to `napari_blindspot.noise.estimate`, what follows from it
to `napari_blindspot.noise.gap_choice`, the drawing to `noise_picture`.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.cli.exits import say
from napari_blindspot.cli.groups import FileChoice
from napari_blindspot.cli.noise_picture import Panel, require_matplotlib, save_noise_picture
from napari_blindspot.cli.noise_table import percent, print_measurement
from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.core.plane import check_plane
from napari_blindspot.core.words import sentence
from napari_blindspot.files.door import open_image
from napari_blindspot.files.safe_write import check_writable
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import MeasuredSettings
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.files.image_file import ImageFile

__all__ = ["Measurement", "measure_channels", "report_noise"]

MOST_PLANES = 24
"""Planes of a stack that are measured, evenly spaced: more of them hardly narrow the errors."""

MOST_PIXELS = 2**25
"""Pixels that are measured at once; of large planes fewer are taken, so that memory stays bounded."""

SAMPLE_SIZE = 200_000
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
    choice: FileChoice | None = None,
    *,
    as_json: bool = False,
    picture: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Measure the noise of a file and print it.

    Parameters
    ----------
    source : Path
        Whatever `napari_blindspot.files.door.open_image` opens.
    choice : FileChoice, optional
        Which image of a file with several, what its axes are, and the colour sample or channel to measure;
        each channel if none is given.
    as_json : bool
        Print JSON instead of tables: an object, or an array of them where there are several channels.
    picture : Path, optional
        The PNG to draw.
    overwrite : bool
        Whether a picture that is there may be replaced.

    Raises
    ------
    BlindspotError
        For whatever is wrong with the file, the choice or the picture's name.
    """
    chosen = FileChoice() if choice is None else choice
    if picture is not None:
        _check_picture(source, picture, overwrite)
    image = open_image(source, series=chosen.series, axes=chosen.axes)
    for note in image.notes:
        say(note)
    found = measure_channels(image, chosen.channel)
    if picture is not None:
        check_writable(picture, len(found) * PICTURE_SIZE)
        drawn = _draw(picture, found)
    if as_json:
        figures = [measurement.as_dict() for measurement in found]
        print(json.dumps(figures[0] if len(figures) == 1 else figures, indent=2))
        return
    for measurement in found:
        print_measurement(measurement, titled=len(found) > 1)
    if picture is not None and drawn:
        print(picture)


def measure_channels(image: ImageFile, channel: int | None = None) -> list[Measurement]:
    """Measure one channel of an image, or each of them; the transparency of a colour image is left out.

    Parameters
    ----------
    image : ImageFile
        A plane or a stack; of a stack, the planes that are measured are read.
    channel : int, optional
        Counted from 0.

    Raises
    ------
    ImageError
        If there is no such channel or no plane, or one that is measured holds no intensities that could
        be denoised; in a stack the sentence says which.
    """
    if channel is not None:
        numbers = [channel]
    else:
        numbers = list(range(min(image.channels, 3) if image.is_rgb else image.channels))
    return [_measure(image, number) for number in numbers]


def _measure(image: ImageFile, number: int) -> Measurement:
    one = image.channel(number)
    indices = plane_indices(one.shape)
    if not indices:
        raise ImageError(f"The image is empty: its shape is {one.shape}.")
    chosen = _evenly(indices, math.prod(one.shape[-2:]))
    planes = np.stack([_read(one, index) for index in chosen])
    known = planes[np.isfinite(planes)]
    model = estimate_noise(planes)
    if model.measured:
        # The plan looks at one plane's signal; the middle of a stack is where most of it tends to be.
        middle = planes[len(planes) // 2]
        verdict = sentence(make_plan(middle, model, MeasuredSettings()).notice)
    else:
        verdict = _why_not(known, model)
    if image.is_rgb:
        name = _COLOURS[number] if number < len(_COLOURS) else "transparency"
    else:
        name = one.channel_names[0] if one.channel_names else ""
    return Measurement(
        channel=number,
        name=name,
        model=model,
        sentence=verdict,
        measured=len(chosen),
        planes=len(indices),
        median=float(np.median(known)),
        sample=known[:: max(1, known.size // SAMPLE_SIZE)].copy(),
    )


def _read(image: ImageFile, index: tuple[int, ...]) -> npt.NDArray[Any]:
    """Read the plane of an index into the leading axes, (Y, X), and see that it can be denoised."""
    plane: npt.NDArray[Any] = np.asarray(image.array[index])
    try:
        check_plane(plane)
    except ImageError as error:
        if not index:
            raise
        place = ", ".join(f"{axis}={number}" for axis, number in zip(image.axes, index, strict=False))
        raise ImageError(f"Plane {place}: {error}") from None
    return plane


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
            f"Nothing could be measured: {percent(model.clipped_low)} of the pixels are clipped at the "
            f"lowest value, {low:g}, and {percent(model.clipped_high)} at the highest, {high:g}."
        )
    return "Nothing could be measured: hardly any part of the image is free of NaN and varies."


def _check_picture(source: Path, picture: Path, overwrite: bool) -> None:
    """Refuse a picture that cannot be drawn, or a name that would lose data, before anything is read."""
    require_matplotlib()
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
