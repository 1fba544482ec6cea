"""Voxel size, place, channels and annotations in the many kinds of TIFF: OME, ImageJ, LSM, plain.

Pixels and the names of axes belong to `napari_blindspot.files.formats.tiff_reader`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from napari_blindspot.files.formats.metadata import Metadata
from napari_blindspot.files.spacing import LENGTH_AXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tifffile import TiffFile, TiffPage

__all__ = ["metadata_of_ome", "read_annotation", "read_metadata"]

_COARSEST_PIXEL = 20.0
"""µm: a coarser resolution in a plain TIFF is that of a printer or screen, not of a microscope."""

_MICROMETRES_A_UNIT = {2: 25400.0, 3: 1e4}
"""What TIFF's ResolutionUnit 2 (inch) and 3 (centimetre) stand for."""


def read_metadata(tiff: TiffFile, page: TiffPage, series: int = 0) -> Metadata:
    """Return what a TIFF says about one of its images, of which `page` is one."""
    if tiff.is_ome and tiff.ome_metadata:
        return metadata_of_ome(tiff.ome_metadata, series)
    if tiff.is_lsm and tiff.lsm_metadata:
        return _from_lsm(tiff.lsm_metadata)
    if tiff.is_imagej and tiff.imagej_metadata:
        return _from_imagej(page, tiff.imagej_metadata)
    if tiff.is_stk and tiff.stk_metadata:
        return _from_stk(tiff.stk_metadata)
    if tiff.is_metaseries and tiff.metaseries_metadata:
        return _from_metaseries(tiff.metaseries_metadata)
    return _from_slide(page) if tiff.is_svs else _from_tags(page)


def read_annotation(ome_xml: str, namespace: str) -> dict[str, str]:
    """Return the keys and values of the first MapAnnotation of a namespace; empty if there is none."""
    root = _parse(ome_xml)
    if root is None:
        return {}
    for annotation in root.iterfind(".//{*}MapAnnotation"):
        if annotation.get("Namespace") == namespace:
            return {m.get("K", ""): m.text or "" for m in annotation.iterfind("{*}Value/{*}M")}
    return {}


