from __future__ import annotations

import shutil

import pytest

from napari_blindspot import Settings
from napari_blindspot.batch import BatchOptions, Input
from napari_blindspot.batch.job_file import BatchJob, load_job, save_job
from napari_blindspot.core.errors import FileError, SettingsError


def test_a_saved_job_comes_back_as_it_was(tmp_path, tiny):
    options = BatchOptions(
        output=tmp_path / "out",
        settings=tiny,
        pattern="*.tif",
        format="ome-zarr",
        ngff="0.4",
        existing="skip",
        channel=1,
    )
    inputs = [Input(path=tmp_path / "a b.tif", axes="TZYX"), Input(path=tmp_path / "ü", series=2)]
    job = BatchJob.of(inputs, options)
    save_job(job, tmp_path / "job.yaml")
    assert load_job(tmp_path / "job.yaml") == job


def test_a_job_file_is_short_and_says_what_differs_from_the_usual(tmp_path):
    job = BatchJob.of([Input(path=tmp_path / "data")], BatchOptions(output=tmp_path / "out"))
    save_job(job, tmp_path / "job.yaml")
    lines = [line for line in (tmp_path / "job.yaml").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["version: 1", "inputs:", "- data", "output: out", "settings:", "  preset: auto"]


def test_a_folder_can_be_moved_with_its_job_file(tmp_path):
    (tmp_path / "here").mkdir()
    job = BatchJob.of(
        [Input(path=tmp_path / "here" / "a.tif")], BatchOptions(output=tmp_path / "here" / "out")
    )
    save_job(job, tmp_path / "here" / "job.yaml")
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = load_job(tmp_path / "there" / "job.yaml")
    assert moved.inputs[0].path == tmp_path / "there" / "a.tif"
    assert moved.output == tmp_path / "there" / "out"


def test_a_job_file_written_by_hand_may_name_a_preset_and_a_single_input(tmp_path):
    (tmp_path / "job.yaml").write_text("inputs: raw\noutput: out\nsettings: {preset: fast, seed: 3}\n")
    job = load_job(tmp_path / "job.yaml")
    assert job.settings == Settings.from_preset("fast", seed=3)
    assert job.inputs[0].path == tmp_path / "raw"


def test_the_version_of_ome_zarr_needs_no_quotes(tmp_path):
    (tmp_path / "job.yaml").write_text("inputs: raw\noutput: out\nformat: ome-zarr\nngff: 0.4\n")
    assert load_job(tmp_path / "job.yaml").ngff == "0.4"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("inputs: [a.tif\n", "is not YAML: there is a mistake in line"),
        ("just words", "holds no job"),
        ("output: out", "'inputs' is missing"),
        ("inputs: []\noutput: out", "a list of files, folders or patterns is needed"),
        ("inputs: a\noutput: b\nformat: jpeg", "'format' is 'jpeg'"),
        ("inputs: a\noutput: b\nsettings: {iterations: 0}", "The setting 'iterations' is 0"),
        ("inputs: [{path: a, axis: ZYX}]\noutput: b", "'axis'"),
        ("inputs: a\noutput: b\nversion: 2", "'version' is 2"),
        ("!!python/object/apply:os.system [ls]", "is not YAML"),
    ],
)
def test_what_is_wrong_with_a_job_file_is_said_in_a_sentence(tmp_path, text, sentence):
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises((FileError, SettingsError)) as error:
        load_job(tmp_path / "job.yaml")
    assert sentence in str(error.value)
    assert "job.yaml" in str(error.value)


def test_a_job_file_that_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(FileError, match="Cannot read the job file"):
        load_job(tmp_path / "none.yaml")
