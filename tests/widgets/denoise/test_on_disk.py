"""Results that go to disk: what is there meanwhile and at the end, and how a run is gone on with."""

from __future__ import annotations

import shutil

import dask.array as da
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from small import QUICKEST, names, noisy_image

from napari_blindspot import denoise_stack, fit, open_image, read_image, read_settings, save
from napari_blindspot.files.output_lock import locked
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.widgets.denoise import disk_run, keep_row, layer_file

STACK = noisy_image((3, 32, 40))


@pytest.fixture(scope="module")
def expected():
    """The pixels of a run that keeps its result in memory and is left alone."""
    return denoise_stack(STACK, settings=QUICKEST, axes="ZYX").denoised


@pytest.fixture
def on_disk(quickest, tmp_path):
    """The widget, set to keep whole stacks on disk."""
    quickest.keep.where.value = "disk"
    quickest.keep.folder.value = str(tmp_path)
    return quickest


def add_stack(viewer, widget, stack=STACK, name="cells", labels="zyx", **options):
    options = {"axis_labels": tuple(labels), "contrast_limits": (0, 150), **options}
    layer = viewer.add_image(da.from_array(stack, chunks=(1, *stack.shape[1:])), name=name, **options)
    viewer.layers.selection.active = layer
    widget.scope.value = "stack"
    return layer


def stop_after(monkeypatch, widget, count: int) -> None:
    """Let the run be cancelled when so many planes are on disk."""
    keep = PlaneStore.keep

    def keep_and_cancel(store, *arguments, **options):
        keep(store, *arguments, **options)
        if len(store.finished) == count:
            widget.session.control.cancel()

    monkeypatch.setattr(PlaneStore, "keep", keep_and_cancel)


def test_a_result_on_disk_has_the_pixels_place_and_record_of_one_in_memory(
    viewer, on_disk, finish, tmp_path, expected
):
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX"})
    source = viewer.open(path, plugin="napari", axis_labels=("z", "y", "x"))[0]
    source.scale, source.units = (2, 0.5, 0.5), ("µm",) * 3
    on_disk.keep.folder.value = ""
    on_disk.scope.value = "stack"
    finish(on_disk)
    assert names(viewer) == ["cells", "cells denoised"]
    layer = viewer.layers["cells denoised"]
    assert_array_equal(np.asarray(layer.data), expected)
    assert_array_equal(layer.scale, source.scale)
    output = tmp_path / "cells_denoised.ome.zarr"
    written = read_image(output)
    assert_array_equal(written.array, expected)
    assert written.spacing["Z"].step == 2
    assert read_settings(output).iterations == QUICKEST.iterations
    record = layer.metadata["napari_blindspot"]
    assert [entry["plane"] for entry in record["planes"]] == [[0], [1], [2]]
    assert record["output"] == str(output)
    assert f"The result is {output.name} in {tmp_path}." in on_disk.status.message.value
    # What is done is not done again.
    viewer.layers.remove(layer)
    finish(on_disk)
    assert "done by an earlier run" in on_disk.status.message.value
    assert_array_equal(np.asarray(viewer.layers["cells denoised"].data), expected)
    assert {entry.name for entry in tmp_path.iterdir()} == {"cells.tif", output.name}


def test_a_run_that_ended_early_is_gone_on_with(viewer, on_disk, finish, tmp_path, expected, monkeypatch):
    add_stack(viewer, on_disk)
    with monkeypatch.context() as patch:
        stop_after(patch, on_disk, 2)
        finish(on_disk)
    assert "2 of 3 planes are on disk" in on_disk.status.message.value
    assert names(viewer) == ["cells"]
    question = on_disk._question()
    assert disk_run.kept_on_disk(question.file) == 2
    said = []
    on_disk.buttons.news.connect(lambda _: said.append(on_disk.status.message.value))
    finish(on_disk)
    assert any("going on after 2 of 3 planes" in text for text in said)
    assert_array_equal(read_image(tmp_path / "cells_denoised.ome.zarr").array, expected)
    record = viewer.layers["cells denoised"].metadata["napari_blindspot"]
    assert [entry["plane"] for entry in record["planes"]] == [[0], [1], [2]]
    assert disk_run.kept_on_disk(question.file) == 3


