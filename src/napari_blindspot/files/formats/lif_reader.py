"""Reading LIF plane by plane through liffile.

How a LIF is recognised is in `napari_blindspot.files.formats.lif_format`; what becomes of its dimensions is
in `napari_blindspot.files.formats.dimensions`.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import first_line
from napari_blindspot.files.formats.dimensions import Dimensions, closed_with
from napari_blindspot.files.formats.finish_reading import image_of, opening, unreadable
from napari_blindspot.files.formats.metadata import Metadata
from napari_blindspot.files.formats.optional import import_optional
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.image_file import ImageFile, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["lif_series", "open_lif"]

_TILE = "M"
_WAVELENGTHS = ("λ", "Λ")
_COLORS = {
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
    "cyan": "#00ffff",
    "magenta": "#ff00ff",
    "yellow": "#ffff00",
}
"""Leica's lookup tables that have a colour."""


@dataclass(frozen=True, slots=True)
class _LifImage:
    """An image that can be chosen: one of the file, or one tile of it."""

    image: Any
    tile: int | None = None

    @property
    def name(self) -> str:
        """As the file calls it, with its folders, and the number of the tile."""
        return str(self.image.path) + ("" if self.tile is None else f", tile {self.tile}")

    def listed(self, number: int) -> Series:
        """Return what it is listed as; where liffile does not understand it, without axes."""
        try:
            shape, axes = _dimensions(self.image).shown
            return Series(number, self.name, shape, axes, str(self.image.dtype))
        # What liffile raises for kinds of images that it does not know is open-ended.
        except Exception:
            return Series(number, self.name, (), "?", "?")


