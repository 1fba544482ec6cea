"""The metadata of OME-Zarr (NGFF): reading versions 0.1 to 0.6, writing 0.4 and 0.5.

Source: https://ngff.openmicroscopy.org/, with the number of the version behind it. Chunks and folders
belong to reader and writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.core.notices import Notice
from napari_blindspot.files.formats.metadata import Metadata
from napari_blindspot.files.spacing import LENGTH_AXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_blindspot.files.image_file import ImageFile

__all__ = ["ORDER", "axes_of", "letter_of", "metadata_of", "ome_attributes", "window_channels"]

ORDER = "TCZYX"
"""The order of axes that the specification asks for: time, then channel, then space."""

_UNITS = {
    "pm": "picometer",
    "Å": "angstrom",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "in": "inch",
    "ns": "nanosecond",
    "µs": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "h": "hour",
}
_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}
_WORDS = {"time": "T", "frame": "T", "channel": "C", "depth": "Z"}
"""Types and names of axes, other than single letters."""

_BEFORE_AXES = "TCZYX"
"""Axes of NGFF 0.1 and 0.2, which did not name them."""


def axes_of(multiscales: Mapping[str, Any], ndim: int) -> str:
    """Return the axes as letters; what is no axis of an image becomes a question mark.

    Empty if they are not named: versions 0.1 and 0.2 had five axes always and did not name them.
    """
    axes, _ = _system(multiscales)
    if not axes:
        return _BEFORE_AXES if ndim == len(_BEFORE_AXES) else ""
    return "".join(letter_of(axis) for axis in axes)


def letter_of(axis: Any) -> str:
    """Return the letter of an axis; a question mark of one that is no axis of an image."""
    name = axis if isinstance(axis, str) else str(axis.get("name") or "")
    kind = "" if isinstance(axis, str) else axis.get("type") or ""
    by_word = _WORDS.get(kind) or _WORDS.get(name.lower())
    return by_word or (name.upper() if len(name) == 1 else "?")


def _system(multiscales: Mapping[str, Any]) -> tuple[Sequence[Any], list[Mapping[str, Any]]]:
    """Return the axes and the transformations, in their order, that lead from the first level to them.

    Until version 0.5 there is one system of axes, and all transformations lead to it. In 0.6 the systems
    have names: those of the level lead to one, from which others may lead on to the one whose axes are Y
    and X.
    """
    of_level = _flat(multiscales["datasets"][0].get("coordinateTransformations") or ())
    of_all = multiscales.get("coordinateTransformations") or ()
    if "coordinateSystems" not in multiscales:
        return multiscales.get("axes") or (), [*of_level, *_flat(of_all)]
    systems = {one.get("name"): one.get("axes") or () for one in multiscales["coordinateSystems"]}
    listed = multiscales["datasets"][0].get("coordinateTransformations") or ()
    reached = _end(listed[-1], "output") if listed else None
    axes = systems[reached] if reached in systems else next(iter(systems.values()), ())
    if _has_plane(axes):
        return axes, of_level
    for one in of_all:
        further = systems.get(_end(one, "output"), ())
        if _end(one, "input") == reached and _has_plane(further):
            return further, [*of_level, *_flat([one])]
    return axes, of_level


def _flat(transformations: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Take sequences of transformations apart."""
    found: list[Mapping[str, Any]] = []
    for one in transformations:
        found += one.get("transformations") or () if one.get("type") == "sequence" else [one]
    return found


def _end(transformation: Mapping[str, Any], end: str) -> Any:
    """Return the name of the system that a transformation leads from or to; drafts gave it alone."""
    given = transformation.get(end)
    return given.get("name") if isinstance(given, dict) else given


def _has_plane(axes: Sequence[Any]) -> bool:
    return {"Y", "X"} <= {letter_of(axis) for axis in axes}


def metadata_of(
    multiscales: Mapping[str, Any], omero: Mapping[str, Any], axes: str
) -> tuple[Metadata, tuple[Notice, ...]]:
    """Return what is kept of the metadata of an image's full resolution.

    Parameters
    ----------
    multiscales : mapping
        The entry of the attribute ``multiscales`` that describes the image; may be empty.
    omero : mapping
        The attribute ``omero`` of the same group, which describes its channels; may be empty.
    axes : str
        One letter an axis, of `axes_of`.

    Returns
    -------
    metadata : Metadata
        Voxel size, place and channels.
    notices : tuple of Notice
        A ``units-assumed`` if distances are given without a unit.
    """
    found = Metadata()
    assumed = _set_place(found, multiscales, axes) if multiscales else []
    _set_channels(found, omero)
    return found, (Notice("units-assumed", {"axes": ", ".join(assumed)}),) if assumed else ()


