"""Packages that only some formats need, and what to say when one is not installed."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from napari_blindspot.core.errors import FileError

__all__ = ["import_optional", "import_zarr"]


def import_optional(module: str, what: str, extra: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Its full name.
    what : str
        What needs it, to begin the sentence with.
    extra : str
        The extra of napari-blindspot that installs it.

    Raises
    ------
    FileError
        If it is not installed.
    """
    # What the package logs is for its makers: without a handler Python would show it in the terminal.
    logging.getLogger(module.partition(".")[0]).addHandler(logging.NullHandler())
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise FileError(
            f"{what} needs the package {package}, which is not installed or does not work here ({error}); "
            f'install it with: pip install "napari-blindspot[{extra}]".'
        ) from error


def import_zarr() -> Any:
    """Import zarr, for OME-Zarr.

    Raises
    ------
    FileError
        If it is not installed.
    """
    return import_optional("zarr", "OME-Zarr", "zarr")
