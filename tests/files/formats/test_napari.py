"""What napari's own reader makes of our outputs, from the real stacks and from five axes."""

from __future__ import annotations

import numpy as np
import pytest
from napari_builtins.io import napari_get_reader

from napari_blindspot.files.door import Spacing, WriteOptions, open_image, write_image
from napari_blindspot.files.image_file import ImageFile

STACKS = ("cell_migration_tyx_uint16", "embryo_nuclei_zyx_uint16", "two_photon_calcium_tyx_uint16")


def by_napari(path) -> np.ndarray:
    """Return the pixels of the first layer, the full resolution where there are several."""
    data = napari_get_reader(str(path))(str(path))[0][0]
    return np.asarray(data[0] if isinstance(data, list | tuple) else data)


@pytest.mark.parametrize("ending", ["ome.tif", "ome.zarr"])
@pytest.mark.parametrize(
    "options", [WriteOptions(), WriteOptions(tile=32, compression="zstd", pyramid=True)]
)
def test_five_axes_are_the_same_pixels_in_napari(tmp_path, ending, options):
    array = np.random.default_rng(0).normal(100, 20, (2, 2, 3, 70, 300)).astype(np.float32)
    path = tmp_path / f"a.{ending}"
    write_image(path, ImageFile(array, "TCZYX"), array.__getitem__, "float32", options=options)
    assert np.array_equal(by_napari(path), array)


@pytest.mark.parametrize("ending", ["ome.tif", "ome.zarr"])
@pytest.mark.parametrize("name", STACKS)
def test_the_real_stacks_go_through_with_their_pixels_and_a_voxel_size(shared_data, tmp_path, name, ending):
    source = open_image(shared_data / "stacks" / f"{name}.tif", axes=name.split("_")[-2].upper())
    spacing = {"X": Spacing(0.8, "µm"), "Y": Spacing(0.8, "µm"), source.axes[0]: Spacing(1.75, "s")}
    if source.axes[0] == "Z":
        spacing["Z"] = Spacing(1.75, "µm")
    like = ImageFile(source.array, source.axes, spacing)
    path = tmp_path / f"{name}.{ending}"
    write_image(path, like, source.array.__getitem__, source.dtype)
    read = open_image(path)
    assert (read.axes, read.spacing, read.dtype) == (source.axes, spacing, np.uint16)
    whole = np.asarray(source.array)
    assert np.array_equal(np.asarray(read.array), whole)
    assert np.array_equal(by_napari(path), whole)
