"""The Batch denoise widget in a real viewer, with real files and real fits."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tifffile
from napari.qt.threading import WorkerBase
from npe2 import PluginManifest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from small import WAIT, let_go, noisy_image

from lasting import lasting
from napari_blindspot import Settings
from napari_blindspot.batch import BatchOptions, Input, plan_batch, run_batch
from napari_blindspot.batch.job_file import BatchJob, load_job, save_job
from napari_blindspot.files.door import ImageFile, Spacing, read_image, write_ome_tiff
from napari_blindspot.files.output_lock import locked_folder
from napari_blindspot.widgets.batch import BatchWidget

SHORT = {"unet_width": 4, "inr_features": 8, "refine_iterations": (2,), "symmetries": 1, "device": "cpu"}
SPACING = {axis: Spacing(0.25, "µm") for axis in "ZYX"}


def settings(iterations: int = 4) -> Settings:
    return Settings.from_preset("fast", iterations=iterations, **SHORT)


@pytest.fixture
def data(tmp_path):
    """Five files, one of them damaged."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number, name in enumerate(("a.ome.tif", "b c.ome.tif", "d ü.ome.tif")):
        image = ImageFile(noisy_image((32, 40), number), "YX", {axis: SPACING[axis] for axis in "YX"})
        write_ome_tiff(folder / name, image)
    write_ome_tiff(folder / "stack.ome.tif", ImageFile(noisy_image((3, 32, 32)), "ZYX", SPACING))
    (folder / "torn.tif").write_bytes((folder / "a.ome.tif").read_bytes()[:300])
    return folder


@pytest.fixture
def job(tmp_path, data):
    """Write a job file over some inputs with settings of a moment."""

    def write(*inputs, iterations: int = 4, **options):
        values = {"output": tmp_path / "out", "settings": settings(iterations), **options}
        chosen = [Input(path=path) for path in inputs or (data,)]
        save_job(BatchJob.of(chosen, BatchOptions(**values)), tmp_path / "job.yaml")
        return tmp_path / "job.yaml"

    return write


@pytest.fixture
def widget(viewer, qtbot):
    """The docked widget; whatever still runs afterwards is ended."""
    made = BatchWidget(viewer)
    viewer.window.add_dock_widget(made, name="Batch denoise")
    yield made
    session = made.session
    made.closed()
    if session is not None:
        qtbot.waitUntil(lambda: not session.running, timeout=WAIT)
    qtbot.waitUntil(lambda: not made.files.looking, timeout=WAIT)


@pytest.fixture
def finish(qtbot):
    """Click Start and wait for the end of the run."""

    def run(widget):
        widget.buttons.start.native.click()
        assert widget.session is not None, widget.status.message.value
        qtbot.waitUntil(lambda: widget.session is None, timeout=WAIT)

    return run


def looked(qtbot, widget):
    qtbot.waitUntil(lambda: not widget.files.looking, timeout=WAIT)


def test_a_folder_that_another_batch_writes_to_is_said_and_left_alone(widget, qtbot, finish, job, tmp_path):
    (tmp_path / "out").mkdir()
    widget.add_paths([job()])
    looked(qtbot, widget)
    with locked_folder(tmp_path / "out"):
        finish(widget)
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".batch.lock"]
    assert widget.status.is_error
    assert f"The output folder {tmp_path / 'out'} is in use by another run" in widget.status.message.value
    finish(widget)
    assert "4 of 5 files done, 1 failed." in widget.status.message.value


def test_a_batch_that_napari_ends_holds_its_folder_no_longer(widget, qtbot, job, tmp_path):
    widget.add_paths([job(settings=lasting())])
    looked(qtbot, widget)
    widget.buttons.start.native.click()
    session = widget.session
    qtbot.waitUntil(lambda: "iteration" in widget.status.activity.value, timeout=WAIT)
    # What napari calls when its event loop ends.
    WorkerBase.await_workers(2000)
    qtbot.waitUntil(lambda: not session.running, timeout=WAIT)
    with locked_folder(tmp_path / "out"):
        pass


