"""A file that napari has opened without its voxel size is opened with it by one click."""

from __future__ import annotations

import numpy as np
import pytest
from small import noisy_image

from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff

SPACING = {"Z": Spacing(0.5, "µm"), "Y": Spacing(0.1, "µm"), "X": Spacing(0.1, "µm")}


@pytest.fixture
def opened(viewer, widget, tmp_path):
    """A stack of two channels as napari's own reader opens it."""
    stack = np.stack([noisy_image((3, 32, 40), seed) for seed in (0, 1)])
    path = tmp_path / "cells.ome.tif"
    write_ome_tiff(path, ImageFile(stack, "CZYX", SPACING, ("DAPI", "GFP"), (), ("#0000ff", "#00ff00")))
    (layer,) = viewer.open(path, plugin="napari")
    assert tuple(layer.scale) == (1, 1, 1, 1)
    return layer


def test_a_click_opens_the_channels_with_their_voxel_size(viewer, widget, opened, qtbot):
    qtbot.waitUntil(lambda: widget.file_row.text.value != "", timeout=20_000)
    said = "cells.ome.tif has voxels of 0.5 × 0.1 × 0.1 µm; napari has opened it without."
    assert widget.file_row.text.value == said
    widget.scope.value = "stack"
    widget.file_row.open.native.click()
    blue, green = viewer.layers
    assert np.allclose(green.scale, (0.5, 0.1, 0.1))
    assert (blue.name, green.name) == ("cells.ome DAPI", "cells.ome GFP")
    assert np.array_equal(green.data, opened.data[1])
    # Both are to be denoised, and nothing has to be said again.
    assert viewer.layers.selection == {blue, green}
    assert (widget.layer.value, widget.others.value, widget.scope.value) == (blue, True, "stack")
    assert widget.axes.value == "ZYX"
    assert widget.file_row.text.value == ""
    # What is opened so knows its file: a result on disk goes beside it.
    assert blue.source.path == opened.source.path
    widget.keep.where.value = "disk"
    assert widget._question().file.job.output.parent == widget._question().file.file.parent


def test_what_a_layer_shows_besides_its_file_is_not_lost(viewer, widget, opened, qtbot):
    qtbot.waitUntil(lambda: widget.file_row.text.value != "", timeout=20_000)
    opened.data[0, 0, 0, 0] += 1
    other = viewer.add_image(opened.data[0], name="other")
    assert widget.file_row.text.value == ""
    viewer.layers.selection.active = opened
    qtbot.waitUntil(lambda: widget.file_row._looking is None, timeout=20_000)
    assert widget.file_row.text.value == ""
    assert list(viewer.layers) == [opened, other]


def test_a_file_that_has_gone_is_said_and_the_layer_stays(viewer, widget, opened, qtbot, tmp_path):
    qtbot.waitUntil(lambda: widget.file_row.text.value != "", timeout=20_000)
    (tmp_path / "cells.ome.tif").unlink()
    widget.file_row.open.native.click()
    assert widget.status.is_error
    assert "cells.ome.tif" in widget.status.message.value
    assert list(viewer.layers) == [opened]
