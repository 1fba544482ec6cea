"""Reading ND2 plane by plane through the package nd2.

How an ND2 is recognised is in `napari_blindspot.files.formats.nd2_format`; what becomes of its dimensions
is in `napari_blindspot.files.formats.dimensions`.
"""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.notices import Notice
from napari_blindspot.files.formats.dimensions import Dimensions, closed_with
from napari_blindspot.files.formats.finish_reading import image_of, opening, unreadable
from napari_blindspot.files.formats.metadata import Metadata
from napari_blindspot.files.formats.optional import import_optional
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.image_file import ImageFile, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Nd2Loops", "nd2_series", "open_nd2"]

_POSITION = "P"
_LETTERS = {"TimeLoop": "T", "NETimeLoop": "T", "ZStackLoop": "Z", "XYPosLoop": _POSITION}


@dataclass(frozen=True, slots=True)
class Nd2Loops:
    """What an ND2 was recorded in: loops within loops, whose innermost step is a frame of all channels.

    Attributes
    ----------
    lengths : mapping of str to int
        Steps of each loop by its letter, the outermost first: T, Z, P for positions, U for others.
    positions : tuple of str
        Names of the positions; empty where there is only one.
    seconds, micrometres : float or None
        Between two times and two planes, as far as the loops tell it.
    """

    lengths: Mapping[str, int]
    positions: tuple[str, ...] = ()
    seconds: float | None = None
    micrometres: float | None = None

    @classmethod
    def of(cls, experiment: Sequence[Any]) -> Nd2Loops:
        """Return the loops that nd2 calls an experiment."""
        lengths: dict[str, int] = {}
        positions: tuple[str, ...] = ()
        seconds = micrometres = None
        for loop in experiment:
            letter = _LETTERS.get(loop.type, "U")
            lengths[letter if letter not in lengths else f"{letter}{len(lengths)}"] = int(loop.count)
            if letter == _POSITION and loop.count > 1:
                points = loop.parameters.points
                names = [points[k].name if k < len(points) else None for k in range(loop.count)]
                positions = tuple(name or f"position {number}" for number, name in enumerate(names))
            elif letter == "T" and seconds is None:
                seconds = _period(loop)
            elif letter == "Z":
                micrometres = abs(float(loop.parameters.stepUm or 0)) or None
        return cls(lengths, positions, seconds, micrometres)

    @property
    def of_a_position(self) -> dict[str, int]:
        """The loops without that over positions."""
        return {name: length for name, length in self.lengths.items() if name != _POSITION}

    def frame(self, where: Mapping[str, int], position: int) -> int:
        """Return the number of a frame."""
        if not self.lengths:
            return 0
        at = [position if name == _POSITION else where[name] for name in self.lengths]
        return int(np.ravel_multi_index(at, tuple(self.lengths.values())))

    def frames(self, position: int) -> list[int]:
        """Return the numbers of all frames of a position."""
        loops = self.of_a_position
        places = np.ndindex(*loops.values())
        return [self.frame(dict(zip(loops, at, strict=True)), position) for at in places]


