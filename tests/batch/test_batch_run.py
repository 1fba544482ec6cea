"""Batches in this process, with real fits: what is written, what is kept, and what a failure costs."""

from __future__ import annotations

import csv
import html
import os
import re
import subprocess

import numpy as np
import pytest
import tifffile

from napari_blindspot import Settings
from napari_blindspot.batch import Batch, BatchOptions, Item, plan_batch, run_batch
from napari_blindspot.batch.columns import COLUMNS
from napari_blindspot.batch.item_events import PlaneWork
from napari_blindspot.batch.page import page
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.core.control import Control
from napari_blindspot.core.events import Finished, Step
from napari_blindspot.core.words import sentence, size_of_file
from napari_blindspot.files.door import ImageFile, read_image, read_settings, write_ome_tiff
from napari_blindspot.samples import z_stack
from napari_blindspot.stack import fit_stack

STACK = "Zellen ü.ome.tif"
ALL = {"plane.ome.tif": "done", STACK: "done", "broken.tif": "failed"}


def run(batch, control=None, **options):
    return list(run_batch(batch, control, **options))


def stack_of(short, image):
    """The pixels that a fit of the whole stack gives."""
    expected = np.zeros(image.shape, np.float32)
    for event in fit_stack(image.array, short, axes=image.axes):
        if isinstance(event, Finished):
            expected[event.plane] = event.result.denoised
    return expected


def item_of(batch, name):
    return next(item for item in batch.items if item.source.name == name)


def test_every_file_that_can_be_is_denoised_and_the_others_say_why(finished, states, short):
    assert states(finished) == ALL
    item = item_of(finished, STACK)
    source, result = read_image(item.source), read_image(item.output)
    assert (result.axes, result.spacing, result.channel_names) == ("CZYX", source.spacing, ("DAPI", "GFP"))
    assert np.array_equal(result.array, stack_of(short, source))
    (broken,) = finished.failures
    assert "broken.tif" in broken.reason
    assert sorted(path.name for path in finished.options.output.rglob("*") if path.is_file()) == [
        "Zellen ü_denoised.ome.tif",
        "batch_report.csv",
        "batch_report.html",
        "plane_denoised.ome.tif",
    ]


def test_an_item_knows_its_shape_axes_noise_and_time(finished):
    item = item_of(finished, STACK)
    assert (item.shape, item.axes, item.dtype) == ((2, 2, 32, 32), "CZYX", "uint16")
    assert (item.plane_count, item.finished) == (4, 4)
    assert item.seconds > 0
    assert re.match(
        r"σ \d+\.\d, gain \d+\.\d, next pixels correlate -?0\.\d\d", item.record.noise.in_words()
    )


def test_what_can_not_be_read_is_known_before_the_first_fit(plan):
    batch = plan()
    for event in run_batch(batch):
        if isinstance(event, PlaneWork):
            break
    assert [item.source.name for item in batch.failures] == ["broken.tif"]


def test_a_plane_that_can_not_be_denoised_costs_only_its_file(plan, data):
    (data / "day 2" / STACK).unlink()
    stack = z_stack((2, 32, 32)).noisy.astype("float32")
    stack[1] = np.inf
    write_ome_tiff(data / "inf.tif", ImageFile(stack, "ZYX"))
    batch = plan()
    run(batch)
    assert item_of(batch, "plane.ome.tif").state == "done"
    item = item_of(batch, "inf.tif")
    assert item.state == "failed"
    assert item.finished == 1
    assert "infinite" in item.reason


def test_a_stopped_batch_finishes_the_plane_at_work_and_goes_on_to_the_same_pixels(
    plan, data, tmp_path, short
):
    batch, control = plan(data / "day 2"), Control()
    for event in run_batch(batch, control):
        if isinstance(event, PlaneWork) and isinstance(event.event, Step) and event.event.plane == (0, 1):
            control.stop(after_plane=True)
    (item,) = batch.items
    assert (item.state, item.finished) == ("stopped", 2)
    assert item.reason == "2 of 4 planes are finished and kept; resume to go on."
    assert not item.output.exists()

    again = plan(data / "day 2")
    fitted = [event.event.plane for event in run(again) if isinstance(event, PlaneWork)]
    assert fitted[0] == (1, 0)
    source = read_image(data / "day 2" / STACK)
    assert np.array_equal(read_image(item.output).array, stack_of(short, source))
    assert not item.output.with_name(f"{item.output.name}.planes").exists()


