"""Sets of OME-TIFF files: one OME-XML says in which file and at which place each plane of its images lies.

The XML may be in a member of the set, which is the master then, or in a companion file without pixels; the
other members only name it. How the pixels of a page are to be understood belongs to
`napari_blindspot.files.formats.tiff_pixels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.formats.finish_reading import unreadable
from napari_blindspot.files.formats.tiff_log import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OmeSet", "SetImage", "find_set", "set_members"]

Index = tuple[int, ...]

_MOST_PLANES = 2_000_000
"""Of an image: the list of more takes longer than a user waits, and such numbers are mistakes."""

_LEAST_PAGE = 30
"""Bytes of a page of a TIFF, which has at least two entries and its place in a list."""


@dataclass(frozen=True, slots=True)
class SetImage:
    """An image whose planes lie in several files.

    Attributes
    ----------
    number : int
        Among the images of the XML.
    name : str
        As the XML calls it.
    axes : str
        Of the leading axes, those of length 1 left out.
    shape : tuple of int
        Their lengths.
    planes : mapping of tuple of int to (Path, int)
        The file and the page of each plane that the XML tells.
    """

    number: int
    name: str
    axes: str
    shape: Index
    planes: dict[Index, tuple[Path, int]] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """The files in which planes lie, in the order of the planes."""
        return list(dict.fromkeys(path for _, (path, _) in sorted(self.planes.items())))

    @property
    def missing(self) -> list[Path]:
        """Those that are not there."""
        return [path for path in self.files if not path.exists()]


@dataclass(frozen=True, slots=True)
class OmeSet:
    """What the XML of a set says.

    Attributes
    ----------
    head : Path
        The file that has the XML.
    xml : str
        The XML.
    images : list of SetImage
        Those that the opened file is to give.
    """

    head: Path
    xml: str
    images: list[SetImage]

    @property
    def files(self) -> list[Path]:
        """The files that are there: the head first if it has pixels, then in the order of the planes."""
        planes = [path for image in self.images for path in image.files]
        head = [self.head] if self.head in planes else []
        return [path for path in dict.fromkeys(head + planes) if path.exists()]


def set_members(source: Path) -> tuple[Path, ...]:
    """Return the files whose planes opening a TIFF gives; the first of them stands for their set.

    Returns
    -------
    tuple of Path
        Empty if the file is whole by itself, or its set cannot be read.
    """
    try:
        found = find_set(source)
    except FileError:
        return ()
    return tuple(found.files) if found is not None and len(found.files) > 1 else ()


def find_set(source: Path) -> OmeSet | None:
    """Return the set that a TIFF or companion file belongs to; None if the file is whole by itself.

    Raises
    ------
    FileError
        If the file that describes the set is not there or cannot be read.
    """
    text = _described_by(source, source)
    root = _parse(text)
    if root is None:
        return None
    _refuse_endless(source, root)
    own, head = root.get("UUID"), source
    names = [node.get("MetadataFile", "") for node in root.iterfind("{*}BinaryOnly")]
    if names:
        head = source.parent / Path(names[0].replace("\\", "/")).name
        text = _described_by(source, head)
        root = _parse(text)
        if root is None:
            raise FileError(f"The file {head}, which describes the set of {source.name}, is no OME-XML.")
    named = {(node.text or "", _file_name(node)) for node in root.iterfind(".//{*}TiffData/{*}UUID")}
    is_alone = head == source and len({name for _, name in named}) < 2
    if not named or (is_alone and any(own == uuid or source.name == name for uuid, name in named)):
        return None
    places = {
        key: source if is_alone or key[0] == own or key[1] == source.name else source.parent / key[1]
        for key in named
    }
    _refuse_endless(head, root)
    with unreadable(source, f"The OME-XML of {head} does not say where the planes of {source.name} are"):
        images = [
            _image(number, element, places, source)
            for number, element in enumerate(root.iterfind("{*}Image"))
            if element.find("{*}Pixels") is not None
        ]
    images = [image for image in images if image.planes]
    touched = [image for image in images if source in image.files]
    is_whole = bool(touched) and all(image.files == [source] for image in touched)
    if (head != source and touched) or (not is_alone and is_whole):
        # A member gives the images that it has planes of; it may also hold images of its own.
        images = touched
    return OmeSet(head, text, images) if images else None


def _refuse_endless(source: Path, root: ElementTree.Element) -> None:
    """Refuse images of more planes than could be listed, before anything makes a list of them.

    Raises
    ------
    FileError
        If there is one.
    """
    for pixels in root.iterfind("{*}Image/{*}Pixels"):
        lengths = [pixels.get(f"Size{axis}", "1") for axis in "TZC"]
        planes = math.prod(int(length) for length in lengths if length.isdecimal() and len(length) < 20)
        if planes > _MOST_PLANES:
            raise FileError(
                f"The OME-XML of {source} speaks of an image of {planes} planes, but at most "
                f"{_MOST_PLANES} can be read."
            )


def _description(source: Path) -> str:
    """Return the description of a TIFF's first page."""
    import tifffile

    # Whoever opens the file says what is wrong with it.
    try:
        with quiet(), tifffile.TiffFile(source, is_ome=False) as tiff:
            return str(tiff.pages.first.description)
    except Exception:
        return ""


