"""The command ``export-model``: a fitted model as a file of the BioImage Model Zoo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_blindspot.cli.exits import say
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.model_file import load_model
from napari_blindspot.files.safe_write import check_writable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["export_file"]


def export_file(
    source: Path, output: Path | None, *, name: str, author: str, licence: str, overwrite: bool
) -> Path:
    """Write the model of a file for the BioImage Model Zoo, and return where.

    Parameters
    ----------
    source : Path
        A ``.safetensors`` model.
    output : Path or None
        The ZIP; beside the model if not given.
    name, author, licence : str
        As in `napari_blindspot.model_zoo.export_model`.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    BlindspotError
        For whatever is wrong with the model, its description or the output.
    """
    path = source.with_suffix(".zip") if output is None else output
    if path.suffix.lower() != ".zip":
        raise FileError(f"The output {path} is a ZIP, so its name must end in .zip.")
    if os.path.lexists(path) and not overwrite:
        raise FileError(f"{path} exists; choose another name or replace it with --overwrite.")
    model = load_model(source)
    check_writable(path)
    from napari_blindspot.model_zoo import export_model

    export_model(model, path, name=name, author=author, licence=licence)
    say(model.in_words)
    return path
