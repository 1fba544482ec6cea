"""The contact sheet: every method's estimate beside its error, so that numbers can be seen."""

from __future__ import annotations

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
    from PIL.ImageDraw import ImageDraw

    from napari_blindspot.benchmark.runner import BenchmarkOptions, ScoredImage
    from napari_blindspot.benchmark.table import ScoreTable

    Plane = npt.NDArray[np.float32]

__all__ = ["ERROR_GAIN", "write_contact_sheet"]

ERROR_GAIN = 4.0
"""By what |estimate - truth| is multiplied."""

TILE = 192
GAP = 6
LABEL = 16


def write_contact_sheet(
    path: Path,
    table: ScoreTable,
    samples: Sequence[ScoredImage],
    names: Sequence[str],
    options: BenchmarkOptions,
) -> None:
    """Draw the first capture of each scene: the noisy image, each method, the truth; errors ×4 below.

    The central 192×192 pixels of each are shown at full resolution, stretched between the truth's 0.5 and
    99.8 percentiles; errors are on the scale of the image, [0, 255].
    """
    from PIL import Image, ImageDraw

    firsts: dict[str, ScoredImage] = {}
    for sample in samples:
        firsts.setdefault(sample.scene, sample)
    shown = [name for name in names if name != "noisy"]
    strips = []
    for sample in firsts.values():
        try:
            noisy, truth = sample.load(options.crop)
        except BlindspotError:
            continue  # the report names it
        strips.append((sample, noisy, truth))
    if not strips:
        return
    height = LABEL + len(strips) * (2 * TILE + LABEL + 3 * GAP)
    width = GAP + (len(shown) + 2) * (TILE + GAP)
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    for column, label in enumerate(["noisy", *shown, "truth"]):
        draw.text((GAP + column * (TILE + GAP), 2), label, fill=0)
    top = LABEL
    for sample, noisy, truth in strips:
        draw.text((GAP, top + 2), f"{sample.scene}, capture {sample.capture}", fill=0)
        low, high = np.percentile(truth, (0.5, 99.8))
        for column, name in enumerate(["noisy", *shown, "truth"]):
            left = GAP + column * (TILE + GAP)
            estimate = _estimate(table.folder, sample, name, noisy, truth)
            if estimate is None:
                _say_nothing_there(draw, left, top + LABEL + GAP)
                continue
            above = (centre_crop(estimate, TILE) - low) / max(high - low, 1.0) * 255.0
            below = np.abs(centre_crop(np.clip(estimate, 0.0, 255.0) - truth, TILE)) * ERROR_GAIN
            for row, tile in enumerate((above, below)):
                pixels = Image.fromarray(np.clip(tile, 0.0, 255.0).astype(np.uint8))
                image.paste(pixels, (left, top + LABEL + GAP + row * (TILE + GAP)))
        top += 2 * TILE + LABEL + 3 * GAP
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    write_atomically(path, buffer.getvalue())


def _estimate(folder: Path, sample: ScoredImage, name: str, noisy: Plane, truth: Plane) -> Plane | None:
    if name in ("noisy", "truth"):
        return noisy if name == "noisy" else truth
    path = estimate_path(folder, sample.scene, sample.capture, name)
    if not path.exists():
        return None
    estimate: Plane = np.load(path)
    return estimate if estimate.shape == truth.shape else None


def _say_nothing_there(draw: ImageDraw, left: int, top: int) -> None:
    draw.text((left + 8, top + TILE // 2), "no result", fill=0)
