"""What is kept of the metadata of a CZI, which are one XML document.

Source: the CZI format as the files have it (``ImageDocument/Metadata``). Pixels and their places belong to
`czi_reader` and `czi_scenes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.files.formats.metadata import Metadata

if TYPE_CHECKING:
    from xml.etree import ElementTree

    from napari_blindspot.files.formats.dimensions import Dimensions

__all__ = ["channel_labels", "czi_metadata", "scene_names"]

_IMAGE = "./Metadata/Information/Image/Dimensions"
_DISPLAY = "./Metadata/DisplaySetting/Channels/Channel"


def czi_metadata(document: ElementTree.Element, dimensions: Dimensions) -> Metadata:
    """Return voxel size, time increment, and names and colours of the channels."""
    found = Metadata()
    for distance in document.iterfind("./Metadata/Scaling/Items/Distance"):
        axis, metres = distance.get("Id", ""), distance.findtext("Value")
        if axis in ("X", "Y", "Z") and metres:
            found.set_spacing(axis, _number(metres) * 1e6, "µm")
    increment = document.findtext(f"{_IMAGE}/T/Positions/Interval/Increment")
    if increment:
        found.set_spacing("T", _number(increment), "s")
    colors = [_color(one) for one in _channels(document)]
    count = dimensions.leading.get("C", 1)
    dimensions.name_channels(found, colors if len(colors) == count and any(colors) else ())
    return found


def channel_labels(document: ElementTree.Element, first: int = 0) -> list[str]:
    """Return the names of the channels from a number on, as far as the file tells them."""
    return [_name(one) for one in _channels(document)][first:]


def scene_names(document: ElementTree.Element) -> dict[int, str]:
    """Return the names of the scenes by their number."""
    found = {}
    for scene in document.iterfind(f"{_IMAGE}/S/Scenes/Scene"):
        number = scene.get("Index", "")
        if number.isdecimal():
            found[int(number)] = scene.get("Name", "")
    return found


def _channels(document: ElementTree.Element) -> list[dict[str, str]]:
    """Return name and colour of each channel: of the image, or else of how it was last shown."""
    shown = {one.get("Id", ""): one for one in document.iterfind(_DISPLAY)}
    of_image = document.findall(f"{_IMAGE}/Channels/Channel") or list(shown.values())
    found = []
    for channel in of_image:
        display = shown.get(channel.get("Id", ""))
        values = {"name": channel.get("Name", ""), "color": channel.findtext("Color") or ""}
        if display is not None:
            values["name"] = values["name"] or display.get("Name", "")
            values["color"] = display.findtext("Color") or values["color"]
        found.append(values)
    return found


def _name(channel: dict[str, str]) -> str:
    return channel["name"]


def _color(channel: dict[str, str]) -> str:
    # Written #AARRGGBB or #RRGGBB. White is what is written where no colour is known.
    digits = channel["color"].lstrip("#").lower()[-6:]
    is_color = len(digits) == 6 and all(digit in "0123456789abcdef" for digit in digits)
    return f"#{digits}" if is_color and digits != "ffffff" else ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
