"""The images in a Zarr folder: one, those of a plate, of a collection, of a scene.

What their metadata mean is in `napari_blindspot.files.formats.ngff`; their pixels are read in
`napari_blindspot.files.formats.zarr_reader`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.formats.ngff import axes_of, letter_of
from napari_blindspot.files.formats.optional import import_zarr
from napari_blindspot.files.image_file import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["ZarrImage", "list_zarr_images", "zarr_images"]

_LABELS = "labels"


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """An image of a Zarr folder; its array is not opened before it is asked for.

    Attributes
    ----------
    name : str
        Its path within the folder, or what it is called there.
    group : zarr.Group or zarr.Array
        Where it is.
    multiscales, omero : mapping
        The metadata of the same names; empty for a plain array.
    """

    name: str
    group: Any
    multiscales: Mapping[str, Any] = field(default_factory=dict)
    omero: Mapping[str, Any] = field(default_factory=dict)

    @property
    def array(self) -> Any:
        """The array of the full resolution."""
        if not self.multiscales:
            return self.group
        path = self.multiscales["datasets"][0]["path"]
        if path not in self.group:
            raise ValueError(f"the array {path!r} is not there")
        return self.group[path]

    def axes(self, array: Any) -> str:
        """Return what the file calls the axes of its array; empty if it does not name them."""
        if self.multiscales:
            return axes_of(self.multiscales, array.ndim)
        # Arrays of Zarr 2 have no names; xarray gives them some.
        names = (
            getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or ()
        )
        letters = [letter_of(name or "") for name in names]
        return "".join(letters) if "Y" in letters and "X" in letters else ""


def zarr_images(source: Path) -> list[ZarrImage]:
    """Return the images of a Zarr folder.

    Raises
    ------
    FileError
        If zarr is not installed, the folder holds no image, or labels instead of intensities.
    """
    root = import_zarr().open(str(source), mode="r")
    if not hasattr(root, "members"):
        _refuse_labels(source, root, {})
        return [_level_of_image(source) or ZarrImage("", root)]
    _refuse_labels(source, root, _ome(root))
    images = list(_in_group(root, ""))
    if not images:
        raise FileError(
            f"The Zarr folder {source} holds no image of OME-Zarr; give the folder of one of its arrays."
        )
    return images


def _level_of_image(source: Path) -> ZarrImage | None:
    """Return the image of which an array is one of the sizes; None of an array that lies elsewhere."""
    try:
        group = import_zarr().open_group(str(source.absolute().parent), mode="r")
    # What zarr raises where there is no group is open-ended.
    except Exception:
        return None
    ome = _ome(group)
    for multiscales in ome.get("multiscales") or ():
        for level in multiscales.get("datasets") or ():
            if level.get("path") == source.absolute().name:
                return ZarrImage("", group, {**multiscales, "datasets": [level]}, ome.get("omero") or {})
    return None


def list_zarr_images(images: list[ZarrImage]) -> list[Series]:
    """Return images as choices to offer."""
    found = []
    for number, image in enumerate(images):
        array = image.array
        axes = image.axes(array) or "?"
        found.append(Series(number, image.name, tuple(array.shape), axes, str(array.dtype)))
    return found


def _in_group(group: Any, name: str) -> Iterator[ZarrImage]:
    """Give the images of a group: its own, or those of the groups in it."""
    ome = _ome(group)
    if ome.get("multiscales"):
        for multiscales in ome["multiscales"]:
            called = name or str(multiscales.get("name") or "")
            yield ZarrImage(called, group, multiscales, ome.get("omero") or {})
        return
    for path in _paths(group, ome):
        # A plate that is not here as a whole names wells that are not here.
        if path in group:
            inner = group[path]
            if hasattr(inner, "members") and "image-label" not in _ome(inner):
                yield from _in_group(inner, f"{name}/{path}".lstrip("/"))


def _paths(group: Any, ome: Mapping[str, Any]) -> list[str]:
    """Return where the images of a group are: as it says, or else in the groups that are numbered."""
    if "plate" in ome:
        return [well["path"] for well in ome["plate"].get("wells", ())]
    if "well" in ome:
        return [image["path"] for image in ome["well"].get("images", ())]
    if "scene" in ome:
        ends = [
            one.get(end)
            for one in ome["scene"].get("coordinateTransformations", ())
            for end in ("input", "output")
        ]
        paths = [end["path"] for end in ends if isinstance(end, dict) and end.get("path")]
        return list(dict.fromkeys(paths))
    if "OME" in group:
        listed = _ome(group["OME"]).get("series")
        if listed:
            return list(listed)
    return sorted((key for key in group.group_keys() if key.isdecimal()), key=int)


def _refuse_labels(source: Path, root: Any, ome: Mapping[str, Any]) -> None:
    # The metadata of a label image may be left out; all arrays below a group "labels" are labels.
    within = any(parent.name == _LABELS for parent in (source, *source.absolute().parents[:2]))
    if "image-label" in ome or (within and _belongs_to_image(source)) or set(ome) == {_LABELS}:
        raise FileError(
            f"The Zarr folder {source} is a label image (image-label), whose numbers name objects, but "
            "intensities are needed: choose the image that it belongs to."
        )


def _belongs_to_image(source: Path) -> bool:
    """Tell whether the group "labels" that a folder is in is that of an image."""
    place = source.absolute()
    holder = next(folder for folder in (place, *place.parents) if folder.name == _LABELS)
    return any((holder.parent / name).is_file() for name in (".zgroup", ".zattrs", "zarr.json"))


def _ome(group: Any) -> dict[str, Any]:
    """Return the attributes of OME-Zarr of a group; since version 0.5 they have a name of their own."""
    attributes = dict(group.attrs)
    inner = attributes.get("ome")
    return inner if isinstance(inner, dict) else attributes
