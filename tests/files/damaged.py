"""Small files of TIFF, OME-Zarr and PNG, and ways to damage them: the material of the fuzz."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import tifffile

from napari_blindspot.files.door import WriteOptions, list_series, open_image, write_image
from napari_blindspot.files.image_file import ImageFile

if TYPE_CHECKING:
    import random

PIXELS = np.random.default_rng(0).integers(0, 4096, (2, 3, 16, 20)).astype(np.uint16)

MOST_BYTES = 4 << 30
"""Address space, above what a process has already, that opening a damaged file may take."""


def make_files(folder: Path) -> list[Path]:
    """Write a small file or folder of each kind, and return their paths."""
    image = ImageFile(PIXELS, "CZYX")
    for name in ("whole.ome.tif", "whole.ome.zarr"):
        write_image(folder / name, image, lambda index: PIXELS[index], "uint16")
    zstd = WriteOptions(compression="zstd", ngff="0.4")
    write_image(folder / "old.ome.zarr", image, lambda index: PIXELS[index], "uint16", options=zstd)
    tifffile.imwrite(folder / "plain.tif", PIXELS[0], photometric="minisblack", compression="lzw")
    tifffile.imwrite(folder / "imagej.tif", PIXELS[0], imagej=True, metadata={"axes": "ZYX"})
    (folder / "gray.png").write_bytes(imagecodecs.png_encode(PIXELS[0, 0]))
    colours = np.ascontiguousarray(PIXELS[0].transpose(1, 2, 0).astype("uint8"))
    (folder / "rgb.png").write_bytes(imagecodecs.png_encode(colours))
    return sorted(folder.iterdir())


def damage(source: Path, target: Path, rng: random.Random) -> None:
    """Copy a file or folder, with one of its files cut off or some of its bits turned."""
    if source.is_dir():
        shutil.copytree(source, target)
        inside = sorted(path for path in target.rglob("*") if path.is_file())
        # Half of the time what describes the image, of which there is little.
        described = [path for path in inside if path.name.startswith((".z", "zarr"))]
        victim = rng.choice(described if rng.random() < 0.5 else inside)
    else:
        victim = Path(shutil.copyfile(source, target))
    data = bytearray(victim.read_bytes())
    if rng.random() < 0.3:
        data = data[: rng.randrange(len(data))]
    else:
        reach = len(data) if rng.random() < 0.5 else min(len(data), 600)
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            data[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    victim.write_bytes(data)


def read_all(path: Path) -> int:
    """Open every image of a file and its first and last plane, and return how many images there are."""
    series = list_series(path)
    for one in series[:3]:
        image = open_image(path, series=one.number)
        lengths = image.shape[: image.array.ndim - (3 if image.is_rgb else 2)]
        for index in {tuple(0 for _ in lengths), tuple(length - 1 for length in lengths)}:
            np.asarray(image.array[index])
    return len(series)
