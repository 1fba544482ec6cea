from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import FileError
from napari_blindspot.samples import confocal

GOOD = confocal((32, 32)).noisy


def save(array: np.ndarray, name: str = "bad.tif"):
    def write(folder):
        tifffile.imwrite(folder / name, array, photometric="minisblack")

    return write


def with_infinities(folder):
    image = GOOD.astype("float32")
    image[4, 5:8] = np.inf
    tifffile.imwrite(folder / "bad.tif", image)


def with_infinities_in_the_first_plane(folder):
    stack = np.stack([GOOD.astype("float32")] * 3)
    stack[0, 4, 5] = -np.inf
    tifffile.imwrite(folder / "bad.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"})


def cut_off(folder):
    tifffile.imwrite(folder / "whole.tif", GOOD)
    (folder / "bad.tif").write_bytes((folder / "whole.tif").read_bytes()[:900])
    (folder / "whole.tif").unlink()


def cmyk_tiff(folder):
    tifffile.imwrite(folder / "bad.tif", np.zeros((20, 30, 4), "uint8"), photometric="separated")


BAD_FILES = {
    "an empty file": (
        lambda folder: (folder / "bad.tif").touch(),
        "The file bad.tif is empty; an image is needed (CZI, LIF, ND2, OME-Zarr, PNG or TIFF).",
    ),
    "a text file": (
        lambda folder: (folder / "bad.tif").write_text("hello"),
        "The file bad.tif is no image that can be read (CZI, LIF, ND2, OME-Zarr, PNG or TIFF): "
        "it begins with b'hello'.",
    ),
    "a file that is not there": (lambda folder: None, "The input bad.tif does not exist."),
    "a folder": (lambda folder: (folder / "bad.tif").mkdir(), "The input bad.tif is a folder"),
    "a truncated TIFF": (cut_off, "The TIFF file bad.tif is damaged or cut off"),
    "infinite pixels": (with_infinities, "The image has 3 infinite pixels; set them to NaN"),
    "infinite pixels in the first plane of a stack": (
        with_infinities_in_the_first_plane,
        "Plane Z=0: The image has 1 infinite pixel",
    ),
    "a small plane": (save(GOOD[:15, :]), "The plane is 15×32 pixels, but at least 16×16 are needed."),
    "an image in the colours of printers": (cmyk_tiff, "are stored as CMYK; save it as gray or RGB."),
    "a complex image": (save(GOOD.astype("complex64")), "The image is complex, but intensities are needed"),
    "a mask": (save(GOOD > 9), "The image is boolean (a mask), but intensities are needed"),
}

BAD_OPTIONS = {
    "an unknown preset": (("--preset", "magic"), "There is no preset 'magic'; choose one of: "),
    "negative iterations": (("--iterations", "-5"), "The setting 'iterations' is -5, but"),
    "no iterations": (("--iterations", "0"), "The setting 'iterations' is 0, but"),
    "iterations that are no number": (
        ("--iterations", "many"),
        "Error: Invalid value for '--iterations': ",
    ),
    "a negative seed": (("--seed", "-1"), "The setting 'seed' is -1, but"),
    "an unknown device": (("--device", "tpu"), "There is no device 'tpu'; choose one of: "),
    "an unknown dtype": (("--dtype", "uint3"), "The setting 'output_dtype' is 'uint3', but"),
    "a channel that is not there": (
        ("--channel", "1"),
        "There is no channel 1; the only one is 0 (--channel",
    ),
    "an output that is no TIFF": (
        ("-o", "out.png"),
        "The name of the output out.png must end in .ome.zarr, .zarr, .ome.tif, ",
    ),
    "the input as output": (("-o", "good.tif", "--overwrite"), "is the input itself; choose another name."),
    "an output folder that is not there": (("-o", "no/out.tif"), "no does not exist; create it"),
    "an output folder that is a file": (("-o", "good.tif/out.tif"), "good.tif is not a folder"),
    "an output that is a folder": (("-o", "folder.tif"), "is a folder; give the name of a file in it."),
    "the same output twice": (("-o", "a.tif", "--inr-output", "a.tif"), "Both outputs are named a.tif"),
    "settings that are not there": (("--settings", "none.json"), "Cannot read none.json"),
    "settings that are none": (
        ("--settings", "good.tif"),
        "good.tif holds no settings of napari-blindspot.",
    ),
    "a version of OME-Zarr that cannot be": (
        ("--ngff", "0.3", "-o", "o.ome.zarr"),
        "OME-Zarr '0.3' cannot be written; choose one of: 0.4, 0.5 (--ngff 0.4|0.5).",
    ),
    "a version of OME-Zarr for a TIFF": (
        ("--ngff", "0.4"),
        "The version 0.4 of OME-Zarr was chosen, but the output good_denoised.ome.tif is an OME-TIFF; ",
    ),
    "an output whose name is too long": (
        ("-o", f"{'o' * 250}.tif"),
        f"The name of the output, {'o' * 40}…, is 254 bytes long, but at most 247 are possible here; ",
    ),
    "an unknown option": (("--nonsense",), "No such option: --nonsense"),
}


