"""Reading CZI plane by plane through Zeiss's own library, pylibCZIrw.

Which planes and tiles a file holds is told by its directory, `napari_blindspot.files.formats.czi_scenes`;
what its metadata tell is in `napari_blindspot.files.formats.czi_metadata`.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.files.formats.czi_metadata import channel_labels, czi_metadata, scene_names
from napari_blindspot.files.formats.czi_scenes import CziScene, czi_scenes
from napari_blindspot.files.formats.dimensions import Dimensions, closed_with
from napari_blindspot.files.formats.finish_reading import image_of, opening, unreadable
from napari_blindspot.files.formats.optional import import_optional
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.image_file import ImageFile, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["czi_series", "open_czi"]

_DTYPES = {
    "Gray8": "uint8",
    "Gray16": "uint16",
    "Gray32Float": "float32",
    "Bgr24": "uint8",
    "Bgr48": "uint16",
    "Bgr96Float": "float32",
}
"""Kinds of pixels that pylibCZIrw reads."""

_LEAST_GAP = 0.0005
"""Share of an image that is worth a word if no tile covers it."""


def open_czi(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one scene of a CZI; its planes are read when they are asked for.

    The tiles of a mosaic are put together. Planes that are not in the file, and what no tile covers, are 0,
    and a notice says so.

    Raises
    ------
    FileError
        If pylibCZIrw is not installed or cannot read the file, or the file holds several scenes and none is
        chosen.
    ImageError
        If its axes are not those of an image.
    """
    with opening(source, _problems(source)), ExitStack() as opened:
        file = opened.enter_context(closing(_open(source)))
        document = ElementTree.fromstring(file.raw_metadata)
        scenes = czi_scenes(file)
        scene = scenes[choose_series(source, _listed(scenes, document), series)]
        dimensions = _dimensions(scene, document)
        dtype = _dtype(source, scene)
        array = dimensions.array(dtype, _reader(source, file, scene, dtype))
        found = czi_metadata(document, dimensions)
        notices = (*dimensions.notices, *_missing(scene))
        image = image_of(closed_with(array, file.close), dimensions.axes, axes, found, notices)
        opened.pop_all()
        return image


def czi_series(source: Path) -> list[Series]:
    """Return the scenes of a CZI.

    Raises
    ------
    FileError
        If pylibCZIrw is not installed or cannot read the file.
    """
    with opening(source, _problems(source)):
        with closing(_open(source)) as file:
            return _listed(czi_scenes(file), ElementTree.fromstring(file.raw_metadata))


def _open(source: Path) -> Any:
    return import_optional("pylibCZIrw.czi", "CZI", "formats").CziReader(str(source))


def _listed(scenes: list[CziScene], document: ElementTree.Element) -> list[Series]:
    found, names = [], scene_names(document)
    for number, scene in enumerate(scenes):
        shape, axes = _dimensions(scene, document).shown
        name = "" if scene.number is None else names.get(scene.number, "")
        kinds = {_DTYPES.get(kind, kind) for kind in scene.pixel_types.values()}
        found.append(Series(number, name, shape, axes, ", ".join(sorted(kinds))))
    return found


def _dimensions(scene: CziScene, document: ElementTree.Element) -> Dimensions:
    plane = dict(zip("YX", scene.plane_shape, strict=True))
    if any("Bgr" in kind for kind in scene.pixel_types.values()):
        plane["S"] = 3
    return Dimensions(scene.lengths, plane, {"C": channel_labels(document, scene.starts.get("C", 0))})


def _dtype(source: Path, scene: CziScene) -> np.dtype[Any]:
    kinds = set(scene.pixel_types.values())
    unknown = sorted(kinds - _DTYPES.keys())
    if unknown:
        raise FileError(
            f"The CZI file {source} holds pixels of the type {unknown[0]}, but these can be read: "
            f"{', '.join(_DTYPES)}; export it as OME-TIFF."
        )
    if len({"Bgr" in kind for kind in kinds}) > 1:
        raise FileError(
            f"Some channels of the CZI file {source} are in colour and others gray, but all must be of one "
            "kind; export them as files of their own."
        )
    return np.result_type(*(np.dtype(_DTYPES[kind]) for kind in kinds))


def _reader(
    source: Path, file: Any, scene: CziScene, dtype: np.dtype[Any]
) -> Callable[[Mapping[str, int]], npt.NDArray[Any]]:
    one_at_a_time = threading.Lock()

    def read(where: Mapping[str, int]) -> npt.NDArray[Any]:
        place = scene.place(where)
        kind = scene.pixel_types.get(place.get("C", 0), next(iter(scene.pixel_types.values())))
        is_colour = "Bgr" in kind
        if not scene.holds(place):
            return np.zeros((*scene.plane_shape, 3) if is_colour else scene.plane_shape, dtype)
        with unreadable(source, _problems(source)), one_at_a_time:
            pixels = file.read(plane=place, scene=scene.number, roi=scene.area, pixel_type=kind)
            # The samples come as blue, green, red. A copy, because the memory is the library's.
            return np.array(pixels[..., ::-1] if is_colour else pixels[..., 0], dtype)

    return read


def _missing(scene: CziScene) -> list[Notice]:
    found = []
    if scene.missing:
        found.append(Notice("planes-missing", {"count": scene.missing, "planes": scene.planes}))
    gaps = scene.uncovered()
    if gaps >= _LEAST_GAP:
        found.append(Notice("tiles-with-gaps", {"fraction": gaps}))
    return found


def _problems(source: Path) -> str:
    return f"The CZI file {source} is damaged, or of a kind that pylibCZIrw cannot read"