def test_planes_are_seen_as_soon_as_they_are_there(viewer, on_disk, finish, expected, monkeypatch):
    add_stack(viewer, on_disk)
    viewer.dims.set_current_step(0, 1)
    shown = []

    def look(_):
        if "cells denoised" in viewer.layers:
            layer = viewer.layers["cells denoised"]
            shown.append(np.array(layer._slice.image.raw))

    on_disk.buttons.news.connect(look)
    finish(on_disk)
    assert np.isnan(shown[0]).all()
    assert_array_equal(viewer.layers["cells denoised"]._slice.image.raw, expected[1])


def test_other_settings_or_pixels_get_a_result_of_their_own(viewer, on_disk, finish, tmp_path, monkeypatch):
    layer = add_stack(viewer, on_disk)
    stop_after(monkeypatch, on_disk, 1)
    said = []
    on_disk.buttons.news.connect(lambda _: said.append(on_disk.status.message.value))
    finish(on_disk)
    other = QUICKEST.model_copy(update={"seed": 1})
    vars(on_disk.form)["settings"] = lambda: other
    finish(on_disk)
    vars(on_disk.form)["settings"] = lambda: QUICKEST
    layer.data = da.from_array(STACK + 1, chunks=(1, 32, 40))
    finish(on_disk)
    for number in (2, 3):
        sentence = (
            "cells_denoised.ome.zarr is of another source or other settings, so this result is "
            f"cells_denoised-{number}.ome.zarr."
        )
        assert any(sentence in text for text in said)
    ends = ("", "-2", "-3")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"cells_denoised{end}.ome.zarr.planes" for end in ends
    }
    assert all(len(PlaneStore(tmp_path / f"cells_denoised{end}.ome.zarr").finished) == 1 for end in ends)


def test_a_file_that_was_changed_since_gets_a_result_of_its_own(
    viewer, on_disk, finish, tmp_path, monkeypatch
):
    path = tmp_path / "cells.tif"
    on_disk.keep.folder.value = ""
    stop_after(monkeypatch, on_disk, 1)
    said = []
    on_disk.buttons.news.connect(lambda _: said.append(on_disk.status.message.value))
    for pixels in (STACK, STACK[:, ::-1]):
        tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "ZYX"})
        viewer.layers.clear()
        viewer.open(path, plugin="napari", axis_labels=("z", "y", "x"))
        on_disk.scope.value = "stack"
        finish(on_disk)
    assert any(
        "another source or other settings, so this result is cells_denoised-2" in one for one in said
    )
    assert len(PlaneStore(tmp_path / "cells_denoised.ome.zarr").finished) == 1


def test_two_viewers_do_not_write_one_result(viewer, on_disk, finish, tmp_path):
    add_stack(viewer, on_disk)
    with locked(tmp_path / "cells_denoised.ome.zarr"):
        finish(on_disk)
    assert on_disk.status.is_error
    assert "is in use by another run" in on_disk.status.message.value
    assert names(viewer) == ["cells"]


def test_a_folder_that_vanishes_is_said_and_napari_goes_on(viewer, on_disk, finish, tmp_path, monkeypatch):
    add_stack(viewer, on_disk)
    keep = PlaneStore.keep

    def keep_and_lose(store, *arguments, **options):
        keep(store, *arguments, **options)
        shutil.rmtree(store.folder)

    monkeypatch.setattr(PlaneStore, "keep", keep_and_lose)
    finish(on_disk)
    assert on_disk.status.is_error
    assert "with the finished planes is gone" in on_disk.status.message.value
    assert np.isnan(viewer.layers["cells denoised"]._slice.image.raw).all()


