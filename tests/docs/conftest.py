"""A folder with the files that the documentation speaks of, small, and presets that take a moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Before anything imports napari: none of the user's own settings.
os.environ["NAPARI_CONFIG"] = ""

import imagecodecs
import numpy as np
import pytest
import tifffile
from pages import SIDE

from napari_blindspot import samples, settings


class QuickPaper(settings.PaperSettings):
    """The paper's settings with hardly any work."""

    iterations: int = 2
    unet_width: int = 8
    passes: int = 1


@pytest.fixture
def quick_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every preset take the steps that it takes, but few of each."""
    quick: dict[str, Any] = {
        "iterations": 2,
        "symmetries": 1,
        "refine_iterations": (1,),
        "neighbours": 0,
        "inr_features": 8,
        "inr_dropout": (0.0,),
    }
    for name, preset in settings._PRESETS.items():
        method = QuickPaper if name == "paper" else preset.method
        monkeypatch.setitem(
            settings._PRESETS,
            name,
            settings._Preset(method, {} if name == "paper" else quick, {"iterations": 3}),
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small images under the names of the documentation, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    plane = samples.confocal((SIDE, SIDE)).noisy
    stack = np.stack([np.roll(plane, shift, axis=1) for shift in range(4)])
    for folder in ("data", "day1", "movies"):
        Path(folder).mkdir()
    for name in ("cells.tif", "data/first.tif", "data/second.tif", "day1/raw_1.tif"):
        tifffile.imwrite(name, plane)
    tifffile.imwrite("stack.ome.tif", stack[:2], metadata={"axes": "ZYX"})
    tifffile.imwrite("movie.ome.tif", stack[:2], metadata={"axes": "TYX"})
    tifffile.imwrite("movies/movie.tif", stack[:2])
    tifffile.imwrite("two_channels.ome.tif", stack[:2], metadata={"axes": "CYX"})
    tifffile.imwrite("pages.tif", stack[:2])
    with tifffile.TiffWriter("positions.ome.tif", ome=True) as writer:
        for _ in range(3):
            writer.write(np.stack([stack] * 2), metadata={"axes": "CZYX"})
    rgb = np.stack([plane % 256] * 3, axis=-1).astype(np.uint8)
    Path("rgb.png").write_bytes(imagecodecs.png_encode(rgb))
    return tmp_path