def assert_one_sentence(done, sentence: str) -> None:
    assert done.exit_code == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert done.stderr.splitlines()[-1] == errors[0]
    assert "iteration 1" not in done.stderr


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_ends_in_one_sentence_and_nothing_is_written(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, sentence = BAD_FILES[case]
    make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, ["denoise", "bad.tif", "--inr-output", "inr.tif"])
    assert_one_sentence(done, sentence)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bad_plane_later_in_a_stack_is_named_and_the_planes_before_it_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = np.stack([GOOD.astype("float32")] * 3)
    stack[1, 4, 5] = np.inf
    tifffile.imwrite("bad.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"})
    quick = ("--preset", "fast", "--iterations", "2", "--set", "refine_iterations=[1]")
    done = CliRunner().invoke(app, ["denoise", "bad.tif", *quick])
    assert done.exit_code == 2
    said = done.stderr.splitlines()
    assert "Denoising 3 planes of 32×32 pixels, one after another." in said
    assert any(line.startswith("Only 1 of 3 planes have a result; they were written to") for line in said)
    assert said[-1].startswith("Error: Plane Z=1: The image has 1 infinite pixel; set them to NaN")
    partial = tifffile.imread("bad_denoised_partial.ome.tif")
    assert np.isfinite(partial[0]).all()
    assert np.isnan(partial[1:]).all()


@pytest.mark.parametrize(
    ("image", "axes", "said"),
    [
        (np.stack([GOOD] * 3), "ZYX", "Denoising 3 planes of 32×32 pixels, one after another."),
        (GOOD, "YX", "Denoising a plane of 32×32 pixels."),
    ],
)
def test_what_is_to_be_done_is_said_before_a_large_folder_is_looked_through(
    image, axes, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cells.tif", image, photometric="minisblack", metadata={"axes": axes})

    def look_through(path):
        raise FileError(f"Cannot read {path}.")

    monkeypatch.setattr("napari_blindspot.jobs.file_job.state_of", look_through)
    done = CliRunner().invoke(app, ["denoise", "cells.tif"])
    assert done.stderr.splitlines() == [said, "Error: Cannot read cells.tif."]


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_a_bad_option_ends_in_one_sentence_and_nothing_is_written(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("good.tif", GOOD)
    (tmp_path / "folder.tif").mkdir()
    before = sorted(tmp_path.rglob("*"))
    options, sentence = BAD_OPTIONS[case]
    done = CliRunner().invoke(app, ["denoise", "good.tif", *options])
    assert_one_sentence(done, sentence)
    assert sorted(tmp_path.rglob("*")) == before
    assert np.array_equal(tifffile.imread("good.tif"), GOOD)


def test_a_dtype_that_ome_does_not_know_is_refused_before_the_fit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("wide.tif", GOOD.astype("uint64"))
    done = CliRunner().invoke(app, ["denoise", "wide.tif", "--dtype", "input"])
    assert_one_sentence(done, "OME-TIFF cannot hold uint64; choose float32 for the output (--dtype")


def test_a_disk_without_room_is_refused_before_the_fit(small_disk, tmp_path):
    tifffile.imwrite(tmp_path / "good.tif", np.resize(GOOD, (512, 512)))
    done = CliRunner().invoke(app, ["denoise", str(tmp_path / "good.tif"), "-o", str(small_disk / "a.tif")])
    assert_one_sentence(done, "the disk is full (2.1 MB are needed, 0.3 MB are free)")
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_may_only_be_read_is_refused_before_the_fit(small_disk, tmp_path):
    tifffile.imwrite(tmp_path / "good.tif", GOOD)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = CliRunner().invoke(app, ["denoise", str(tmp_path / "good.tif"), "-o", str(small_disk / "a.tif")])
    assert_one_sentence(done, "Read-only file system; choose a folder that can be written to.")


def test_the_installed_program_gives_the_sentence_and_the_exit_code(tmp_path):
    code = "from napari_blindspot.cli.app import app; app()"
    command = [sys.executable, "-c", code, "denoise", str(tmp_path / "none.tif")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: The input {tmp_path / 'none.tif'} does not exist.\n"
