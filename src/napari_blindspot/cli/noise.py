"""The command ``noise``: what the noise of a file looks like, and what the preset ``auto`` makes of it.

It needs neither a fit nor torch. Of a stack it reads the planes that it measures and no others. Which those
are belongs to `noise_measurement`, the table to `noise_table`, the drawing to `noise_picture`.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING

from napari_blindspot.cli.exits import notice_with_flag, say
from napari_blindspot.cli.groups import FileChoice
from napari_blindspot.cli.noise_measurement import measure_channels
from napari_blindspot.cli.noise_picture import save_noise_picture
from napari_blindspot.cli.noise_table import print_measurement
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import open_image
from napari_blindspot.files.safe_write import check_writable
from napari_blindspot.plots.ink import needs_matplotlib

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_blindspot.cli.noise_measurement import ChannelNoise

__all__ = ["report_noise"]

QUICK = 2**22
"""Pixels of an image that is measured in about a second; of a larger one a line says what goes on."""

PICTURE_SIZE = 500_000
"""Bytes that a picture needs at most for each channel."""


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
    image = open_image(
        source,
        series=chosen.series,
        axes=chosen.axes,
        split=chosen.split,
        voxel_size=chosen.voxel_size,
    )
    for notice in image.notices:
        say(notice_with_flag(notice))
    if math.prod(image.shape) > QUICK:
        height, width = (image.shape[image.axes.index(axis)] for axis in "YX")
        say(f"Measuring the noise on planes of {height}×{width} pixels.")
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


def _check_picture(source: Path, picture: Path, overwrite: bool) -> None:
    """Refuse a picture that cannot be drawn, or a name that would lose data, before anything is read."""
    needs_matplotlib()
    if picture.suffix.lower() != ".png":
        raise FileError(f"The picture {picture} is a PNG, so its name must end in .png.")
    if picture.exists() and source.exists() and os.path.samefile(picture, source):
        raise FileError(f"The picture {picture} is the input itself; choose another name.")
    check_writable(picture)
    if picture.exists() and not overwrite:
        raise FileError(f"The picture {picture} is there already; give --overwrite or another name.")


def _draw(picture: Path, found: Sequence[ChannelNoise]) -> bool:
    """Draw the channels that were measured; tell whether there were any."""
    measured = [one for one in found if one.model.measured]
    if measured:
        save_noise_picture(picture, measured, titled=len(found) > 1)
    else:
        say(f"There is nothing to draw, so {picture} was not written.")
    return bool(measured)