def test_a_file_with_several_images_becomes_a_row_for_each_of_them(widget, qtbot, tmp_path):
    pixels = np.stack([noisy_image((3, 32, 40))] * 2, axis=1).astype("float32")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata={"axes": "TRYX"})
    widget.add_paths([tmp_path / "a.tif"])
    looked(qtbot, widget)
    assert [item.output.name for item in widget.items] == ["a_0_denoised.ome.tif", "a_1_denoised.ome.tif"]
    assert [(item.axes, item.shape) for item in widget.items] == [("TYX", (3, 32, 40))] * 2


def test_what_files_do_not_say_is_said_in_fields(widget, qtbot, tmp_path):
    stack = noisy_image((6, 32, 40)).astype("float32")
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", metadata={"axes": "TYX"})
    widget.add_paths([tmp_path / "a.tif"])
    looked(qtbot, widget)
    widget.split.value, widget.voxel_size.value = "2:C", "0.3,0.1,0.2"
    widget.split.entered.emit("2:C")
    looked(qtbot, widget)
    (item,) = widget.items
    assert (item.axes, item.shape, item.read.voxel_size) == ("TCYX", (3, 2, 32, 40), (0.3, 0.1, 0.2))
    widget.voxel_size.value = "0.3"
    widget.voxel_size.entered.emit("0.3")
    assert widget.status.is_error
    assert "The batch option 'voxel_size' is '0.3'" in widget.status.message.value


def states(widget):
    return {item.source.name: item.state for item in widget.items}


def row_of(widget, name):
    return next(row for row, item in enumerate(widget.items) if item.source.name == name)


def cell(widget, name, column, role=Qt.ItemDataRole.DisplayRole):
    names = [
        widget.model.headerData(n, Qt.Orientation.Horizontal) for n in range(widget.model.columnCount())
    ]
    return widget.model.index(row_of(widget, name), names.index(column)).data(role)


def test_batch_denoise_is_in_the_plugins_menu():
    manifest = PluginManifest.from_distribution("napari-blindspot")
    widgets = {each.display_name: each.command for each in manifest.contributions.widgets}
    command = next(c for c in manifest.contributions.commands if c.id == widgets["Batch denoise"])
    assert command.python_name == "napari_blindspot.widgets.batch.widget:BatchWidget"


def test_five_files_one_of_them_damaged_are_denoised_and_shown(
    widget, viewer, qtbot, finish, job, tmp_path
):
    widget.add_paths([job()])
    looked(qtbot, widget)
    assert cell(widget, "stack.ome.tif", "Shape") == "3×32×32"
    assert cell(widget, "stack.ome.tif", "Axes") == "ZYX"
    assert states(widget)["torn.tif"] == "failed"
    finish(widget)
    done = dict.fromkeys(("a.ome.tif", "b c.ome.tif", "d ü.ome.tif", "stack.ome.tif"), "done")
    assert states(widget) == done | {"torn.tif": "failed"}
    assert re.fullmatch(
        r"4 of 5 files done, 1 failed\. The outputs are \S+ kB large\. A click on a failed file says why\.",
        widget.status.message.value,
    )
    assert cell(widget, "stack.ome.tif", "Noise").startswith("σ ")
    assert cell(widget, "stack.ome.tif", "Time").endswith(" s")
    assert "torn.tif" in cell(widget, "torn.tif", "State", Qt.ItemDataRole.ToolTipRole)
    assert (tmp_path / "out" / "batch_report.html").is_file()
    assert widget.show_report.enabled
    assert widget.buttons.start.enabled

    widget.open_row(row_of(widget, "stack.ome.tif"))
    noisy, denoised = viewer.layers
    assert (noisy.name, denoised.name) == ("stack.ome.tif", "stack_denoised.ome.tif")
    assert np.array_equal(noisy.scale, denoised.scale)
    assert np.allclose(denoised.scale, 0.25)
    assert np.array_equal(denoised.data, read_image(tmp_path / "out" / "stack_denoised.ome.tif").array)
    grid = viewer.canvas.grid if hasattr(viewer, "canvas") else viewer.grid
    assert grid.enabled
    widget.open_row(row_of(widget, "a.ome.tif"))
    assert [layer.name for layer in viewer.layers] == ["a.ome.tif", "a_denoised.ome.tif"]
    widget.table.native.chosen.emit(row_of(widget, "torn.tif"))
    assert "torn.tif" in widget.status.message.value