def metadata_of_ome(text: str, series: int) -> Metadata:
    """Return what an OME-XML says about one of its images."""
    root = _parse(text)
    images = [] if root is None else root.findall("{*}Image/{*}Pixels")
    found = Metadata()
    if series >= len(images):
        return found
    pixels = images[series]
    planes = pixels.findall("{*}Plane")
    for axis in LENGTH_AXES:
        name = f"PhysicalSize{axis}"
        found.set_spacing(axis, pixels.get(name), pixels.get(f"{name}Unit", "µm"))
    found.set_spacing("T", pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    if "T" not in found.spacing:
        _set_increment(found, planes)
    for plane in planes:
        if all(plane.get(f"The{axis}") == "0" for axis in "TCZ"):
            for axis in LENGTH_AXES:
                unit = plane.get(f"Position{axis}Unit", "reference frame")
                found.set_origin(axis, plane.get(f"Position{axis}"), unit)
    channels = pixels.findall("{*}Channel")
    names = tuple(channel.get("Name", "") for channel in channels)
    colors = tuple(_color_of_ome(channel.get("Color")) for channel in channels)
    found.channel_names = names if any(names) else ()
    found.channel_colors = colors if any(colors) else ()
    return found


def _set_increment(found: Metadata, planes: Iterable[ElementTree.Element]) -> None:
    """Take the mean time between two frames from the planes' own times."""
    times = [
        (int(plane.get("TheT", "0")), plane.get("DeltaT"), plane.get("DeltaTUnit", "s"))
        for plane in planes
        if plane.get("TheZ") == "0" and plane.get("TheC") == "0" and plane.get("DeltaT")
    ]
    if len(times) < 2:
        return
    (first, start, unit), (last, end, _) = min(times), max(times)
    found.set_spacing("T", (float(end or 0) - float(start or 0)) / max(last - first, 1), unit)


def _color_of_ome(value: str | None) -> str:
    """Return #rrggbb of OME's signed RGBA number; -1, opaque white, is what stands for no colour."""
    try:
        number = int(value or "-1") & 0xFFFFFFFF
    except ValueError:
        return ""
    return "" if number == 0xFFFFFFFF else f"#{number >> 8:06x}"


def _from_imagej(page: TiffPage, metadata: dict[str, Any]) -> Metadata:
    units = {
        axis: str(metadata.get(f"{axis.lower()}unit", metadata.get("unit", ""))) for axis in LENGTH_AXES
    }
    found = Metadata()
    for axis, per_unit in zip("XY", _pixels_per_unit(page), strict=True):
        found.set_spacing(axis, 1.0 / per_unit if per_unit else None, units[axis])
    step = metadata.get("spacing")
    # It is negative where a stack was recorded downwards.
    found.set_spacing("Z", abs(step) if isinstance(step, (int, float)) else None, units["Z"])
    found.set_spacing("T", metadata.get("finterval"), str(metadata.get("tunit", "s")))
    for axis in LENGTH_AXES:
        # ImageJ counts pixels from the corner to the origin.
        offset = metadata.get(f"{axis.lower()}origin")
        if isinstance(offset, (int, float)) and axis in found.spacing:
            found.origin[axis] = -offset * found.spacing[axis].step
    tables = metadata.get("LUTs") or []
    found.channel_colors = tuple("#{:02x}{:02x}{:02x}".format(*table[:, -1]) for table in tables)
    return found


def _from_lsm(metadata: dict[str, Any]) -> Metadata:
    """Take the voxel size of a Zeiss LSM, which is in metres, and its channels."""
    found = Metadata()
    for axis in LENGTH_AXES:
        size = metadata.get(f"VoxelSize{axis}")
        found.set_spacing(axis, size * 1e6 if isinstance(size, float) else None, "µm")
        origin = metadata.get(f"Origin{axis}")
        found.set_origin(axis, origin * 1e6 if isinstance(origin, float) else None, "µm")
    found.set_spacing("T", metadata.get("TimeIntervall", metadata.get("TimeInterval")), "s")
    channels = metadata.get("ChannelColors") or {}
    found.channel_names = tuple(str(name) for name in channels.get("ColorNames") or ())
    found.channel_colors = tuple("#{:02x}{:02x}{:02x}".format(*rgba) for rgba in _triples(channels))
    return found


def _from_stk(metadata: dict[str, Any]) -> Metadata:
    """Take the voxel size of a MetaMorph STK, and the mean time between its planes."""
    found, unit = Metadata(), str(metadata.get("CalibrationUnits", ""))
    for axis in "XY":
        found.set_spacing(axis, metadata.get(f"{axis}Calibration"), unit)
    depths, times = (list(metadata.get(name, ())) for name in ("ZDistance", "TimeCreated"))
    if any(depths):
        found.set_spacing("Z", abs(float(depths[-1])), unit)
    elif len(times) > 1:
        # In milliseconds since midnight.
        found.set_spacing("T", (float(times[-1]) - float(times[0])) / (len(times) - 1), "ms")
    return found


def _from_metaseries(metadata: dict[str, Any]) -> Metadata:
    """Take the size of a pixel in a TIFF of a single plane by MetaMorph."""
    found, plane = Metadata(), metadata.get("PlaneInfo") or {}
    unit = str(plane.get("spatial-calibration-units", ""))
    for axis in "XY" if plane.get("spatial-calibration-state", True) else "":
        found.set_spacing(axis, plane.get(f"spatial-calibration-{axis.lower()}"), unit)
    return found


def _triples(channels: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [(int(red), int(green), int(blue)) for red, green, blue, *_ in channels.get("Colors") or ()]


def _from_slide(page: TiffPage) -> Metadata:
    """Take the micrometres a pixel of an Aperio slide, which its description tells."""
    found = Metadata()
    for part in page.description.split("|"):
        name, _, value = part.partition("=")
        if name.strip() == "MPP":
            for axis in "XY":
                found.set_spacing(axis, value, "µm")
    return found


def _from_tags(page: TiffPage) -> Metadata:
    """Take TIFF's own resolution when it is one that only a microscope has."""
    tags = page.tags
    unit = _MICROMETRES_A_UNIT.get(int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 0)
    found = Metadata()
    if unit is None:
        return found
    for axis, per_unit in zip("XY", _pixels_per_unit(page), strict=True):
        size = unit / per_unit if per_unit else math.inf
        if size <= _COARSEST_PIXEL:
            found.set_spacing(axis, size, "µm")
    return found


def _pixels_per_unit(page: TiffPage) -> tuple[float, float]:
    """Return XResolution and YResolution, 0 where they are missing."""
    tags = page.tags
    values = []
    for name in ("XResolution", "YResolution"):
        numerator, denominator = tags[name].value if name in tags else (0, 1)
        values.append(numerator / denominator if denominator else 0.0)
    return values[0], values[1]


def _parse(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