def test_a_cancelled_batch_keeps_what_was_finished_and_begins_no_other_file(plan, data, states):
    batch, control = plan(data), Control()
    for event in run_batch(batch, control):
        if isinstance(event, PlaneWork) and isinstance(event.event, Step) and event.event.plane == (0, 1):
            control.cancel()
    assert states(batch) == {
        STACK: "stopped",
        "broken.tif": "failed",
        "plane.ome.tif": "waiting",
    }
    assert item_of(batch, STACK).finished == 1


def test_leaving_in_the_middle_of_a_fit_loses_no_finished_plane(plan, data):
    batch = plan(data / "day 2")
    events = run_batch(batch)
    for event in events:
        if isinstance(event, PlaneWork) and isinstance(event.event, Step) and event.event.plane == (0, 1):
            break
    events.close()
    assert (batch.items[0].state, batch.items[0].finished) == ("stopped", 1)
    assert plan_and_count(plan, data / "day 2") == 3


def plan_and_count(plan, *inputs, **options) -> int:
    """Run a batch and return the number of planes that were fitted."""
    events = run(plan(*inputs, **options))
    return sum(isinstance(event, PlaneWork) and isinstance(event.event, Finished) for event in events)


def test_a_second_run_computes_nothing_and_reports_the_same(finished, states):
    outputs = [item.output for item in finished.items if item.state == "done"]
    times = [path.stat().st_mtime_ns for path in outputs]
    second = plan_batch([finished.options.output.parent / "data"], finished.options)
    assert not any(isinstance(event, PlaneWork) for event in run(second))
    assert states(second) == ALL
    assert [item.record for item in second.items] == [item.record for item in finished.items]
    assert [path.stat().st_mtime_ns for path in outputs] == times


def test_what_a_kill_in_the_middle_of_the_report_has_left_goes_with_the_next_run(plan, data):
    batch = plan(data / "plane.ome.tif")
    folder = batch.options.output
    folder.mkdir()
    for name in (".batch_report.csv.66848b5b.part", ".batch_report.html.0a1b2c3d.part", ".notes.part"):
        (folder / name).write_text("half")
    control = Control()
    control.stop()
    run(batch, control)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".notes.part",
        "batch_report.csv",
        "batch_report.html",
    ]


def test_an_output_of_other_settings_is_left_alone_and_reported(plan, data, short):
    plan_and_count(plan, data / "plane.ome.tif")
    other = short.model_copy(update={"seed": 7})
    batch = plan(data / "plane.ome.tif", settings=other)
    run(batch)
    (item,) = batch.failures
    assert "is not of this input with these settings" in item.reason
    assert read_settings(item.output).seed == 0
    skipping = plan(data / "plane.ome.tif", settings=other, existing="skip")
    run(skipping)
    assert (skipping.items[0].state, read_settings(item.output).seed) == ("skipped", 0)
    assert plan_and_count(plan, data / "plane.ome.tif", settings=other, existing="replace") == 1
    assert read_settings(item.output).seed == 7
    assert plan_and_count(plan, data / "plane.ome.tif", settings=other, existing="replace") == 0
    assert plan_and_count(plan, data / "plane.ome.tif", settings=other, existing="overwrite") == 1


def test_an_input_that_has_changed_since_is_not_taken_for_done(plan, data):
    plan_and_count(plan, data / "plane.ome.tif")
    os.utime(data / "plane.ome.tif", (0, 0))
    batch = plan(data / "plane.ome.tif")
    run(batch)
    assert batch.items[0].state == "failed"


