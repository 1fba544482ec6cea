"""One way for a file: what `denoise` has begun a batch finishes, and the other way round."""

from __future__ import annotations

import os

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_blindspot.batch import BatchOptions, plan_batch, run_batch
from napari_blindspot.batch.item_events import PlaneWork
from napari_blindspot.cli.app import app
from napari_blindspot.core.control import Control
from napari_blindspot.core.events import Finished, Predicting, Step
from napari_blindspot.engine.inr_of_image import inr_at_pixels
from napari_blindspot.files.door import (
    ImageFile,
    open_image,
    read_image,
    read_record,
    write_image,
    write_ome_tiff,
)
from napari_blindspot.jobs.existing import earlier, reserved
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.jobs.file_run import FileRun
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.jobs.record import FileRecord
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

SHORT = Settings.from_preset(
    "fast", iterations=4, refine_iterations=(2,), symmetries=1, unet_width=4, inr_features=8, device="cpu"
)
STACK = z_stack((3, 32, 40)).noisy


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    """The pixels of a run that was left alone."""
    events = fit_stack(STACK, SHORT, axes="ZYX")
    return np.stack([event.result.denoised for event in events if isinstance(event, Finished)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A stack and the settings, as the command line is told them."""
    monkeypatch.chdir(tmp_path)
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(STACK, "ZYX"))
    (tmp_path / "short.json").write_text(SHORT.model_dump_json())
    return tmp_path


def job_of(folder, **values) -> FileJob:
    outputs = values.pop("outputs", {"denoised": folder / "s_denoised.ome.tif"})
    values.setdefault("source", folder / "s.ome.tif")
    return FileJob(outputs=outputs, settings=SHORT, **values)


def fit_some(job: FileJob, planes: int) -> None:
    """Fit so many planes as the command line does, and leave as a killed process does."""
    with reserved(job):
        events = FileRun.open(job, job.open()).fit(Control())
        for _ in range(planes):
            next(event for event in events if isinstance(event, Finished))
        events.close()


def denoise(*words: str):
    return CliRunner().invoke(app, ["denoise", "s.ome.tif", "--settings", "short.json", *words])


def batch_over(folder, **options):
    options = {"output": folder, "settings": SHORT, **options}
    return plan_batch([folder / "s.ome.tif"], BatchOptions(**options))


def fitted(batch, control=None) -> list[tuple[int, ...]]:
    """Run a batch and return the planes that it has fitted."""
    events = [event.event for event in run_batch(batch, control) if isinstance(event, PlaneWork)]
    return [event.plane for event in events if isinstance(event, Finished)]


def test_a_batch_goes_on_after_the_planes_that_denoise_had_finished(folder, whole):
    fit_some(job_of(folder, existing="refuse"), planes=2)
    batch = batch_over(folder)
    assert fitted(batch) == [(2,)]
    assert (batch.items[0].state, batch.items[0].finished) == ("done", 3)
    assert np.array_equal(read_image(folder / "s_denoised.ome.tif").array, whole)


def test_denoise_goes_on_after_the_planes_that_a_batch_had_finished(folder, whole):
    control, batch = Control(), batch_over(folder)
    for event in run_batch(batch, control):
        if isinstance(event, PlaneWork) and isinstance(event.event, Step) and event.event.plane == (1,):
            control.stop(after_plane=True)
    assert batch.items[0].finished == 2
    done = denoise()
    assert done.exit_code == 0, done.stderr
    assert "Going on after 2 of 3 planes, kept by an earlier run." in done.stderr
    assert np.array_equal(read_image(folder / "s_denoised.ome.tif").array, whole)
    assert not PlaneStore.folder_of(folder / "s_denoised.ome.tif").exists()


def test_what_denoise_has_finished_is_done_for_a_batch(folder):
    assert denoise().exit_code == 0
    batch = batch_over(folder)
    assert fitted(batch) == []
    (item,) = batch.items
    assert (item.state, item.reason) == ("done", "It was done by an earlier run.")
    assert (item.finished, item.record.stopped) == (3, False)
    assert item.record.noise is not None
    other = batch_over(folder, settings=SHORT.model_copy(update={"seed": 1}))
    assert fitted(other) == []
    assert "is not of this input with these settings" in other.failures[0].reason


def test_denoise_and_batch_write_the_same_record(folder):
    assert denoise("-o", "alone.ome.tif").exit_code == 0
    fitted(batch_over(folder))
    alone, batch = (read_record(folder / name) for name in ("alone.ome.tif", "s_denoised.ome.tif"))
    assert alone.keys() == batch.keys()
    assert alone["run"] == batch["run"] != ""
    times = {"planes": {"__all__": {"seconds", "phases"}}}
    records = [FileRecord.read(each).model_dump(exclude=times) for each in (alone, batch)]
    assert records[0] == records[1]
    assert len(records[0]["planes"]) == 3


def test_an_estimate_that_was_stopped_is_not_taken_for_the_whole(folder, whole):
    job = job_of(folder, existing="refuse")
    control = Control()
    with reserved(job):
        run = FileRun.open(job, job.open())
        for event in run.fit(control):
            if isinstance(event, Step) and event.plane == (1,):
                control.stop()
        assert (len(run.records), run.done) == (2, {(0,)})
    batch = batch_over(folder)
    assert fitted(batch) == [(1,), (2,)]
    assert np.array_equal(read_image(folder / "s_denoised.ome.tif").array, whole)


def test_an_output_whose_fit_was_stopped_is_not_done(folder):
    write_ome_tiff(folder / "s.ome.tif", ImageFile(STACK[0], "YX"))
    job = job_of(folder)
    control = Control()
    with reserved(job):
        image = job.open()
        run = FileRun.open(job, image)
        for event in run.fit(control):
            if isinstance(event, Step):
                control.stop()
        assert run.write().stopped
        assert earlier(job_of(folder, existing="replace"), image) is None


def test_an_input_that_was_changed_while_it_was_denoised_is_not_done(folder):
    job = job_of(folder)
    with reserved(job):
        run = FileRun.open(job, job.open())
        for _ in run.fit(Control()):
            pass
        os.utime(job.source, (0, 0))
        run.write()
        assert earlier(job_of(folder, existing="replace"), job.open()) is None


def test_how_many_iterations_were_planned_is_kept_beside_those_that_were_run(folder):
    control = Control()
    job = job_of(folder)
    with reserved(job):
        run = FileRun.open(job, job.open())
        for event in run.fit(control):
            if isinstance(event, Step) and event.iteration > SHORT.iterations:
                control.stop()
        (record,) = run.records.values()
    assert record.stopped
    assert SHORT.iterations < record.iterations <= record.planned_iterations
    assert record.planned_iterations == SHORT.iterations + sum(SHORT.refine_iterations)


def test_an_image_that_was_not_kept_begins_anew_so_that_both_are_of_one_fit(folder, whole):
    fit_some(job_of(folder), planes=2)
    done = denoise("--inr-output", "inr.ome.tif")
    assert done.exit_code == 0, done.stderr
    assert "kept by an earlier run" not in done.stderr
    assert np.array_equal(read_image(folder / "s_denoised.ome.tif").array, whole)
    inr = read_image(folder / "inr.ome.tif").array
    assert all(np.array_equal(inr[z], inr_at_pixels(whole[z], SHORT)) for z in range(len(STACK)))


def test_planes_of_a_zarr_whose_chunks_have_changed_since_are_not_gone_on_with(folder):
    pytest.importorskip("zarr", reason="OME-Zarr needs the package zarr")
    source = folder / "z.ome.zarr"
    write_image(source, ImageFile(STACK, "ZYX"), STACK.__getitem__, STACK.dtype)
    job = job_of(folder, source=source)
    fit_some(job, planes=2)
    with reserved(job):
        assert len(FileRun.open(job, job.open()).done) == 2
    times = source.stat()
    other, turned = folder / "other.ome.zarr", STACK[::-1]
    write_image(other, ImageFile(turned, "ZYX"), turned.__getitem__, turned.dtype)
    for path in other.rglob("*"):
        if path.is_file():
            path.replace(source / path.relative_to(other))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert np.array_equal(np.asarray(open_image(source).array), turned)
    with reserved(job):
        assert FileRun.open(job, job.open()).done == set()


def test_a_job_that_is_cancelled_while_it_predicts_keeps_no_plane(folder):
    control = Control()
    job = job_of(folder)
    with reserved(job):
        run = FileRun.open(job, job.open())
        for event in run.fit(control):
            if isinstance(event, Predicting):
                control.cancel()
        assert run.records == {}
    assert not run.store.folder.exists()
