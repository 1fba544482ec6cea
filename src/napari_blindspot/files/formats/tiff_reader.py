"""Reading TIFF: from a path and what the user chooses to one image with its metadata.

Which images a file holds is told by `tiff_images` and `ome_set`, how their planes are read by
`tiff_planes`, what their numbers mean by `tiff_pixels`, voxel size and channels by `tiff_metadata`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.core.notices import Notice
from napari_blindspot.files.formats.finish_reading import image_of
from napari_blindspot.files.formats.metadata import RUN_RECORD
from napari_blindspot.files.formats.ome_set import find_set
from napari_blindspot.files.formats.scanimage import channels_in_turn
from napari_blindspot.files.formats.series import choose_series
from napari_blindspot.files.formats.tiff_images import images_of
from napari_blindspot.files.formats.tiff_log import quiet
from napari_blindspot.files.formats.tiff_metadata import metadata_of_ome, read_annotation, read_metadata
from napari_blindspot.files.formats.tiff_opening import opened_tiff
from napari_blindspot.files.formats.tiff_pixels import as_shown, display_color, turns_sideways
from napari_blindspot.files.formats.tiff_planes import damage, planes_of, planes_of_set
from napari_blindspot.files.image_file import ImageFile, Series

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.files.formats.metadata import Metadata
    from napari_blindspot.files.formats.ome_set import OmeSet
    from napari_blindspot.files.formats.tiff_images import TiffImage
    from napari_blindspot.files.lazy_array import LazyArray

__all__ = ["open_tiff", "tiff_record", "tiff_series"]

_MICROSCOPES = frozenset(
    ("imagej", "ome", "lsm", "stk", "fluoview", "micromanager", "scanimage", "sis", "nih", "mdgel", "tvips")
)
"""What tifffile calls the programs of microscopes, whose palettes only colour intensities."""


def open_tiff(source: Path, series: int | None = None, axes: str | None = None) -> ImageFile:
    """Open one image of a TIFF, or of the set that it belongs to; planes are read when they are asked for.

    Raises
    ------
    FileError
        If the file is damaged, cut off or without an image, or holds several and none is chosen; or if a
        file of its set is missing.
    ImageError
        If its axes are not those of an image.
    """
    found = find_set(source)
    if found is not None:
        return _open_of_set(source, found, series, axes)
    with opened_tiff(source) as tiff:
        images = images_of(tiff)
        there = [image.series(number) for number, image in enumerate(images)]
        image = images[choose_series(source, there, series)]
        page = image.pages.keyframe
        metadata = read_metadata(tiff, page, image.number)
        keeps_numbers = page.is_scanimage or not _MICROSCOPES.isdisjoint(tiff.flags)
        if not keeps_numbers:
            metadata.channel_colors = tuple(filter(None, [display_color(page)]))
        array, said = planes_of(source, image.pages, image.chosen)
        named, scanned = metadata.call_rows_y(image.axes)
        shown = as_shown(array, named, page, keeps_numbers=keeps_numbers, source=source)
        said += (*scanned, *_in_turn(tiff, image, axes), *_fewer_than_noted(tiff, image))
        return _finished(shown, page, axes, metadata, said)


def _in_turn(tiff: Any, image: TiffImage, axes: str | None) -> tuple[Notice, ...]:
    """Say that channels stand in turn on one axis, where nobody has named it."""
    length, count = len(image.pages.pages), channels_in_turn(tiff.pages.first)
    if (axes and "C" in axes.upper()) or count < 2 or length % count or not image.axes.startswith("IYX"):
        return ()
    return (Notice("channels-in-turn", {"count": count, "length": length}),)


def _fewer_than_noted(tiff: Any, image: TiffImage) -> tuple[Notice, ...]:
    """Say that there are other planes than ImageJ's notes speak of."""
    promised, there = (tiff.imagej_metadata or {}).get("images", 1), len(image.pages.pages)
    if image.pages.kind == "imagej" or not tiff.is_imagej or promised == there:
        return ()
    return (Notice("planes-promised", {"promised": promised, "there": there, "missing": ""}),)


def _open_of_set(source: Path, found: OmeSet, series: int | None, axes: str | None) -> ImageFile:
    image = found.images[choose_series(source, _series_of_set(source, found), series)]
    array, page, said = planes_of_set(source, image)
    shown = as_shown(array, image.axes + page.axes, page, keeps_numbers=True, source=source)
    return _finished(shown, page, axes, metadata_of_ome(found.xml, image.number), said)


def _finished(
    shown: tuple[LazyArray, str, tuple[Notice, ...]],
    page: Any,
    axes: str | None,
    metadata: Metadata,
    said: tuple[Notice, ...],
) -> ImageFile:
    array, named, notices = shown
    if turns_sideways(page):
        metadata.turn_sideways()
    if axes and len(axes.strip()) == array.ndim - 1 and named.endswith("S"):
        # The user names the axes of the numbers, but a palette has made colours of them.
        axes = f"{axes.strip()}S"
    return image_of(array, named, axes, metadata, (*said, *notices))


def tiff_series(source: Path) -> list[Series]:
    """Return the images of a TIFF, or of the set that it belongs to.

    Raises
    ------
    FileError
        If the file is damaged or cut off.
    """
    found = find_set(source)
    if found is not None:
        return _series_of_set(source, found)
    with opened_tiff(source) as tiff:
        return [image.series(number) for number, image in enumerate(images_of(tiff))]


def tiff_record(source: Path) -> dict[str, str]:
    """Return what the run that wrote an OME-TIFF has noted in it; empty if there is no such note.

    Raises
    ------
    FileError
        If the file is damaged.
    """
    import tifffile

    with damage(source), quiet(), tifffile.TiffFile(source) as tiff:
        return read_annotation(tiff.ome_metadata or "", RUN_RECORD)


def _series_of_set(source: Path, found: OmeSet) -> list[Series]:
    """List the images of a set; all members have pages like those of the file that was opened."""
    import tifffile

    there = next(iter(found.files), source)
    with damage(source), quiet(), tifffile.TiffFile(there, is_ome=False) as tiff:
        page = tiff.pages.first
        return [
            Series(number, image.name, (*image.shape, *page.shape), image.axes + page.axes, str(page.dtype))
            for number, image in enumerate(found.images)
        ]
