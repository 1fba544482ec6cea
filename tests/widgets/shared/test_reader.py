"""Files opened in a real viewer: in the right place, at the right scale, large ones plane by plane."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_blindspot.files.door import ImageFile, Spacing, WriteOptions, write_image, write_ome_tiff
from napari_blindspot.widgets.shared import reader
from napari_blindspot.widgets.shared.reader import add_to_viewer

SPACING = {
    "T": Spacing(2.0, "s"),
    "Z": Spacing(0.5, "µm"),
    "Y": Spacing(110.0, "nm"),
    "X": Spacing(0.11, "µm"),
}
ORIGIN = {"Z": 3.0, "Y": -1500.0, "X": 20.0}


def stack(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)


@pytest.mark.parametrize("ending", ["ome.tif", "ome.zarr"])
def test_input_and_result_lie_on_each_other(viewer, tmp_path, ending):
    noisy = ImageFile(stack(2, 3, 32, 40), "TZYX", SPACING, origin=ORIGIN)
    write_ome_tiff(tmp_path / "cells.ome.tif", noisy)
    result = tmp_path / f"cells_denoised.{ending}"
    write_image(result, noisy, lambda index: noisy.array[index] + 0.5, "float32")
    (before,) = add_to_viewer(viewer, tmp_path / "cells.ome.tif")
    (after,) = add_to_viewer(viewer, result)
    assert before.data.shape == after.data.shape == (2, 3, 32, 40)
    assert np.allclose(before.scale, (2.0, 0.5, 110.0, 0.11))
    assert np.allclose(before.scale, after.scale)
    assert np.allclose(before.translate, after.translate)
    assert np.allclose(after.translate, (0, 3.0, -1500.0, 20.0))
    # Versions of pint write µm in different letters; the long names are the same in all.
    assert [str(unit) for unit in after.units] == ["second", "micrometer", "nanometer", "micrometer"]
    assert before.axis_labels == after.axis_labels == ("t", "z", "y", "x")
    assert np.array_equal(np.asarray(after.data), np.asarray(before.data) + np.float32(0.5))


@pytest.mark.parametrize("ending", ["ome.tif", "ome.zarr"])
def test_each_channel_is_a_layer_with_its_name_and_colour(viewer, tmp_path, ending):
    image = ImageFile(stack(3, 2, 32, 40), "ZCYX", SPACING, ("DAPI", "GFP"), (), ("#0000ff", "#00ff00"))
    path = tmp_path / f"cells.{ending}"
    write_image(path, image, image.array.__getitem__, "uint16")
    blue, green = add_to_viewer(viewer, path, name="cells")
    assert (blue.name, green.name) == ("cells DAPI", "cells GFP")
    assert blue.source.path == green.source.path == str(path)
    assert np.array_equal(np.asarray(green.data), image.array[:, 1])
    assert np.allclose(green.scale, (0.5, 110.0, 0.11))
    assert np.allclose(blue.colormap.colors[-1], (0, 0, 1, 1))
    assert np.allclose(green.colormap.colors[-1], (0, 1, 0, 1))


def test_a_file_without_a_voxel_size_has_a_scale_of_one(viewer, tmp_path):
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(stack(32, 40), "YX"))
    (layer,) = add_to_viewer(viewer, tmp_path / "cells.ome.tif")
    assert np.allclose(layer.scale, 1)
    assert {str(unit) for unit in layer.units} == {"pixel"}


def test_a_large_file_is_read_plane_by_plane_while_one_looks_through_it(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "IN_MEMORY", 1000)
    image = ImageFile(stack(4, 32, 40), "ZYX", SPACING)
    write_ome_tiff(tmp_path / "cells.ome.tif", image)
    (layer,) = add_to_viewer(viewer, tmp_path / "cells.ome.tif")
    assert not isinstance(layer.data, np.ndarray)
    assert layer.data.chunksize == (1, 32, 40)
    viewer.dims.set_current_step(0, 2)
    assert np.array_equal(np.asarray(layer._data_view), image.array[2])


@pytest.fixture
def menu(npe2pm, viewer):
    """The plugin's commands as napari runs them from the menu."""
    manifest = PluginManifest.from_distribution("napari-blindspot")
    npe2pm.register(manifest)
    entries = [item.command for item in manifest.contributions.menus["napari/file/io_utilities"]]
    assert entries == ["napari-blindspot.open_files", "napari-blindspot.open_zarr_folder"]
    return lambda entry: npe2pm.commands.get(entries[entry])(viewer)


def test_the_menu_opens_files_and_asks_which_image(menu, viewer, tmp_path, monkeypatch):
    import tifffile

    with tifffile.TiffWriter(tmp_path / "two.ome.tif", ome=True) as tiff:
        tiff.write(stack(20, 30), metadata={"Name": "first"})
        tiff.write(stack(40, 50), metadata={"Name": "second"})
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a: ([str(tmp_path / "two.ome.tif")], ""))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *a: (a[3][1], True))
    menu(0)
    assert [layer.data.shape for layer in viewer.layers] == [(40, 50)]


def test_the_menu_opens_the_folder_of_an_ome_zarr(menu, viewer, tmp_path, monkeypatch):
    image = ImageFile(stack(4, 600, 400), "ZYX", SPACING)
    path = tmp_path / "cells.ome.zarr"
    write_image(path, image, image.array.__getitem__, "uint16", options=WriteOptions(pyramid=True))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(path))
    menu(1)
    assert np.array_equal(np.asarray(viewer.layers[0].data), image.array)


def test_a_file_that_cannot_be_read_is_said_and_adds_no_layer(menu, viewer, tmp_path, monkeypatch):
    (tmp_path / "bad.tif").write_bytes(b"II*\0 and nothing")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a: ([str(tmp_path / "bad.tif")], ""))
    before = len(notification_manager.records)
    menu(0)
    said = [record.message for record in notification_manager.records[before:]]
    assert len(said) == 1
    assert "bad.tif holds no image." in said[0]
    assert len(viewer.layers) == 0
