"""What all readers end with: pixels and metadata become an image, and what failed becomes one sentence."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import BlindspotError, FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import first_line
from napari_blindspot.files.axes import (
    check_axes,
    fold_channels,
    guess_axes,
    planes_last,
    without_single_steps,
)
from napari_blindspot.files.image_file import ImageFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_blindspot.files.formats.metadata import Metadata
    from napari_blindspot.files.lazy_array import LazyArray

__all__ = ["image_of", "opening", "unreadable"]


def image_of(
    pixels: LazyArray | NDArray[Any],
    named: str,
    axes: str | None,
    metadata: Metadata,
    notices: tuple[Notice, ...] = (),
) -> ImageFile:
    """Put pixels and metadata together, planes last.

    Parameters
    ----------
    pixels : LazyArray or ndarray
        In the order of the file.
    named : str
        The axes that the file names; guessed where it does not.
    axes : str or None
        What the user says instead.
    metadata : Metadata
        Of the file.
    notices : tuple of Notice
        What was noticed when it was read.

    Raises
    ------
    ImageError
        If the axes are not those of an image.

    Notes
    -----
    Samples of a pixel that are no colours become channels, unless the user says that they are samples.
    """
    if not axes:
        pixels, named = without_single_steps(pixels, named)
    letters, said = (check_axes(axes, pixels.shape), ()) if axes else guess_axes(pixels.shape, named)
    if "S" in letters and not axes and not _are_colours(pixels, letters):
        said = (*said, Notice("samples-as-channels", {"count": pixels.shape[letters.index("S")]}))
        letters = letters.replace("S", "s" if "C" in letters else "C")
    ordered, letters = planes_last(pixels, letters)
    metadata.fit_channels(ordered.shape[letters.index("C")] if "C" in letters else 1)
    ordered, letters, names, folded = fold_channels(ordered, letters, metadata.channel_names)
    metadata.channel_names = names
    metadata.fit_channels(ordered.shape[letters.index("C")] if "C" in letters else 1)
    return ImageFile(
        ordered,
        letters,
        metadata.spacing,
        metadata.channel_names,
        (*notices, *said, *folded),
        metadata.channel_colors,
        metadata.origin,
    )


def _are_colours(pixels: LazyArray | NDArray[Any], axes: str) -> bool:
    """Tell whether samples are red, green and blue: cameras and screens have three of 8 bits."""
    return pixels.dtype == "uint8" and pixels.shape[axes.index("S")] == 3


@contextlib.contextmanager
def unreadable(source: Path, sentence: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into a `FileError`.

    Parameters
    ----------
    source : Path
        The file.
    sentence : str
        What to say about it; the library's first line follows.
    """
    try:
        yield
    except BlindspotError:
        raise
    except MemoryError as error:
        raise FileError(f"A plane of {source} does not fit into memory.") from error
    # What libraries and their codecs raise on damaged data and metadata is open-ended.
    except Exception as error:
        raise FileError(f"{sentence}: {first_line(error)}.") from error


@contextlib.contextmanager
def opening(source: Path, sentence: str) -> Iterator[None]:
    """Do what `unreadable` does, and keep to itself what a library finds odd in metadata that it can read.

    Only for opening a file: planes are read in threads, which share what is done with warnings.
    """
    with warnings.catch_warnings(), unreadable(source, sentence):
        warnings.simplefilter("ignore")
        yield
