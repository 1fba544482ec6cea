"""What the scripts that take the pictures of this documentation share: options, a real viewer, patience."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

# Nothing of the user's own settings may be seen in a picture, or be changed by it.
os.environ["NAPARI_CONFIG"] = ""

import napari
from napari.settings import get_settings
from PIL import Image
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["close", "open_viewer", "photograph", "read_options", "themes", "wait", "write_picture"]

ENDINGS = {"dark": "", "light": "-light"}
"""napari's themes, and how the names of the pictures in them end."""

COLORS = 160
"""Of a picture: with fewer, gray steps are seen."""

PATIENCE = 2400.0
"""Seconds after which a run counts as hanging; beside other programs a fit takes many times as long."""


def read_options(
    description: str, more: Callable[[argparse.ArgumentParser], object] = lambda _: None
) -> argparse.Namespace:
    """Read the command line: where to write, in which themes, whether a quick look is enough, and more."""
    parser = argparse.ArgumentParser(description=description)
    more(parser)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--theme", choices=ENDINGS, action="append", help="Both if none is named.")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    return options


def themes(options: argparse.Namespace) -> Iterator[str]:
    """Switch napari to each of the themes, and give the ending of the pictures in it."""
    for theme in options.theme or ENDINGS:
        get_settings().appearance.theme = theme
        yield ENDINGS[theme]


def open_viewer() -> napari.Viewer:
    """Open an empty viewer of the size that all pictures have."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1280, 800)
    return viewer


def photograph(viewer: napari.Viewer, path: Path) -> None:
    """Take a picture of the whole window, once it has settled."""
    wait(lambda: False, 0.6)
    write_picture(Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)), path)


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture; few colours make a small file, and thin coloured lines keep theirs."""
    few = picture.convert("RGB").quantize(COLORS, kmeans=1, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def close(viewer: napari.Viewer) -> None:
    """Close a viewer, and wait until it has gone."""
    viewer.close()
    wait(lambda: False, 0.2)


def wait(until: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Let napari live until something holds, or for some seconds."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    if seconds == PATIENCE and not until():
        raise TimeoutError("A run did not get where it should.")
