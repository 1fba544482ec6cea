"""Small images in a folder, and settings of a fit that takes a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lasting import lasting
from napari_blindspot import Settings
from napari_blindspot.batch import BatchOptions, plan_batch, run_batch
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff
from napari_blindspot.samples import confocal, z_stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_blindspot.batch import Batch

SPACING = {"Z": Spacing(0.5, "µm"), "Y": Spacing(0.1, "µm"), "X": Spacing(0.1, "µm")}


@pytest.fixture(scope="session")
def short() -> Settings:
    """A fit that goes through every step of the measured presets, warm start included."""
    return Settings.from_preset(
        "fast",
        iterations=4,
        symmetries=1,
        unet_width=4,
        inr_features=8,
        refine_iterations=(2,),
        device="cpu",
    )


@pytest.fixture(scope="session")
def longer() -> Settings:
    """A fit that lasts long enough to be met at work."""
    return lasting(50)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of `make_data`."""
    return make_data(tmp_path / "data")


def make_data(folder: Path) -> Path:
    """Fill a folder with a plane, a z-stack of two channels and a damaged file."""
    (folder / "day 2").mkdir(parents=True)
    write_ome_tiff(folder / "plane.ome.tif", ImageFile(confocal((32, 40)).noisy, "YX", _spacing("YX")))
    stack = np.stack([z_stack((2, 32, 32), seed).noisy for seed in (0, 1)])
    image = ImageFile(stack, "CZYX", SPACING, ("DAPI", "GFP"))
    write_ome_tiff(folder / "day 2" / "Zellen ü.ome.tif", image)
    (folder / "broken.tif").write_bytes((folder / "plane.ome.tif").read_bytes()[:300])
    return folder


def _spacing(axes: str) -> dict[str, Spacing]:
    return {letter: SPACING[letter] for letter in axes}


@pytest.fixture
def plan(data: Path, tmp_path: Path, short: Settings) -> Callable[..., Batch]:
    """Plan a batch over the folder, into the folder "out"."""

    def make(*inputs: object, **options: object) -> Batch:
        values = {"output": tmp_path / "out", "settings": short, **options}
        return plan_batch(inputs or [data], BatchOptions(**values))

    return make


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, short: Settings) -> Batch:
    """A batch over such a folder that has run to its end; only to be looked at."""
    folder = tmp_path_factory.mktemp("finished")
    make_data(folder / "data")
    batch = plan_batch([folder / "data"], BatchOptions(output=folder / "out", settings=short))
    for _ in run_batch(batch):
        pass
    return batch


@pytest.fixture
def states() -> Callable[[Batch], dict[str, str]]:
    """The state of every file, by its name."""
    return lambda batch: {item.source.name: item.state for item in batch.items}