def _described_by(source: Path, head: Path) -> str:
    try:
        with head.open("rb") as stream:
            start = stream.read(4)
        if start[:2] in (b"II", b"MM"):
            return _description(head)
        return head.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FileError(
            f"The file {source} belongs to a set of OME-TIFF files that {head.name} describes, which is "
            f"not beside it ({error.strerror or error}); put all files of the set into one folder."
        ) from error


def _parse(text: str) -> ElementTree.Element | None:
    if "<OME" not in text[:4096] and "OME" not in text[:4096]:
        return None
    try:
        return ElementTree.fromstring(text.encode("utf-8", "replace") if text.startswith("<?xml") else text)
    except (ElementTree.ParseError, ValueError):
        return None


def _file_name(node: ElementTree.Element) -> str:
    return Path((node.get("FileName") or "").replace("\\", "/")).name


def _image(
    number: int, element: ElementTree.Element, places: dict[tuple[str, str], Path], source: Path
) -> SetImage:
    """Read where the planes of an image lie."""
    pixels = element.find("{*}Pixels")
    assert pixels is not None
    order = pixels.get("DimensionOrder", "XYZCT")[:1:-1]
    samples = max([int(c.get("SamplesPerPixel") or 1) for c in pixels.iterfind("{*}Channel")], default=1)
    lengths = {axis: int(pixels.get(f"Size{axis}", "1")) for axis in order}
    lengths["C"] = max(lengths["C"] // samples, 1)
    whole = tuple(lengths[axis] for axis in order)
    kept = [position for position, length in enumerate(whole) if length > 1]
    stage = element.find("{*}StageLabel")
    name = " ".join(filter(None, (element.get("Name"), None if stage is None else stage.get("Name"))))
    image = SetImage(
        number,
        name,
        "".join(order[position] for position in kept),
        tuple(whole[position] for position in kept),
    )
    for data in pixels.iterfind("{*}TiffData"):
        node = data.find("{*}UUID")
        path = source if node is None else places[(node.text or "", _file_name(node))]
        first = tuple(int(data.get(f"First{axis}", "0")) for axis in order)
        if any(at >= length for at, length in zip(first, whole, strict=True)):
            continue
        start = int(np.ravel_multi_index(first, whole))
        most = min(math.prod(whole) - start, _most_pages(path))
        for step, page in enumerate(_pages(data, path, most)):
            index = np.unravel_index(start + step, whole)
            image.planes[tuple(int(index[position]) for position in kept)] = (path, page)
    return image


def _most_pages(path: Path) -> int:
    """Return how many pages a file of this size can have: numbers in the XML may make no longer lists."""
    try:
        return max(path.stat().st_size // _LEAST_PAGE, 1)
    except OSError:
        # It is missing, and is refused for that.
        return 1


def _pages(data: ElementTree.Element, path: Path, most: int) -> Iterator[int]:
    """Give the pages of a file that a TiffData is about."""
    first = int(data.get("IFD", "0"))
    count = data.get("PlaneCount") or data.get("NumPlanes") or ("1" if "IFD" in data.keys() else None)
    if count is None:
        import tifffile

        with quiet():
            try:
                with tifffile.TiffFile(path, is_ome=False) as tiff:
                    count = str(len(tiff.pages))
            except Exception:
                count = str(most)
    yield from range(first, first + min(int(count), most))