def open_lif(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one image of a LIF; its planes are read when they are asked for.

    Each tile of a mosaic is an image of its own.

    Raises
    ------
    FileError
        If liffile is not installed, or cannot read the file or the image; if the file holds several images
        and none is chosen; or if it is one of photon arrival times.
    ImageError
        If its axes are not those of an image.
    """
    with opening(source, _problems(source)), ExitStack() as opened:
        file = opened.enter_context(_open(source))
        there = _images(file)
        chosen = there[choose_series(source, _listed(there), series)]
        _check_kind(source, chosen)
        dimensions = _dimensions(chosen.image)
        array = dimensions.array(chosen.image.dtype, _reader(source, chosen, dimensions))
        found = _metadata(chosen.image, dimensions)
        array = closed_with(array, file.close)
        image = image_of(array, dimensions.axes, axes, found, dimensions.notices)
        opened.pop_all()
        return image


def lif_series(source: Path) -> list[Series]:
    """Return the images of a LIF, and the tiles of those that are mosaics.

    Raises
    ------
    FileError
        If liffile is not installed, or cannot read the file.
    """
    with opening(source, _problems(source)), _open(source) as file:
        return _listed(_images(file))


def _open(source: Path) -> Any:
    return import_optional("liffile", "LIF", "formats").LifFile(source)


def _images(file: Any) -> list[_LifImage]:
    found = []
    for image in file.images:
        tiles = 1 if image.is_flim else _tiles(image)
        found += [_LifImage(image)] if tiles < 2 else [_LifImage(image, tile) for tile in range(tiles)]
    return found


def _tiles(image: Any) -> int:
    try:
        return int(image.sizes.get(_TILE, 1))
    except Exception:  # of a kind that liffile does not know; said when it is chosen
        return 1


def _listed(there: list[_LifImage]) -> list[Series]:
    return [image.listed(number) for number, image in enumerate(there)]


def _check_kind(source: Path, chosen: _LifImage) -> None:
    if chosen.image.is_flim:
        raise FileError(
            f"The image {chosen.name!r} of {source} holds the arrival times of single photons (FLIM), but "
            "intensities are needed: choose an intensity image of the file, or export one.",
            setting="series",
        )
    if not _has_pixels(source, chosen.image):
        raise FileError(
            f"The pixels of the image {chosen.name!r} are not in {source}, or not all: it is cut off; "
            "copy it again."
        )
    try:
        dimensions = _dimensions(chosen.image)
    except Exception as error:
        raise FileError(
            f"The image {chosen.name!r} of {source} is of a kind that cannot be read "
            f"({first_line(error)}); choose another image, or export it as OME-TIFF.",
            setting="series",
        ) from error
    if len(dimensions.plane) < 2:
        raise FileError(
            f"The image {chosen.name!r} of {source} is no image but a single line or point, of the axes "
            f"{''.join(chosen.image.dims)}; choose another image.",
            setting="series",
        )


def _has_pixels(source: Path, image: Any) -> bool:
    try:
        block = image.memory_block
    except (KeyError, IndexError):
        return False
    return bool(block.offset + block.size <= source.stat().st_size)


def _dimensions(image: Any) -> Dimensions:
    """Return the dimensions of an image, or of each of its tiles."""
    sizes = {name: int(length) for name, length in image.sizes.items() if name != _TILE}
    if image.is_flim:
        return Dimensions({}, sizes)
    plane = _plane(image)
    labels = {"C": [_channel_name(one) for one in _channel_descriptions(image)]}
    for name in _WAVELENGTHS:
        if name in image.coords:
            labels[name] = [_wavelength(float(one)) for one in image.coords[name]]
    leading = {name: length for name, length in sizes.items() if name not in plane}
    return Dimensions(leading, {name: sizes[name] for name in plane}, labels)


def _wavelength(value: float) -> str:
    # In metres, but there are files that give nanometres.
    return f"{value * 1e9 if value < 1e-3 else value:.0f} nm"


def _plane(image: Any) -> list[str]:
    """Return the dimensions of a plane: what lies together in the file, or else the last two."""
    together = [name for name in image.frames.frame_dims if name != "S"]
    if len(together) != 2:
        together = [name for name in image.dims if name not in ("S", "C", _TILE)][-2:]
    return together + ["S"] * ("S" in image.dims)


def _reader(
    source: Path, chosen: _LifImage, dimensions: Dimensions
) -> Callable[[Mapping[str, int]], npt.NDArray[Any]]:
    image, plane = chosen.image, tuple(dimensions.plane)
    fixed = {} if chosen.tile is None else {_TILE: chosen.tile}
    one_at_a_time = threading.Lock()
    # Where a plane does not lie together, as of channels that alternate line by line, all is read.
    whole = None if tuple(image.frames.frame_dims) == plane else image.asarray()

    def read(where: Mapping[str, int]) -> npt.NDArray[Any]:
        at = {**where, **fixed}
        with unreadable(source, _problems(source)), one_at_a_time:
            if whole is None:
                frame: npt.NDArray[Any] = image.frame(**at)
                return frame
            part = whole[tuple(at.get(name, slice(None)) for name in image.dims)]
            left = [name for name in image.dims if name not in at]
            return np.asarray(part.transpose([left.index(name) for name in plane]))

    return read


def _metadata(image: Any, dimensions: Dimensions) -> Metadata:
    found = Metadata()
    for name, letter in dimensions.letters.items():
        places = image.coords.get(name, ())
        if len(places) > 1:
            step = abs(float(places[-1] - places[0])) / (len(places) - 1)
            # Leica gives metres and seconds. A time is no distance between rows: it is left out there.
            if name == "T":
                found.set_spacing(letter, step, "s")
            elif letter != "T":
                found.set_spacing(letter, step * 1e6, "µm")
    channels = _channel_descriptions(image)
    colors = [_COLORS.get(one.get("LUTName", "").lower(), "") for one in channels]
    count = dimensions.leading.get("C", 1)
    dimensions.name_channels(found, colors if len(colors) == count and any(colors) else ())
    return found


def _channel_descriptions(image: Any) -> list[Any]:
    described = image.xml_element.findall("./Data/Image/ImageDescription/Channels/ChannelDescription")
    return sorted(described, key=lambda one: int(one.get("BytesInc", "0")))


def _channel_name(described: Any) -> str:
    for one in described.findall("./ChannelProperty"):
        if one.findtext("Key") == "DyeName":
            return one.findtext("Value") or ""
    return described.get("NameOfMeasuredQuantity") or ""


def _problems(source: Path) -> str:
    return f"The LIF file {source} cannot be read by liffile"
