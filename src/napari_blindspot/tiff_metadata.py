"""Voxel size, channel names and annotations in the many kinds of TIFF: OME, ImageJ, plain.

Only what the metadata say; pixels, axes and files belong to `napari_blindspot.io`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from tifffile import TiffFile

__all__ = ["LENGTH_AXES", "Spacing", "read_annotation", "read_metadata"]

LENGTH_AXES = "XYZ"

_MICROMETRES = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "µm": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "in": 25400.0,
}
_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}

_SYNONYMS = {
    "um": "µm",
    "micron": "µm",
    "microns": "µm",
    "micrometer": "µm",
    "micrometers": "µm",
    "micrometre": "µm",
    "\\u00b5m": "µm",
    "nanometer": "nm",
    "millimeter": "mm",
    "inch": "in",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "msec": "ms",
    "us": "µs",
    "minute": "min",
    "hour": "h",
}
"""What ImageJ and others write, in lower case, for the symbols of OME."""

_COARSEST_PIXEL = 20.0
"""µm: a coarser resolution in a plain TIFF is that of a printer or screen, not of a microscope."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between two neighbours along an axis.

    Attributes
    ----------
    step : float
        The distance, in `unit`.
    unit : str
        A symbol of OME: µm, nm, … for lengths, s, ms, … for time.
    """

    step: float
    unit: str

    @property
    def micrometres(self) -> float:
        """The distance in µm; only for lengths."""
        return self.step * _MICROMETRES[self.unit]

    @property
    def seconds(self) -> float:
        """The distance in s; only for times."""
        return self.step * _SECONDS[self.unit]


def read_metadata(tiff: TiffFile) -> tuple[dict[str, Spacing], tuple[str, ...]]:
    """Return the spacing of each axis and the channel names of a TIFF's first image."""
    if tiff.is_ome and tiff.ome_metadata:
        return _from_ome(tiff.ome_metadata)
    if tiff.is_imagej and tiff.imagej_metadata:
        return _from_imagej(tiff, tiff.imagej_metadata)
    return _from_tags(tiff), ()


def read_annotation(ome_xml: str, namespace: str) -> dict[str, str]:
    """Return the keys and values of the first MapAnnotation of a namespace; empty if there is none."""
    root = _parse(ome_xml)
    if root is None:
        return {}
    for annotation in root.iterfind(".//{*}MapAnnotation"):
        if annotation.get("Namespace") == namespace:
            return {m.get("K", ""): m.text or "" for m in annotation.iterfind("{*}Value/{*}M")}
    return {}


def _from_ome(text: str) -> tuple[dict[str, Spacing], tuple[str, ...]]:
    root = _parse(text)
    pixels = None if root is None else root.find("{*}Image/{*}Pixels")
    if pixels is None:
        return {}, ()
    spacing: dict[str, Spacing] = {}
    for axis in LENGTH_AXES:
        name = f"PhysicalSize{axis}"
        _keep(spacing, axis, pixels.get(name), pixels.get(f"{name}Unit", "µm"))
    _keep(spacing, "T", pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    names = tuple(channel.get("Name", "") for channel in pixels.iterfind("{*}Channel"))
    return spacing, names if any(names) else ()


def _from_imagej(tiff: TiffFile, metadata: dict[str, Any]) -> tuple[dict[str, Spacing], tuple[str, ...]]:
    unit = str(metadata.get("unit", ""))
    spacing: dict[str, Spacing] = {}
    for axis, per_unit in zip("XY", _pixels_per_unit(tiff), strict=True):
        _keep(spacing, axis, 1.0 / per_unit if per_unit else None, unit)
    _keep(spacing, "Z", metadata.get("spacing"), str(metadata.get("zunit", unit)))
    _keep(spacing, "T", metadata.get("finterval"), str(metadata.get("tunit", "s")))
    return spacing, ()


def _from_tags(tiff: TiffFile) -> dict[str, Spacing]:
    """Take TIFF's own resolution when it is one that only a microscope has."""
    tags = tiff.pages.first.tags
    unit = {2: "in", 3: "cm"}.get(int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 0)
    spacing: dict[str, Spacing] = {}
    if unit is None:
        return spacing
    for axis, per_unit in zip("XY", _pixels_per_unit(tiff), strict=True):
        size = _MICROMETRES[unit] / per_unit if per_unit else math.inf
        if size <= _COARSEST_PIXEL:
            _keep(spacing, axis, size, "µm")
    return spacing


def _pixels_per_unit(tiff: TiffFile) -> tuple[float, float]:
    """Return XResolution and YResolution, 0 where they are missing."""
    tags = tiff.pages.first.tags
    values = []
    for name in ("XResolution", "YResolution"):
        numerator, denominator = tags[name].value if name in tags else (0, 1)
        values.append(numerator / denominator if denominator else 0.0)
    return values[0], values[1]


def _keep(spacing: dict[str, Spacing], axis: str, step: object, unit: str) -> None:
    """Note a distance if it is a positive number in a unit that is known."""
    try:
        value = float(step)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    # Greek mu and the micro sign look the same; OME uses the micro sign.
    symbol = unit.strip().replace("μ", "µ")
    symbol = _SYNONYMS.get(symbol.lower(), symbol)
    known = _MICROMETRES if axis in LENGTH_AXES else _SECONDS
    if symbol in known and value > 0 and math.isfinite(value):
        spacing[axis] = Spacing(value, symbol)


def _parse(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