def test_finished_planes_of_other_settings_are_not_used(plan, data, short):
    control = Control()
    for event in run_batch(plan(data / "day 2"), control):
        if isinstance(event, PlaneWork):
            control.stop(after_plane=True)
    assert plan_and_count(plan, data / "day 2", settings=short.model_copy(update={"seed": 1})) == 4


def test_a_file_may_be_repeated_from_its_output(finished, plan, tmp_path):
    first = item_of(finished, STACK)
    plan_and_count(plan, first.source, settings=read_settings(first.output))
    second = read_image(tmp_path / "out" / first.output.name)
    assert np.array_equal(read_image(first.output).array, second.array)


def test_axes_that_the_user_gives_decide_which_planes_share_a_network(plan, data, short):
    image = ImageFile(z_stack((3, 32, 32)).noisy, "ZYX")
    write_ome_tiff(data / "s.tif", image)
    batch = plan(data / "s.tif", axes="CYX")
    run(batch)
    result = read_image(batch.items[0].output)
    assert result.axes == "CYX"
    alone = stack_of(short, ImageFile(image.array[2], "YX"))
    assert np.array_equal(result.array[2], alone)
    wrong = plan(data / "s.tif", axes="TZYX")
    run(wrong)
    assert wrong.items[0].state == "failed"


def test_all_of_a_colour_image_is_done_or_one_channel_on_request(plan, data, tmp_path):
    image = np.stack([z_stack((1, 32, 32), seed).noisy[0] for seed in range(3)], axis=-1).astype("uint8")
    write_ome_tiff(data / "rgb.tif", ImageFile(image, "YXS"))
    whole = plan(data / "rgb.tif")
    run(whole)
    assert whole.items[0].state == "done", whole.items[0].reason
    colours = read_image(whole.items[0].output)
    assert (colours.axes, colours.array.dtype) == ("YXS", np.uint8)
    taken = plan(data / "rgb.tif", channel=1, output=tmp_path / "one")
    run(taken)
    assert taken.items[0].state == "done", taken.items[0].reason
    assert read_image(taken.items[0].output).axes == "YX"


@pytest.fixture
def bare(short):
    """Settings without a network to keep beside the planes, as the disk of these tests is very small."""
    return short.model_copy(update={"stack_start": "anew"})


def test_a_full_disk_is_said_before_anything_is_computed_and_other_files_go_on(
    plan, data, small_disk, states, bare
):
    write_ome_tiff(data / "large.tif", ImageFile(z_stack((1, 256, 256)).noisy[0], "YX"))
    batch = plan(output=small_disk, compression="none", settings=bare)
    run(batch)
    assert states(batch) == ALL | {"large.tif": "failed"}
    large = item_of(batch, "large.tif")
    assert "the disk is full" in large.reason
    assert large.finished == 0


def test_a_disk_that_fills_up_on_the_way_costs_one_file_and_leaves_no_half_one(
    plan, data, small_disk, bare
):
    options = {"output": small_disk, "compression": "none", "settings": bare}
    batch = plan(data / "day 2", **options)
    filler = small_disk / "filler"
    for event in run_batch(batch):
        if isinstance(event, PlaneWork) and isinstance(event.event, Finished) and not filler.exists():
            free = os.statvfs(small_disk)
            filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - 4096))
    (item,) = batch.items
    assert item.state == "failed"
    assert "the disk is full" in item.reason
    assert item.finished >= 1
    assert not item.output.exists()
    filler.unlink()
    assert plan_and_count(plan, data / "day 2", **options) == 4 - item.finished
    assert item.output.exists()


