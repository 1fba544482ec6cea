"""What the name of an image file tells. What its content tells belongs to the formats."""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["stem"]


def stem(name: str) -> str:
    """Return the name of an image without its ending; ``.ome.tif`` and ``.ome.zarr`` count as one."""
    short = name.removesuffix(PurePath(name).suffix)
    return short[:-4] if short.lower().endswith(".ome") and len(short) > 4 else short