def _set_place(found: Metadata, multiscales: Mapping[str, Any], axes: str) -> list[str]:
    """Note voxel size and place; return the axes whose unit is assumed to be µm or s."""
    assumed = []
    described, transformations = _system(multiscales)
    scale, translation = _full_resolution(transformations, len(axes))
    units = [_unit(axis) for axis in described or [""] * len(axes)]
    for letter, step, start, unit in zip(axes, scale, translation, units, strict=True):
        # A step of 1 without a unit is what is written where the voxel size is not known.
        if letter not in "TZYX" or not (unit or step != 1.0):
            continue
        if not unit:
            assumed.append(letter)
        unit = unit or ("µm" if letter in LENGTH_AXES else "s")
        found.set_spacing(letter, step, unit)
        if start:
            found.set_origin(letter, start, unit)
    return assumed


def _full_resolution(
    transformations: Sequence[Mapping[str, Any]], ndim: int
) -> tuple[list[float], list[float]]:
    """Return step and start of each axis, which the transformations give one after another."""
    scale, translation = [1.0] * ndim, [0.0] * ndim
    for one in transformations:
        kind = one.get("type")
        # One whose numbers are an array of the group, given by its path, is left out.
        if kind not in ("scale", "translation") or len(one.get(kind, ())) != ndim:
            continue
        numbers = [float(number) for number in one[kind]]
        if kind == "scale":
            scale = [a * b for a, b in zip(scale, numbers, strict=True)]
            translation = [a * b for a, b in zip(translation, numbers, strict=True)]
        else:
            translation = [a + b for a, b in zip(translation, numbers, strict=True)]
    return scale, translation


def _set_channels(found: Metadata, omero: Mapping[str, Any]) -> None:
    channels = omero.get("channels") or ()
    names = tuple(str(channel.get("label", "")) for channel in channels)
    colors = tuple(_color(channel.get("color")) for channel in channels)
    found.channel_names = names if any(names) else ()
    found.channel_colors = colors if any(colors) else ()


def _unit(axis: Any) -> str:
    return str(axis.get("unit") or "") if isinstance(axis, dict) else ""


def _color(value: object) -> str:
    digits = str(value or "").lstrip("#").lower()
    is_color = len(digits) == 6 and all(digit in "0123456789abcdef" for digit in digits)
    # White is what is written where no colour is known.
    return f"#{digits}" if is_color and digits != "ffffff" else ""


def ome_attributes(like: ImageFile, axes: str, levels: int, name: str, version: str) -> dict[str, Any]:
    """Return the attributes that describe an image with its smaller levels, without its channels.

    Parameters
    ----------
    like : ImageFile
        Whose voxel size and place they tell.
    axes : str
        Of the arrays, in the order of `ORDER`.
    levels : int
        How many arrays there are, named 0, 1, …, each of half the size of the one before.
    name : str
        Of the image.
    version : str
        0.4 or 0.5.
    """
    described = []
    for letter in axes:
        axis = {"name": letter.lower(), "type": _TYPES[letter]}
        if letter in like.spacing:
            axis["unit"] = _UNITS[like.spacing[letter].unit]
        described.append(axis)
    datasets = [
        {"path": str(level), "coordinateTransformations": _transformations(like, axes, 2**level)}
        for level in range(levels)
    ]
    multiscales: dict[str, Any] = {"name": name, "axes": described, "datasets": datasets}
    if levels > 1:
        multiscales["type"] = "mean"
    if version == "0.4":
        return {"multiscales": [{"version": version, **multiscales}]}
    return {"version": version, "multiscales": [multiscales]}


def _transformations(like: ImageFile, axes: str, factor: int) -> list[dict[str, Any]]:
    """Return scale and, where it is not the origin, translation of a level."""
    scale, translation = [], []
    for letter in axes:
        step = like.spacing[letter].step if letter in like.spacing else 1.0
        shrunk = factor if letter in "YX" else 1
        scale.append(step * shrunk)
        # Positions are those of pixel centres: that of an averaged block lies between its pixels.
        translation.append(like.origin.get(letter, 0.0) + step * (shrunk - 1) / 2)
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        found.append({"type": "translation", "translation": translation})
    return found


def window_channels(
    like: ImageFile, windows: Sequence[Sequence[float]], whole: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return the channels with their names, colours and contrast.

    Parameters
    ----------
    like : ImageFile
        Whose channels they are.
    windows : sequence of (float, float)
        What to show as black and as white, for each channel.
    whole : (float, float)
        The lowest and highest value that there may be.
    """
    described = []
    for number, (start, end) in enumerate(windows):
        name = like.channel_names[number] if like.channel_names else f"channel {number}"
        color = like.channel_colors[number] if like.channel_colors else ""
        described.append(
            {
                "label": name,
                "color": color.lstrip("#").upper() or "FFFFFF",
                "active": True,
                "window": {"min": whole[0], "max": whole[1], "start": start, "end": end},
            }
        )
    return described