def test_an_output_folder_that_can_not_be_written_to_fails_every_file_with_its_reason(plan, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    batch = plan(output=small_disk)
    report = BatchReport(batch)
    for _ in run_batch(batch, report=report):
        pass
    assert {item.state for item in batch.items} == {"failed"}
    assert "Read-only file system; choose" in item_of(batch, "plane.ome.tif").reason
    assert "Read-only file system" in report.problem


def test_an_output_folder_that_can_not_be_made_fails_the_file(plan, data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "day 2").write_text("a file where a folder is to be")
    batch = plan()
    run(batch)
    assert item_of(batch, "plane.ome.tif").state == "done"
    assert "Cannot make the folder" in item_of(batch, STACK).reason


def test_the_report_lists_every_file_as_a_table_and_a_page_with_pictures(finished):
    folder = finished.options.output
    with (folder / "batch_report.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {os.path.basename(row["file"]): row for row in csv.DictReader(stream)}
    assert {name: row["state"] for name, row in rows.items()} == ALL
    assert rows[STACK]["shape"] == "2×2×32×32"
    assert "broken.tif" in rows["broken.tif"]["reason"]
    page = (folder / "batch_report.html").read_text(encoding="utf-8")
    assert "2 of 3 files done, 1 failed" in page
    assert page.count('src="data:image/jpeg;base64,') == 4
    assert "http" not in page


def test_the_page_leads_to_what_has_failed_and_describes_its_pictures(finished):
    page = (finished.options.output / "batch_report.html").read_text(encoding="utf-8")
    (number,) = [n for n, item in enumerate(finished.items) if item.state == "failed"]
    assert f'<p class="failed">Failed: <a href="#file-{number}">broken.tif</a></p>' in page
    row = re.search(rf'<tr id="file-{number}">.*</tr>', page)[0]
    assert finished.items[number].reason in html.unescape(row)
    assert {f'alt="{name}, {what}"' for name in ALL for what in ("noisy", "denoised")} - set(
        re.findall('alt="[^"]*"', page)
    ) == {'alt="broken.tif, noisy"', 'alt="broken.tif, denoised"'}


def test_a_file_whose_pixels_are_damaged_fails_and_leaves_nothing(plan, data):
    tifffile.imwrite(data / "plane.ome.tif", z_stack((1, 64, 64)).noisy[0], compression="zlib")
    path = data / "plane.ome.tif"
    content = path.read_bytes()
    path.write_bytes(content[:-3000] + bytes(3000))
    batch = plan(path)
    run(batch)
    (item,) = batch.failures
    assert "is damaged or cut off" in item.reason
    assert item.shape == (64, 64)
    names = {entry.name for entry in batch.options.output.iterdir()}
    assert names == {"batch_report.csv", "batch_report.html"}


def test_where_nothing_can_be_replaced_results_are_kept_beside_others_and_found_again(
    plan, data, tmp_path, monkeypatch
):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    def do(batch):
        report = BatchReport(batch)
        fitted = any(isinstance(event, PlaneWork) for event in run(batch, report=report))
        assert (batch.in_words, report.problem) == ("1 of 1 file done", "")
        return fitted, batch.items[0].output.name

    monkeypatch.setattr(os, "replace", denied)
    monkeypatch.setattr("time.sleep", lambda _: None)
    (tmp_path / "out").mkdir()
    other = tmp_path / "out" / "plane_denoised.ome.tif"
    other.write_bytes((data / "plane.ome.tif").read_bytes())
    before = other.read_bytes()
    first = plan(data / "plane.ome.tif", existing="replace")
    assert do(first) == (True, "plane_denoised-2.ome.tif")
    assert first.items[0].warnings[-1] == sentence(first.findings[0])
    assert [sentence(notice) for notice in first.findings] == [
        f"{other} could not be replaced (Permission denied), so the result is "
        f"{other.with_name('plane_denoised-2.ome.tif')}."
    ]
    assert do(plan(data / "plane.ome.tif")) == (False, "plane_denoised-2.ome.tif")
    assert other.read_bytes() == before
    assert sorted(path.name for path in other.parent.iterdir()) == [
        "batch_report.csv",
        "batch_report.html",
        "plane_denoised-2.ome.tif",
        "plane_denoised.ome.tif",
    ]


def test_a_name_that_is_too_long_fails_in_one_sentence_before_any_fit(plan, data):
    long = data / f"{'n' * 235}.tif"
    long.write_bytes((data / "plane.ome.tif").read_bytes())
    batch = plan(long)
    assert not any(isinstance(event, PlaneWork) for event in run(batch))
    (item,) = batch.failures
    assert f"The name of the output, {'n' * 40}…, is 252 bytes long, but at most 247 are" in item.reason


def test_a_batch_says_how_large_its_results_are(finished):
    done = [item for item in finished.items if item.state == "done"]
    size = sum(item.output.stat().st_size for item in done)
    assert finished.size.values["size"] == size
    assert sentence(finished.size).startswith(f"The outputs are {size_of_file(size)} large")
    with (finished.options.output / "batch_report.csv").open(encoding="utf-8-sig") as table:
        assert {row["size"] for row in csv.DictReader(table) if row["state"] == "done"} == {
            str(item.output.stat().st_size) for item in done
        }


def test_a_name_can_not_put_markup_into_the_report(plan, data, tmp_path):
    (data / "plane.ome.tif").rename(data / "<b>&.ome.tif")
    run(plan(data / "<b>&.ome.tif"))
    page = (tmp_path / "out" / "batch_report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;.ome.tif" in page
    assert "<b>" not in page


def test_results_can_be_ome_zarr_and_are_recognised_as_done(plan, data):
    pytest.importorskip("zarr", reason="OME-Zarr needs the package zarr")
    options = {"format": "ome-zarr", "compression": "zstd", "pyramid": True}
    assert plan_and_count(plan, data / "day 2", **options) == 4
    again = plan(data / "day 2", **options)
    assert not any(isinstance(event, PlaneWork) for event in run(again))
    (item,) = again.items
    assert (item.state, item.output.name) == ("done", "Zellen ü_denoised.ome.zarr")
    source, result = read_image(item.source), read_image(item.output)
    assert (result.axes, result.shape, result.spacing) == (source.axes, source.shape, source.spacing)
    assert plan_and_count(plan, item.output, output=item.output.parent / "twice") == 4
    older = plan(data / "day 2", **options, ngff="0.4")
    assert not any(isinstance(event, PlaneWork) for event in run(older))
    (item,) = older.failures
    assert "is not of this input with these settings as OME-Zarr 0.4; " in item.reason


def test_the_preset_paper_goes_through_a_batch_too(plan, data):
    paper = Settings.from_preset("paper", iterations=2, passes=1, unet_width=8, device="cpu")
    batch = plan(data / "plane.ome.tif", settings=paper)
    run(batch)
    assert (batch.items[0].state, batch.items[0].record.noise) == ("done", None)


@pytest.mark.parametrize("dtype", ["uint64", "int64", "float16"])
def test_a_pixel_type_that_the_output_cannot_hold_is_refused_before_any_fit(plan, data, short, dtype):
    tifffile.imwrite(data / "wide.tif", z_stack((2, 32, 32)).noisy.astype(dtype), photometric="minisblack")
    batch = plan(data / "wide.tif", settings=short.model_copy(update={"output_dtype": "input"}))
    assert not any(isinstance(event, PlaneWork) for event in run(batch))
    (item,) = batch.failures
    assert f"OME-TIFF cannot hold {dtype}" in item.reason
    assert item.setting == "output_dtype"


def test_what_the_user_writes_and_a_file_holds_can_not_put_markup_into_the_report(tmp_path):
    item = Item(
        tmp_path / "a.tif", tmp_path / "o.tif", shape=(9, 9), axes="<i>", dtype="<u>", plane_count=1
    )
    text = page(Batch(BatchOptions(output=tmp_path), [item]), {})
    assert "&lt;i&gt; 9×9" in text
    assert "<i>" not in text
    assert "<u>" not in text


def test_a_column_has_a_name_of_its_own_and_is_shown_somewhere():
    assert len({column.key for column in COLUMNS}) == len(COLUMNS)
    assert all(column.csv or column.html or column.cell for column in COLUMNS)