def test_a_disk_that_fills_up_keeps_the_planes_before(viewer, on_disk, finish, small_disk, monkeypatch):
    on_disk.keep.folder.value = str(small_disk)
    keep = PlaneStore.keep

    def keep_and_fill(store, *arguments, **options):
        keep(store, *arguments, **options)
        with pytest.raises(OSError, match="No space"):
            (small_disk / "others").write_bytes(bytes(10**6))

    monkeypatch.setattr(PlaneStore, "keep", keep_and_fill)
    add_stack(viewer, on_disk)
    finish(on_disk)
    assert on_disk.status.is_error
    assert "the disk is full" in on_disk.status.message.value
    assert "1 of 3 planes were denoised before and are kept." in on_disk.status.message.value
    assert np.isfinite(viewer.layers["cells denoised"].data[0]).all()
    (small_disk / "others").unlink()


def test_a_result_goes_to_disk_by_itself_where_memory_is_short(viewer, quickest, tmp_path, monkeypatch):
    layer = add_stack(viewer, quickest)
    quickest.keep.folder.value = str(tmp_path)
    needed = 2 * 4 * STACK.size
    job = quickest._job(layer)
    for free, on_disk in ((2 * needed, False), (2 * needed - 1, True)):
        monkeypatch.setattr(keep_row, "free_memory", lambda free=free: free)
        file = quickest.keep.file_of(layer, job, QUICKEST, None)
        assert (file is not None) == on_disk
    quickest.keep.where.value = "memory"
    assert quickest.keep.file_of(layer, job, QUICKEST, None) is None
    quickest.keep.where.value, quickest.keep.folder.value = "auto", ""
    quickest.buttons.start.native.click()
    assert "so it goes to disk. “cells” is in no file" in quickest.status.message.value
    assert quickest.status.message.value.endswith("(field Folder under Advanced).")


def test_channels_regions_and_colours_go_to_disk_and_come_back_in_their_place(
    viewer, on_disk, finish, tmp_path
):
    # The layer has the channel before z and an axis of one time last; the file has time, channel, z.
    stack = noisy_image((2, 2, 1, 40, 44))
    layer = add_stack(viewer, on_disk, stack, labels="cztyx", scale=(1, 2, 1, 0.5, 0.5))
    box = np.array([[0, 0, 0, y, x] for y, x in ((2, 3), (2, 15), (18, 15), (18, 3))], float)
    on_disk.region.value = viewer.add_shapes([box], name="box")
    viewer.layers.selection.active = layer
    on_disk.keep.where.value = "memory"
    finish(on_disk)
    on_disk.keep.where.value = "disk"
    finish(on_disk)
    kept, stored = viewer.layers["cells denoised"], viewer.layers["cells denoised [1]"]
    assert_array_equal(np.asarray(stored.data), kept.data)
    assert_array_equal(stored.translate, kept.translate)
    written = open_image(tmp_path / "cells_denoised.ome.zarr")
    assert written.axes == "TCZYX"
    assert_array_equal(written.array[0, 1, 0], kept.data[1, 0, 0])
    photo = np.stack([noisy_image((16, 20), seed) for seed in range(3)], axis=-1).astype(np.uint8)
    viewer.add_image(photo, name="photo", rgb=True)
    on_disk.region.value = None
    finish(on_disk)
    result = viewer.layers["photo denoised"]
    assert (result.rgb, result.data.dtype) == (True, np.uint8)
    written = open_image(tmp_path / "photo_denoised.ome.zarr")
    assert_array_equal(np.asarray(result.data)[..., 1], written.array[1])


def test_a_model_is_applied_plane_by_plane(viewer, on_disk, finish, tmp_path):
    model = fit(STACK[0], settings=QUICKEST)
    save(model, tmp_path / "cells.safetensors")
    add_stack(viewer, on_disk, STACK[:2])
    on_disk.models.use(tmp_path / "cells.safetensors")
    finish(on_disk)
    expected = denoise_stack(STACK[:2], model=model, axes="ZYX", device="cpu").denoised
    assert_array_equal(read_image(tmp_path / "cells_denoised.ome.zarr").array, expected)


def test_a_result_goes_beside_the_whole_of_a_zarr_and_never_into_it(tmp_path):
    assert layer_file._home_of(tmp_path / "image.zarr" / "0") == tmp_path
    assert layer_file._home_of(tmp_path / "image.tif") == tmp_path
