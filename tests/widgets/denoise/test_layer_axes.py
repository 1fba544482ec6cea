"""Stacks whose axes have no names, in a real viewer: the widget asks, and channels share nothing."""

from __future__ import annotations

import dask.array as da
import numpy as np
import tifffile
from numpy.testing import assert_array_equal
from small import QUICKEST, noisy_image, quick

from napari_blindspot import Finished, denoise_stack, fit_stack
from napari_blindspot.widgets.inspect.subject import subject_of
from napari_blindspot.widgets.shared.layer_data import layer_axes


def shown(widget) -> bool:
    return not widget.axes.native.isHidden()


def test_channels_of_a_hyperstack_that_napari_opened_share_no_network_and_no_neighbours(
    viewer, quickest, finish, tmp_path
):
    stack = noisy_image((3, 2, 16, 20))
    stack[:, 1] *= 40
    tifffile.imwrite(tmp_path / "zc.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    viewer.open(tmp_path / "zc.tif", plugin="napari")
    assert viewer.layers[0].axis_labels == ("-4", "-3", "-2", "-1")
    assert not shown(quickest)
    quickest.scope.value = "stack"
    assert shown(quickest)
    assert quickest.axes.value == "ZCYX"
    finish(quickest)
    layer = viewer.layers["zc denoised"]
    record = layer.metadata["napari_blindspot"]
    assert record["axes"] == "ZCYX"
    origins = {tuple(entry["plane"]): entry["origin"] for entry in record["planes"]}
    assert {origins[0, 0], origins[0, 1]} == {"anew"}
    assert "warm" in origins.values()
    for channel in range(2):
        alone = denoise_stack(stack[:, channel], settings=QUICKEST, axes="ZYX")
        assert_array_equal(layer.data[:, channel], alone.denoised)


def test_what_the_user_says_of_an_axis_is_remembered_for_the_layer(viewer, quickest, finish):
    asked = viewer.add_image(noisy_image((2, 16, 20)), name="asked")
    quickest.scope.value = "stack"
    first = quickest.axes[0]
    assert list(map(first.native.itemText, range(first.native.count()))) == [
        "2 times",
        "2 z-planes",
        "2 channels",
        "2 positions",
    ]
    assert first.value == "C"
    first.value = "P"
    viewer.add_image(noisy_image((30, 16, 16)), name="other")
    quickest.scope.value = "stack"
    assert quickest.axes.value == "ZYX"
    viewer.layers.selection.active = asked
    quickest.scope.value = "stack"
    assert quickest.axes.value == "PYX"
    finish(quickest)
    record = viewer.layers["asked denoised"].metadata["napari_blindspot"]
    assert [entry["origin"] for entry in record["planes"]] == ["anew", "anew"]
    result = viewer.layers["asked denoised"]
    quickest.layer.value = result
    quickest.scope.value = "stack"
    assert quickest.axes.value == "PYX"


def test_two_axes_never_become_the_same(viewer, widget):
    viewer.add_image(np.zeros((3, 2, 5, 16, 16)), axis_labels=("time", "a", "b", "y", "x"))
    widget.scope.value = "stack"
    assert widget.axes.value == "TCZYX"
    time, channel, depth, *others = widget.axes
    assert time.value == "T"
    assert not any(other.visible for other in others)
    channel.value = "Z"
    assert (channel.value, depth.value, widget.axes.value) == ("Z", "C", "TZCYX")
    widget.axes.value = "TCPYX"
    assert depth.value == "P"


def test_what_names_in_words_say_can_be_corrected_and_the_result_is_called_so(viewer, quickest, finish):
    layer = viewer.add_image(
        noisy_image((2, 3, 16, 20)), name="cells", axis_labels=("Channel", "depth", "y", "x")
    )
    quickest.scope.value = "stack"
    assert shown(quickest)
    assert quickest.axes.value == "CZYX"
    quickest.axes[1].value = "T"
    assert layer_axes(layer) == "CTYX"
    finish(quickest)
    result = viewer.layers["cells denoised"]
    assert result.axis_labels == ("Channel", "t", "y", "x")
    assert result.metadata["napari_blindspot"]["axes"] == "CTYX"


def test_all_channels_of_the_plane_in_view_are_denoised_in_one_run(viewer, quickest, finish):
    stack = noisy_image((4, 2, 16, 20))
    viewer.add_image(stack, name="cells", axis_labels=("z", "c", "y", "x"), scale=(2, 1, 1, 1))
    viewer.dims.set_current_step(0, 3)
    texts = [quickest.scope.native.itemText(at) for at in range(quickest.scope.native.count())]
    assert texts == ["Current plane", "Current plane, 2 channels", "Whole stack (8 planes)"]
    quickest.scope.value = "channels"
    assert shown(quickest)
    finish(quickest)
    result = viewer.layers["cells denoised"]
    assert result.data.shape == (1, 2, 16, 20)
    assert result.translate[0] == 6
    # With the planes beside it in view of the network, as a run of one plane has them.
    events = fit_stack(stack, QUICKEST, axes="ZCYX", indices=[(3, 0), (3, 1)])
    alone = [event.result.denoised for event in events if isinstance(event, Finished)]
    assert_array_equal(result.data[0], alone)
    subject = subject_of(viewer.layers["cells"], result, viewer.dims.point)
    assert_array_equal(subject.noisy, stack[3, viewer.dims.current_step[1]])
    # Of what are no channels there is no such choice.
    quickest.axes[1].value = "P"
    assert quickest.scope.choices == ("plane", "stack")


def test_channels_within_a_plane_are_refused_before_a_run(viewer, widget):
    viewer.add_image(np.zeros((5, 16, 16)), name="cells", axis_labels=("y", "x", "channel"))
    assert not widget.buttons.start.enabled
    assert "x and channel" in widget.status.message.value


def test_of_a_huge_lazy_pyramid_nothing_is_read_before_the_click_and_a_stack_is_refused(viewer, widget):
    reads = []

    def block(chunk):
        reads.append(chunk.shape)
        return chunk

    fine = da.zeros((5000, 16384, 16384), chunks=(1, 512, 512), dtype="u2").map_blocks(block, meta=chunk())
    layer = viewer.add_image(
        [fine, da.zeros((5000, 64, 64), chunks=(1, 64, 64), dtype="u2")],
        name="huge",
        multiscale=True,
        contrast_limits=(0, 1),
        visible=False,
    )
    shown = len(reads)
    widget.scope.value = "stack"
    assert widget.axes.value == "ZYX"
    widget.buttons.start.native.click()
    assert widget.session is None
    assert "so it goes to disk. “huge” is in no file" in widget.status.message.value
    assert len(reads) == shown
    assert list(viewer.layers) == [layer]


def chunk() -> np.ndarray:
    return np.zeros((0, 0, 0), np.uint16)


def test_the_results_of_nm_beside_µm_and_of_pixels_keep_the_units_of_their_source(viewer, widget, finish):
    quick(widget, iterations=1, passes=1)
    image = noisy_image((16, 16))
    viewer.add_image(image, name="fine", scale=(100, 100), units=("nm", "nm"))
    viewer.add_image(image, name="coarse", scale=(0.1, 0.1), units=("µm", "µm"))
    finish(widget)
    assert viewer.layers["coarse denoised"].units == viewer.layers["coarse"].units
    assert viewer.layers.extent.units is not None
    viewer.add_image(image, name="plain")
    assert viewer.layers.extent.units is None
    finish(widget)
    assert viewer.layers["plain denoised"].units == viewer.layers["plain"].units
