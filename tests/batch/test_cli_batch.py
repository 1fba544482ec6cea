"""The command ``batch``: what is said, what is written, and the exit codes."""

from __future__ import annotations

import re
import signal
import sys

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from forked import start_program
from napari_blindspot.batch.job_file import load_job
from napari_blindspot.cli.app import app
from napari_blindspot.files.door import ImageFile, read_image, write_ome_tiff
from napari_blindspot.samples import confocal


@pytest.fixture
def call(tmp_path, data, short, monkeypatch):
    """Run the command line in the folder that holds "data"; --short stands for settings of a moment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.json").write_text(short.model_dump_json())

    def run(*arguments: str):
        words = [w for a in arguments for w in (("--settings", "short.json") if a == "--short" else (a,))]
        return CliRunner().invoke(app, ["batch", *words])

    return run


def test_a_batch_with_a_broken_file_does_the_others_and_ends_with_1(call, tmp_path):
    done = call("data", "-o", "out", "--short")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        str(tmp_path / "out" / "day 2" / "Zellen ü_denoised.ome.tif"),
        str(tmp_path / "out" / "plane_denoised.ome.tif"),
    ]
    assert re.search(r"^Failed: .*broken\.tif: .+\.$", done.stderr, re.MULTILINE)
    assert "2 of 3 files done, 1 failed." in done.stderr
    assert "batch_report.html" in done.stderr


def test_a_batch_of_sound_files_ends_with_0_and_says_how_it_goes(call):
    done = call("data/*.ome.tif", "-o", "out", "--short")
    assert done.exit_code == 0, done.stderr
    assert "1/1 plane.ome.tif: YX 32×40" in done.stderr
    assert re.search(r"plane.ome.tif  iteration 1/\d+  \d+% of all  \d+ s left", done.stderr)
    assert re.search(r"1/1 plane.ome.tif: done in \d+ s; σ", done.stderr)


def test_a_failed_file_says_with_which_option_it_can_be_mended(call, data):
    tifffile.imwrite(data / "half.tif", np.zeros((32, 32), np.float16))
    done = call("data/half.tif", "-o", "out", "--short", "--dtype", "input")
    assert done.exit_code == 1
    failed = next(line for line in done.stderr.splitlines() if line.startswith("Failed: "))
    assert failed.endswith("choose float32 for the output (--dtype float32|input).")


def test_a_saved_job_runs_without_further_words_and_gives_the_same_pixels(call, tmp_path):
    options = ["data", "-o", "out", "--pattern", "plane*", "--short", "--seed", "4"]
    assert call(*options, "--save-job", "job.yaml").exit_code == 0
    assert not (tmp_path / "out").exists()
    job = load_job(tmp_path / "job.yaml")
    assert (job.pattern, job.settings.seed) == ("plane*", 4)
    assert call("--job", "job.yaml").exit_code == 0
    first = read_image(tmp_path / "out" / "plane_denoised.ome.tif").array
    assert call(*options, "--overwrite").exit_code == 0
    assert np.array_equal(read_image(tmp_path / "out" / "plane_denoised.ome.tif").array, first)


def test_other_words_overrule_a_job_file(call, tmp_path):
    (tmp_path / "job.yaml").write_text("inputs: data\noutput: out\nsettings: {preset: best, seed: 2}\n")
    call("--job", "job.yaml", "-o", "elsewhere", "--iterations", "9", "--skip", "--save-job", "new.yaml")
    job = load_job(tmp_path / "new.yaml")
    assert (job.output.name, job.existing) == ("elsewhere", "skip")
    assert (job.settings.preset, job.settings.seed, job.settings.iterations) == ("best", 2, 9)
    call("--job", "job.yaml", "--resume", "--overwrite", "--save-job", "new.yaml")
    assert load_job(tmp_path / "new.yaml").existing == "replace"
    call("--job", "job.yaml", "--preset", "fast", "--save-job", "new.yaml")
    assert load_job(tmp_path / "new.yaml").settings.preset == "fast"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "out"], "There is nothing to denoise"),
        (["data"], "There is no folder for the results"),
        (["data", "-o", "out", "--skip", "--overwrite"], "Both --skip and --overwrite"),
        (["data", "-o", "out", "--format", "jpeg"], "'format' is 'jpeg'"),
        (
            ["data", "-o", "out", "--ngff", "0.4"],
            "the results are to be ome-tiff; choose ome-zarr.",
        ),
        (["data", "-o", "out", "--preset", "magic"], "no preset 'magic'"),
        (["data", "-o", "out", "--pattern", "*.lsm"], "no image that matches '*.lsm'"),
        (["data", "-o", "out", "--workers", "0"], "'workers' is 0"),
        (["data", "--job", "none.yaml"], "Cannot read the job file none.yaml"),
        (["data", "-o", "short.json"], "is a file; give a folder"),
    ],
)
def test_what_is_wrong_with_the_words_is_said_before_anything_is_done(call, tmp_path, words, sentence):
    done = call(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
def test_ctrl_c_finishes_the_plane_at_work_and_the_same_command_goes_on(call, tmp_path, longer):
    (tmp_path / "slower.json").write_text(longer.model_dump_json())
    stack = np.stack([confocal((48, 48), seed).noisy for seed in range(3)])
    write_ome_tiff(tmp_path / "s.tif", ImageFile(stack, "ZYX"))
    words = ["batch", "s.tif", "data/plane.ome.tif", "-o", "out", "--settings", "slower.json"]
    with start_program(tmp_path, *words) as process:
        for line in process.stderr:
            if "iteration" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert "Stopping after the planes at work" in said
    assert "1/2 s.tif: stopped. 1 of 3 planes are finished and kept; resume to go on." in said
    assert "0 of 2 files done, 1 stopped, 1 waiting." in said
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert "1/2 s.tif: ZYX 3×48×48, 1 of 3 planes kept" in done.stderr