def open_nd2(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one position of an ND2; its planes are read when they are asked for.

    Frames that the file does not hold are 0, and a notice says so.

    Raises
    ------
    FileError
        If nd2 is not installed or cannot read the file, or the file holds several positions and none is
        chosen.
    ImageError
        If its axes are not those of an image.
    """
    with opening(source, _problems(source)), ExitStack() as opened:
        file = opened.enter_context(_open(source))
        loops = Nd2Loops.of(file.experiment)
        number = choose_series(source, _listed(file, loops), series)
        dimensions = _dimensions(file, loops)
        array = dimensions.array(file.dtype, _reader(source, file, loops, number))
        found = _metadata(file, loops, dimensions)
        notices = (*dimensions.notices, *_missing(file, loops, number))
        image = image_of(closed_with(array, file.close), dimensions.axes, axes, found, notices)
        opened.pop_all()
        return image


def nd2_series(source: Path) -> list[Series]:
    """Return the positions of an ND2.

    Raises
    ------
    FileError
        If nd2 is not installed or cannot read the file.
    """
    with opening(source, _problems(source)), _open(source) as file:
        return _listed(file, Nd2Loops.of(file.experiment))


def _open(source: Path) -> Any:
    return import_optional("nd2", "ND2", "formats").ND2File(source)


def _listed(file: Any, loops: Nd2Loops) -> list[Series]:
    shape, axes = _dimensions(file, loops).shown
    return [
        Series(number, name, shape, axes, str(file.dtype))
        for number, name in enumerate(loops.positions or ("",))
    ]


def _dimensions(file: Any, loops: Nd2Loops) -> Dimensions:
    sizes = dict(file.sizes)
    leading = {**loops.of_a_position, "C": int(sizes.get("C", 1))}
    # The frame of a detector that sees a line has one row.
    plane = {"Y": int(sizes.get("Y", 1)), "X": int(sizes.get("X", 1))}
    if "S" in sizes:
        plane["S"] = int(sizes["S"])
    return Dimensions(leading, plane, {"C": [one.channel.name or "" for one in _channels(file)]})


def _reader(
    source: Path, file: Any, loops: Nd2Loops, position: int
) -> Callable[[Mapping[str, int]], npt.NDArray[Any]]:
    one_at_a_time = threading.Lock()
    attributes = file.attributes
    channels, samples = attributes.channelCount or 1, file.components_per_channel
    shape = (channels, attributes.heightPx, attributes.widthPx or 1, samples)

    def read(where: Mapping[str, int]) -> npt.NDArray[Any]:
        with unreadable(source, _problems(source)), one_at_a_time:
            frame = np.asarray(file.read_frame(loops.frame(where, position))).reshape(shape)
            channel = where["C"]
            # nd2 counts samples that are not red, green and blue as channels.
            plane = frame[channel] if samples == 3 else frame[channel // samples, ..., channel % samples]
            # A copy, because the memory is the file's.
            return np.array(plane)

    return read


def _missing(file: Any, loops: Nd2Loops, position: int) -> list[Notice]:
    """Say how many planes are not in the file, where its reader knows it."""
    # nd2 gives a blank frame for one that is missing; the list of those that are there is not public.
    there = getattr(getattr(file, "_rdr", None), "_frame_offsets", None)
    if not isinstance(there, dict):
        return []
    frames = loops.frames(position)
    channels = int(file.sizes.get("C", 1))
    count = sum(frame not in there for frame in frames) * channels
    return [Notice("planes-missing", {"count": count, "planes": len(frames) * channels})] if count else []


def _metadata(file: Any, loops: Nd2Loops, dimensions: Dimensions) -> Metadata:
    found, channels = Metadata(), _channels(file)
    if channels:
        volume = channels[0].volume
        for axis, step, is_known in zip("XYZ", volume.axesCalibration, volume.axesCalibrated, strict=True):
            if is_known:
                found.set_spacing(axis, step, "µm")
    found.set_spacing("Z", loops.micrometres, "µm")
    found.set_spacing("T", loops.seconds, "s")
    colors = [_color(one.channel.color) for one in channels]
    count = dimensions.leading["C"]
    dimensions.name_channels(found, colors if len(colors) == count and any(colors) else ())
    return found


def _channels(file: Any) -> list[Any]:
    # Older files have metadata of another kind, without channels.
    return list(getattr(file.metadata, "channels", None) or ())


def _color(color: Any) -> str:
    rgb = tuple(getattr(color, part, 255) for part in "rgb")
    # White is what is written where no colour is known.
    return "" if rgb == (255, 255, 255) else "#{:02x}{:02x}{:02x}".format(*rgb)


def _period(loop: Any) -> float | None:
    """Return the seconds between two times: as they were measured, or else as they were planned."""
    parameters = loop.parameters
    # Of a loop of several phases each has a period of its own.
    phases = getattr(parameters, "periods", None)
    if phases is not None:
        if len(phases) != 1:
            return None
        parameters = phases[0]
    measured = getattr(getattr(parameters, "periodDiff", None), "avg", None)
    milliseconds = measured or getattr(parameters, "periodMs", None) or 0
    return milliseconds / 1000 if milliseconds > 0 and math.isfinite(milliseconds) else None


def _problems(source: Path) -> str:
    return f"The ND2 file {source} is damaged, or of a kind that nd2 cannot read"