def test_the_widget_gives_the_same_pixels_as_a_batch_without_it(widget, finish, job, data, tmp_path):
    widget.add_paths([job(data / "stack.ome.tif")])
    finish(widget)
    elsewhere = BatchOptions(output=tmp_path / "alone", settings=settings())
    for _ in run_batch(plan_batch([data / "stack.ome.tif"], elsewhere)):
        pass
    name = "stack_denoised.ome.tif"
    here, there = (read_image(tmp_path / folder / name).array for folder in ("out", "alone"))
    assert np.array_equal(here, there)


def test_files_and_folders_can_be_dropped_on_the_table(widget, qtbot, data, tmp_path):
    (tmp_path / "more").mkdir()
    (data / "b c.ome.tif").rename(tmp_path / "more" / "b c.ome.tif")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in (data / "a.ome.tif", tmp_path / "more")])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    widget.table.native.dropEvent(event)
    assert list(states(widget)) == ["a.ome.tif", "b c.ome.tif"]
    assert widget.output.value == str(data / "denoised")
    looked(qtbot, widget)
    assert cell(widget, "b c.ome.tif", "Shape") == "32×40"


def test_a_pattern_says_what_is_taken_of_a_folder(widget, data):
    widget.pattern.value = "?.ome.tif"
    widget.add_paths([data])
    assert list(states(widget)) == ["a.ome.tif"]
    widget.pattern.value = "*.lsm"
    widget.add_paths([data])
    assert "no image that matches '*.lsm'" in widget.status.message.value
    assert list(states(widget)) == ["a.ome.tif"]


def test_axes_can_be_corrected_in_the_table(widget, qtbot, finish, job, data, tmp_path):
    widget.add_paths([job(data / "stack.ome.tif")])
    looked(qtbot, widget)
    index = widget.model.index(0, 1)
    assert widget.model.flags(index) & Qt.ItemFlag.ItemIsEditable
    widget.model.setData(index, "qzyx")
    looked(qtbot, widget)
    assert states(widget) == {"stack.ome.tif": "failed"}
    widget.model.setData(index, "tyx")
    looked(qtbot, widget)
    assert cell(widget, "stack.ome.tif", "Axes") == "TYX"
    finish(widget)
    assert read_image(tmp_path / "out" / "stack_denoised.ome.tif").axes == "TYX"


def test_rows_can_be_removed(widget, data):
    widget.add_paths([data])
    widget.table.native.selectRow(row_of(widget, "torn.tif"))
    widget.remove_chosen.native.click()
    assert "torn.tif" not in states(widget)
    assert len(states(widget)) == 4


def test_a_stop_keeps_the_finished_planes_and_start_goes_on(widget, qtbot, finish, job, data, tmp_path):
    widget.add_paths([job(data / "stack.ome.tif", settings=lasting(60))])
    widget.buttons.start.native.click()
    qtbot.waitUntil(lambda: "iteration" in widget.status.activity.value, timeout=WAIT)
    assert not widget.buttons.start.enabled
    assert not widget.preset.enabled
    widget.buttons.stop.native.click()
    assert not widget.buttons.pause.enabled
    qtbot.waitUntil(lambda: widget.session is None, timeout=WAIT)
    (item,) = widget.items
    assert item.state == "stopped"
    assert 1 <= item.finished < 3
    assert "start again to go on" in widget.status.message.value
    assert cell(widget, "stack.ome.tif", "State") == f"stopped {item.finished}/3"
    finish(widget)
    assert states(widget) == {"stack.ome.tif": "done"}
    assert read_image(tmp_path / "out" / "stack_denoised.ome.tif").shape == (3, 32, 32)


def test_a_paused_batch_waits_and_a_cancelled_one_ends(widget, qtbot, job, data):
    widget.add_paths([job(data / "stack.ome.tif", settings=lasting())])
    widget.buttons.start.native.click()
    qtbot.waitUntil(lambda: "iteration" in widget.status.activity.value, timeout=WAIT)
    widget.buttons.pause.native.click()
    qtbot.waitUntil(lambda: widget.status.state.value.startswith("Paused"), timeout=WAIT)
    assert widget.buttons.pause.text == "Resume"
    before = widget.status.activity.value
    qtbot.wait(300)
    assert widget.status.activity.value == before
    widget.buttons.pause.native.click()
    qtbot.waitUntil(lambda: widget.status.activity.value != before, timeout=WAIT)
    widget.buttons.cancel.native.click()
    qtbot.waitUntil(lambda: widget.session is None, timeout=WAIT)
    assert states(widget) == {"stack.ome.tif": "stopped"}
    assert not list(data.parent.glob("out/*.ome.tif"))


