"""Fits that several tables are made of: made once, then read from a folder."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.events import Finished
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    import argparse

    from napari_blindspot import Result
    from napari_blindspot.core.model import Model

__all__ = ["add_option", "kept_fit"]


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let a folder be named in which fits are kept."""
    parser.add_argument("--keep", type=Path, help="folder for fits, which the next table reads again")


def kept_fit(name: str, noisy: Any, preset: str, folder: Path | None) -> tuple[Result, Model | None]:
    """Return the fit of an image on the CPU, and its networks.

    Parameters
    ----------
    name : str
        Of the image; with the preset it is the name of the file.
    noisy : array_like
        (Y, X).
    preset : str
        Of the measured presets.
    folder : Path or None
        Where fits are kept; files in it are trusted.
    """
    path = None if folder is None else folder / f"{name} {preset}.pickle".replace("/", " ")
    if path is not None and path.is_file():
        kept: tuple[Result, Model | None] = pickle.loads(path.read_bytes())
        return kept
    for event in fit_plane(noisy, Settings.from_preset(preset, device="cpu")):
        if isinstance(event, Finished):
            made = event.result, event.model
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(pickle.dumps(made))
            return made
    raise RuntimeError("The fit has no end.")
