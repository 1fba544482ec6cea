"""Layers saved by napari's own File > Save: pixels, scale, units, channel, and the record of the run."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.plugins._npe2 import file_extensions_string_for_layers
from napari.utils.notifications import notification_manager
from numpy.testing import assert_array_equal
from small import noisy_image

import napari_blindspot
from napari_blindspot import Settings
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import Spacing, read_image, read_record, read_settings
from napari_blindspot.jobs.record import FileRecord
from napari_blindspot.widgets.shared.layer_data import answer_axes
from napari_blindspot.widgets.shared.reader import add_to_viewer

SPACING = {"Z": Spacing(0.3, "µm"), "Y": Spacing(0.1, "µm"), "X": Spacing(0.1, "µm")}


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_a_layer_keeps_its_pixels_and_its_place(bare_viewer, tmp_path, ending):
    stack = noisy_image((2, 3, 16, 20))
    layer = bare_viewer.add_image(
        stack,
        name="cells",
        scale=(60, 0.3, 0.1, 100),
        translate=(0, 6, -2, 500),
        units=("s", "µm", "µm", "nm"),
        axis_labels=("time", "z", "y", "x"),
        colormap="green",
    )
    path = tmp_path / f"saved{ending}"
    assert layer.save(str(path)) == [str(path)]
    saved = read_image(path)
    assert_array_equal(saved.array, stack)
    assert (saved.axes, saved.dtype) == ("TZYX", np.uint16)
    assert saved.spacing == SPACING | {"T": Spacing(60, "s"), "X": Spacing(100, "nm")}
    assert (saved.origin["Z"], saved.origin["Y"], saved.origin["X"]) == (6, -2, 500)
    assert saved.channel_names == ("cells",)
    assert saved.channel_colors == ("#00ff00",)


def test_a_result_holds_its_run_as_any_output_of_this_program(viewer, quickest, finish, tmp_path):
    stack = noisy_image((2, 16, 20))
    viewer.add_image(
        stack, name="cells", scale=(0.3, 0.1, 0.1), units=("µm",) * 3, axis_labels=("z", "y", "x")
    )
    quickest.scope.value = "stack"
    finish(quickest)
    result = viewer.layers["cells denoised"]
    path = tmp_path / "cells.ome.tif"
    assert result.save(str(path)) == [str(path)]
    saved = read_image(path)
    assert_array_equal(saved.array, result.data)
    assert (saved.axes, saved.dtype, saved.spacing) == ("ZYX", np.float32, SPACING)
    noted = read_record(path)
    assert (noted["input"], noted["image"]) == ("cells", "denoised")
    record = FileRecord.read(noted)
    assert [plane.iterations > 0 for plane in record.planes] == [True, True]
    assert record.noise.sigma > 0
    assert record.devices[0].startswith("CPU")
    settings = read_settings(path)
    assert settings == Settings.parse(result.metadata["napari_blindspot"]["settings"])
    again = napari_blindspot.denoise_stack(stack, settings=settings, axes="ZYX")
    assert_array_equal(again.denoised, saved.array)
    inr = tmp_path / "inr.ome.tif"
    viewer.layers["cells INR"].save(str(inr))
    assert read_record(inr)["image"] == "inr"


def test_what_the_user_said_of_the_axes_is_in_the_file(bare_viewer, tmp_path):
    layer = bare_viewer.add_image(noisy_image((3, 2, 16, 16)))
    answer_axes(layer, "CT")
    layer.save(str(tmp_path / "said.ome.tif"))
    assert read_image(tmp_path / "said.ome.tif").axes == "CTYX"


def test_a_single_plane_of_positions_is_saved_and_several_are_refused(bare_viewer, tmp_path):
    names = {"axis_labels": ("position", "y", "x")}
    one = bare_viewer.add_image(noisy_image((1, 16, 16)), name="one", **names)
    several = bare_viewer.add_image(noisy_image((3, 16, 16)), name="several", **names)
    one.save(str(tmp_path / "one.ome.tif"))
    assert read_image(tmp_path / "one.ome.tif").axes == "YX"
    with pytest.raises(FileError, match="“several” has 3 positions"):
        several.save(str(tmp_path / "several.ome.tif"))
    assert not (tmp_path / "several.ome.tif").exists()


def test_lazy_and_multiscale_layers_are_written_plane_by_plane_at_their_finest_level(bare_viewer, tmp_path):
    stack = noisy_image((2, 600, 32))
    levels = [da.from_array(stack, chunks=(1, 600, 32)), da.from_array(stack[:, ::2, ::2])]
    layer = bare_viewer.add_image(levels, name="big", multiscale=True, contrast_limits=(0, 100))
    layer.save(str(tmp_path / "big.ome.zarr"))
    assert_array_equal(read_image(tmp_path / "big.ome.zarr").array, stack)


def test_the_dialog_offers_both_formats_and_plain_tiffs_stay_with_napari(bare_viewer, tmp_path):
    layer = bare_viewer.add_image(noisy_image((16, 16)), name="cells.tif denoised")
    offered, writers = file_extensions_string_for_layers([layer])
    assert "napari-blindspot OME-TIFF (*.ome.tif *.ome.tiff)" in offered
    assert "napari-blindspot OME-Zarr (*.ome.zarr)" in offered
    zarr = next(writer for writer in writers if writer.display_name == "OME-Zarr")
    written = bare_viewer.layers.save(str(tmp_path / layer.name), selected=True, _writer=zarr)
    assert written == [str(tmp_path / "cells.tif denoised.ome.zarr")]
    layer.save(str(tmp_path / "plain.tif"))
    assert not read_record(tmp_path / "plain.tif")
    assert read_image(tmp_path / "plain.tif").channel_names == ()


def test_what_cannot_be_written_is_said_in_one_sentence(bare_viewer, tmp_path):
    layer = bare_viewer.add_image(np.zeros((16, 16), np.float16), name="half", contrast_limits=(0, 1))
    with pytest.raises(FileError, match="cannot hold float16"):
        layer.save(str(tmp_path / "half.ome.tif"))
    with pytest.raises(FileError, match="nowhere"):
        bare_viewer.add_image(noisy_image((16, 16))).save(str(tmp_path / "nowhere" / "x.ome.tif"))
    assert list(tmp_path.iterdir()) == []


def test_a_rotation_that_no_file_holds_is_said(bare_viewer, tmp_path):
    layer = bare_viewer.add_image(noisy_image((16, 16)), rotate=20)
    layer.save(str(tmp_path / "turned.ome.tif"))
    assert "rotation" in notification_manager.records[-1].message


def test_a_saved_file_lies_on_its_layer_again(bare_viewer, tmp_path):
    source = bare_viewer.add_image(
        noisy_image((16, 20)), scale=(0.2, 0.1), translate=(5, -3), units=("µm", "µm")
    )
    source.save(str(tmp_path / "there.ome.tif"))
    (back,) = add_to_viewer(bare_viewer, tmp_path / "there.ome.tif")
    assert_array_equal(back.scale, source.scale)
    assert np.allclose(back.translate, source.translate)
    assert back.units == source.units