def test_closing_the_widget_ends_the_run(widget, viewer, qtbot, job, data):
    widget.add_paths([job(data / "stack.ome.tif", settings=lasting())])
    widget.buttons.start.native.click()
    qtbot.waitUntil(lambda: "iteration" in widget.status.activity.value, timeout=WAIT)
    session = widget.session
    viewer.window.remove_dock_widget(widget.native)
    qtbot.waitUntil(lambda: not session.running, timeout=WAIT)
    assert widget.session is None
    let_go(widget.native)


def test_a_batch_can_be_saved_as_a_job_and_run_without_napari(widget, job, data, tmp_path):
    widget.add_paths([job()])
    widget.existing.value = "overwrite"
    assert widget.ngff.native.isHidden()
    widget.format.value, widget.ngff.value = "ome-zarr", "0.4"
    assert not widget.ngff.native.isHidden()
    widget.save_as_job(tmp_path / "saved.yaml")
    assert "napari-blindspot batch --job saved.yaml" in widget.status.message.value
    saved = load_job(tmp_path / "saved.yaml")
    assert (saved.existing, saved.settings, saved.output) == ("overwrite", settings(), tmp_path / "out")
    assert (saved.format, saved.ngff) == ("ome-zarr", "0.4")
    widget.ngff.value = "0.5"
    widget.add_paths([tmp_path / "saved.yaml"])
    assert (widget.format.value, widget.ngff.value) == ("ome-zarr", "0.4")
    assert [item.output for item in saved.plan().items] == [item.output for item in widget.items]


def test_a_layer_stands_for_its_file_or_is_saved_as_one(widget, viewer, qtbot, data, tmp_path):
    viewer.open(data / "a.ome.tif", plugin="napari")
    viewer.add_image(noisy_image((2, 32, 32)), name="new/one", scale=(1, 0.5, 0.5), units=("s", "µm", "µm"))
    viewer.layers.selection.clear()
    widget.output.value = str(tmp_path / "out")
    widget.add_open.native.click()
    looked(qtbot, widget)
    assert [item.source for item in widget.items] == [
        data / "a.ome.tif",
        tmp_path / "out" / "layers" / "new_one.ome.tif",
    ]
    saved = read_image(widget.items[1].source)
    assert np.array_equal(saved.array, viewer.layers[1].data)
    assert saved.spacing["X"] == Spacing(0.5, "µm")


def test_without_images_or_a_folder_for_results_it_is_said_what_is_missing(widget, viewer, data):
    widget.add_open.native.click()
    assert widget.status.message.value == "There is no image layer to add."
    viewer.add_image(noisy_image((32, 32)), name="loose")
    widget.add_open.native.click()
    assert "choose an output folder first" in widget.status.message.value
    widget.add_paths([data / "a.ome.tif"])
    widget.output.value = ""
    widget.buttons.start.native.click()
    assert widget.status.message.value == "Choose a folder for the results."
    assert widget.session is None


def test_settings_that_do_not_fit_together_are_said_and_the_table_stays(widget, data):
    widget.add_paths([data / "a.ome.tif"])
    widget.preset.value = "paper"
    widget.form["losses"].value = ()
    widget.buttons.start.native.click()
    assert "at least one of the losses must be on" in widget.status.message.value
    assert widget.session is None
    assert list(states(widget)) == ["a.ome.tif"]


def test_only_what_a_preset_can_do_with_a_stack_is_offered(widget):
    assert widget.stack_start.choices == ("warm", "shared", "anew")
    widget.form["neighbours"].value = 2
    assert widget.settings().neighbours == 2
    widget.preset.value = "paper"
    assert widget.stack_start.choices == ("anew",)
    assert widget.settings() == Settings.from_preset("paper")
    widget.preset.value = "fast"
    assert widget.stack_start.choices == ("warm", "shared", "anew")
    assert widget.settings() == Settings.from_preset("fast")
