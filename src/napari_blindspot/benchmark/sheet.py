"""The contact sheet: every method's estimate beside its error, so that numbers can be seen."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.pairs import centre_crop
from napari_blindspot.benchmark.runner import estimate_path
from napari_blindspot.benchmark.table import write_atomically
from napari_blindspot.core.errors import BlindspotError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.benchmark.runner import BenchmarkOptions, ScoredImage
    from napari_blindspot.benchmark.table import ScoreTable

    Plane = npt.NDArray[np.float32]

__all__ = ["ERROR_GAIN", "write_contact_sheet"]

ERROR_GAIN = 4.0
"""By what |estimate - truth| is multiplied."""

TILE_SIDE, SPACE, LABEL_HEIGHT = 192, 6, 16
"""Side of a picture, space between two, and height of a line of text, in pixels."""

STRIP_HEIGHT = 2 * TILE_SIDE + LABEL_HEIGHT + 3 * SPACE
"""Height of a scene in pixels: its name, the estimates, and their errors below."""


def write_contact_sheet(
    path: Path,
    table: ScoreTable,
    images: Sequence[ScoredImage],
    names: Sequence[str],
    options: BenchmarkOptions,
) -> None:
    """Draw the first capture of each scene: the noisy image, each method, the truth; errors ×4 below.

    The central 192×192 pixels of each are shown at full resolution, stretched between the truth's 0.5 and
    99.8 percentiles; errors are on the scale of the image, [0, 255].

    Parameters
    ----------
    path : Path
        PNG to write.
    table : ScoreTable
        Beside which the estimates lie.
    images : sequence of ScoredImage
        In the order of the scenes; those that cannot be read are left out, and the report names them.
    names : sequence of str
        Methods in the order of the columns.
    options : BenchmarkOptions
        Of the run.
    """
    from PIL import Image, ImageDraw

    strips = _strips(images, options.crop)
    if not strips:
        return
    columns = ["noisy", *(name for name in names if name != "noisy"), "truth"]
    size = SPACE + len(columns) * (TILE_SIDE + SPACE), LABEL_HEIGHT + len(strips) * STRIP_HEIGHT
    sheet = Image.new("L", size, 255)
    draw = ImageDraw.Draw(sheet)
    for column, label in enumerate(columns):
        draw.text((_left(column), 2), label, fill=0)
    for number, (image, noisy, truth) in enumerate(strips):
        top = LABEL_HEIGHT + number * STRIP_HEIGHT
        draw.text((SPACE, top + 2), f"{image.scene}, capture {image.capture}", fill=0)
        for column, name in enumerate(columns):
            estimate = _estimate(table.folder, image, name, noisy, truth)
            if estimate is None:
                draw.text((_left(column) + 8, _row(top, 0) + TILE_SIDE // 2), "no result", fill=0)
                continue
            for row, tile in enumerate(_tiles(estimate, truth)):
                sheet.paste(Image.fromarray(tile), (_left(column), _row(top, row)))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    write_atomically(path, buffer.getvalue())


def _left(column: int) -> int:
    """Return where a column begins, in pixels."""
    return SPACE + column * (TILE_SIDE + SPACE)


def _row(top: int, row: int) -> int:
    """Return where a row of a strip begins that lies at `top`, in pixels."""
    return top + LABEL_HEIGHT + SPACE + row * (TILE_SIDE + SPACE)


def _strips(images: Sequence[ScoredImage], crop: int | None) -> list[tuple[ScoredImage, Plane, Plane]]:
    """Return the first image of each scene that can be read, with noisy image and truth, (Y, X)."""
    firsts: dict[str, ScoredImage] = {}
    for image in images:
        firsts.setdefault(image.scene, image)
    strips = []
    for image in firsts.values():
        with contextlib.suppress(BlindspotError):  # the report names it
            strips.append((image, *image.load(crop)))
    return strips


def _tiles(estimate: Plane, truth: Plane) -> list[npt.NDArray[np.uint8]]:
    """Return the centres of an (Y, X) estimate and of its error as they are shown."""
    low, high = np.percentile(truth, (0.5, 99.8))
    above = (centre_crop(estimate, TILE_SIDE) - low) / max(high - low, 1.0) * 255.0
    below = np.abs(centre_crop(np.clip(estimate, 0.0, 255.0) - truth, TILE_SIDE)) * ERROR_GAIN
    return [np.clip(tile, 0.0, 255.0).astype(np.uint8) for tile in (above, below)]


def _estimate(folder: Path, image: ScoredImage, name: str, noisy: Plane, truth: Plane) -> Plane | None:
    """Return what a column shows of an image, (Y, X); None where a method has no estimate of it."""
    if name in ("noisy", "truth"):
        return noisy if name == "noisy" else truth
    path = estimate_path(folder, image.scene, image.capture, name)
    if not path.exists():
        return None
    estimate: Plane = np.load(path)
    return estimate if estimate.shape == truth.shape else None
