"""One model for all files of a batch: given, or fitted to one of them and kept."""

from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot import Control, denoise, fit, load, read_image, save
from napari_blindspot.batch import BatchOptions, plan_batch, run_batch
from napari_blindspot.batch.item_events import ModelWork, PlaneWork
from napari_blindspot.batch.job_file import BatchJob, load_job, save_job
from napari_blindspot.cli.batch import assemble
from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.events import Step
from napari_blindspot.files.door import ImageFile, write_ome_tiff
from napari_blindspot.samples import confocal


@pytest.fixture
def planes(tmp_path):
    """A folder with three planes, of which the second has most structure by far."""
    folder = tmp_path / "planes"
    folder.mkdir()
    for number in range(3):
        image = confocal((32, 40), number).noisy
        write_ome_tiff(folder / f"{number}.ome.tif", ImageFile(image, "YX", {}))
    return folder


@pytest.fixture
def options(tmp_path, short):
    return BatchOptions(output=tmp_path / "out", settings=short)


def pixels(batch, number):
    return read_image(batch.items[number].output).array


def test_a_model_is_fitted_to_the_first_file_kept_and_applied_to_all(planes, options):
    batch = plan_batch([planes], options.model_copy(update={"fit_on": "first"}))
    events = list(run_batch(batch))
    assert [item.state for item in batch.items] == ["done"] * 3
    assert {event.number for event in events if isinstance(event, ModelWork)} == {0}
    assert not any(isinstance(e, PlaneWork) and isinstance(e.event, Step) for e in events)
    (path,) = batch.models
    assert path == options.output / "batch_model.safetensors"
    model = load(path)
    assert model.fitted_to.name == "0.ome.tif"
    noisy = read_image(planes / "2.ome.tif").array
    assert np.array_equal(pixels(batch, 2), denoise(noisy, model=model, device="cpu").denoised)

    # Another run has nothing left to do, and one with another file does not fit again.
    write_ome_tiff(planes / "3.ome.tif", ImageFile(noisy[::-1], "YX", {}))
    again = plan_batch([planes], options.model_copy(update={"fit_on": "first"}))
    events = list(run_batch(again))
    assert not any(isinstance(event, ModelWork) for event in events)
    assert {event.number for event in events if isinstance(event, PlaneWork)} == {3}


def test_a_model_is_fitted_to_the_file_that_is_named(planes, options):
    batch = plan_batch([planes], options.model_copy(update={"fit_on": "1.ome.tif"}))
    for event in run_batch(batch):
        if isinstance(event, PlaneWork):
            break
    assert load(batch.models[0]).fitted_to.name == "1.ome.tif"
    other = plan_batch([planes], options.model_copy(update={"fit_on": "9.ome.tif"}))
    with pytest.raises(SettingsError, match=r"9\.ome\.tif, which is none of the files"):
        list(run_batch(other))


def test_each_channel_has_a_model_of_its_own(data, options):
    stack = data / "day 2" / "Zellen ü.ome.tif"
    batch = plan_batch([stack], options.model_copy(update={"fit_on": "first"}))
    list(run_batch(batch))
    assert [path.name for path in batch.models] == [f"batch_model_{n}.safetensors" for n in (0, 1)]
    noisy = read_image(stack).array
    expected = denoise(noisy[1, 1], model=load(batch.models[1]), neighbours=None, device="cpu").denoised
    # Neighbours are no part of this comparison: two planes, random weights.
    assert np.array_equal(pixels(batch, 0)[1, 1], expected)


def test_a_model_that_is_given_is_applied_and_a_job_file_names_it(planes, options, short, tmp_path):
    model = fit(confocal((32, 40), 5).noisy, settings=short)
    save(model, tmp_path / "cells.safetensors")
    job = assemble(
        [str(planes / "1.ome.tif")],
        None,
        {"output": options.output, "model": tmp_path / "cells.safetensors"},
        {},
        None,
        None,
        {"device": "cpu"},
    )
    save_job(job, tmp_path / "job.yaml")
    text = (tmp_path / "job.yaml").read_text("utf-8")
    assert "\nmodel: cells.safetensors\n" in text
    batch = load_job(tmp_path / "job.yaml").plan()
    list(run_batch(batch))
    assert batch.items[0].state == "done", batch.items[0].reason
    noisy = read_image(planes / "1.ome.tif").array
    assert np.array_equal(pixels(batch, 0), denoise(noisy, model=model, device="cpu").denoised)


def test_stopping_while_the_model_is_fitted_begins_no_file(planes, options):
    control = Control()
    batch = plan_batch([planes], options.model_copy(update={"fit_on": "first"}))
    for event in run_batch(batch, control):
        if isinstance(event, ModelWork):
            control.cancel()
    assert [item.state for item in batch.items] == ["waiting"] * 3
    assert not (options.output / "batch_model.safetensors").exists()


def test_a_model_and_a_file_to_fit_one_to_are_not_both_taken(tmp_path):
    with pytest.raises(SettingsError, match="give one of them"):
        BatchJob(inputs=["a.tif"], output=tmp_path, model=tmp_path / "m", fit_on="first")
