"""Layers as inputs of a batch: what is on the screen is denoised, and a file only where it is that."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image
from napari.layers._layer_actions import _duplicate_layer
from napari.layers._source import layer_source
from numpy.testing import assert_array_equal
from small import noisy_image

from napari_blindspot.core.errors import ImageError
from napari_blindspot.files.door import ImageFile, Spacing, read_image, write_ome_tiff
from napari_blindspot.widgets.batch.inputs import input_of_layer
from napari_blindspot.widgets.shared import reader
from napari_blindspot.widgets.shared.layer_data import answer_axes
from napari_blindspot.widgets.shared.reader import add_to_viewer


@pytest.fixture
def stack(tmp_path):
    """A file of two channels and three planes."""
    image = ImageFile(noisy_image((2, 3, 16, 20)), "CZYX", {"X": Spacing(0.1, "µm")}, ("GFP", "RFP"))
    image.array[1] += 7
    write_ome_tiff(tmp_path / "stack.ome.tif", image)
    return image.array


@pytest.fixture
def opened(bare_viewer, stack, tmp_path):
    """The whole file as napari's own reader opens it."""
    (layer,) = bare_viewer.open(tmp_path / "stack.ome.tif", plugin="napari")
    return layer


@pytest.fixture
def taken(tmp_path):
    """Return the file that stands for a layer, and the pixels in it."""

    def take(layer):
        path = input_of_layer(layer, tmp_path / "out").path
        return path, np.squeeze(read_image(path).array)

    return take


def test_a_layer_that_shows_a_whole_file_stands_for_the_file(opened, taken, tmp_path):
    assert taken(opened)[0] == tmp_path / "stack.ome.tif"


def test_a_file_that_is_read_while_one_looks_stands_for_itself(bare_viewer, taken, monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "IN_MEMORY", 0)
    path = tmp_path / "lazy.ome.tif"
    write_ome_tiff(path, ImageFile(noisy_image((3, 16, 20)), "ZYX"))
    with layer_source(path=str(path)):
        (layer,) = add_to_viewer(bare_viewer, path)
    assert not isinstance(layer.data, np.ndarray)
    assert taken(layer)[0] == path


def test_a_cropped_layer_is_denoised_as_it_is_cropped(opened, taken, stack, tmp_path):
    opened.data = opened.data[..., :16, :16]
    path, pixels = taken(opened)
    assert path == tmp_path / "out" / "layers" / f"{opened.name}.ome.tif"
    assert_array_equal(pixels, stack[..., :16, :16])


def test_a_layer_that_was_edited_or_computed_is_denoised_as_it_is(opened, taken, stack):
    opened.data[1, 2, 5, 5] += 1
    path, pixels = taken(opened)
    assert path.parent.name == "layers"
    assert pixels[1, 2, 5, 5] == stack[1, 2, 5, 5] + 1
    opened.data = opened.data.astype(np.float32)
    assert taken(opened)[1].dtype == np.float32


def test_one_channel_of_a_file_is_that_channel(bare_viewer, taken, stack, tmp_path):
    path = tmp_path / "stack.ome.tif"
    with layer_source(path=str(path)):
        layers = add_to_viewer(bare_viewer, path)
    path, pixels = taken(layers[1])
    assert path.name == "stack.ome.tif RFP.ome.tif"
    assert_array_equal(pixels, stack[1])
    saved = read_image(path)
    assert (saved.axes, saved.spacing["X"]) == ("ZYX", Spacing(0.1, "µm"))
    assert saved.channel_names == ("stack.ome.tif RFP",)


def test_files_that_were_opened_as_a_stack_are_all_of_them(bare_viewer, taken, tmp_path):
    planes = noisy_image((3, 16, 20))
    paths = [tmp_path / f"{number}.ome.tif" for number in range(3)]
    for path, plane in zip(paths, planes, strict=True):
        write_ome_tiff(path, ImageFile(plane, "YX"))
    (layer,) = bare_viewer.open(paths, plugin="napari", stack=True)
    assert layer.source.path is not None
    answer_axes(layer, "T")
    path, pixels = taken(layer)
    assert path.parent.name == "layers"
    assert_array_equal(pixels, planes)
    assert read_image(path).axes == "TYX"


def test_a_duplicated_layer_is_denoised_as_it_is(bare_viewer, opened, taken, stack):
    bare_viewer.layers.selection = {opened}
    _duplicate_layer(bare_viewer.layers)
    copy = bare_viewer.layers[f"{opened.name} copy"]
    assert_array_equal(taken(copy)[1], stack)


def test_masks_and_positions_are_refused_before_anything_is_written(taken, tmp_path):
    with pytest.raises(ImageError, match="boolean"):
        taken(Image(np.zeros((16, 16), bool)))
    with pytest.raises(ImageError, match="3 positions"):
        taken(Image(noisy_image((3, 16, 16)), axis_labels=("position", "y", "x")))
    assert not (tmp_path / "out").exists()
