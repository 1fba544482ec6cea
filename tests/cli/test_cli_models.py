"""Models on the command line: saved by one run, applied by others."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_blindspot import denoise, load, read_record, read_settings, save
from napari_blindspot.cli.app import app
from napari_blindspot.files.door import ImageFile, read_image, write_ome_tiff
from napari_blindspot.samples import confocal, wide_field, z_stack

SHORT = (
    "--preset fast --iterations 2 --set unet_width=4 --set inr_features=8 --set refine_iterations=1 "
    "--set symmetries=1 --device cpu"
).split()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, words)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a plane, another one, and the model of the first."""
    folder = tmp_path_factory.mktemp("made")
    for name, seed in (("first", 0), ("second", 1)):
        write_ome_tiff(folder / f"{name}.ome.tif", ImageFile(confocal((32, 40), seed).noisy, "YX", {}))
    where = ["-o", str(folder / "fitted.ome.tif"), "--save-model", str(folder / "cells.safetensors")]
    done = CliRunner().invoke(app, ["denoise", str(folder / "first.ome.tif"), *SHORT, *where])
    assert done.exit_code == 0, done.stderr
    assert f"The model is {folder / 'cells.safetensors'}." in done.stderr
    return folder


def test_a_saved_model_says_what_it_was_fitted_to(made):
    model = load(made / "cells.safetensors")
    image = model.fitted_to
    assert (image.name, image.shape, image.dtype) == ("first.ome.tif", (32, 40), "uint16")
    assert model.in_words.startswith("Fitted to first.ome.tif (32×40 uint16, noise σ ")
    assert "with the preset fast, by version " in model.in_words


def test_a_model_on_the_command_line_gives_the_pixels_of_the_python_api(made, run, tmp_path):
    done = run("denoise", str(made / "second.ome.tif"), "-o", "o.ome.tif", "--device", "cpu",
               "--model", str(made / "cells.safetensors"))  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "Applying cells.safetensors. Fitted to first.ome.tif" in done.stderr
    noisy = read_image(made / "second.ome.tif").array
    expected = denoise(noisy, model=load(made / "cells.safetensors"), device="cpu")
    assert np.array_equal(read_image(tmp_path / "o.ome.tif").array, expected.denoised)
    assert read_record(tmp_path / "o.ome.tif")["model"] == "cells.safetensors"
    assert read_settings(tmp_path / "o.ome.tif").preset == "fast"
    refused = run("repeat", "o.ome.tif", "--input", str(made / "second.ome.tif"))
    assert "applied the model cells.safetensors; give the model as well (--model FILE)." in refused.stderr
    again = run("repeat", "o.ome.tif", "--input", str(made / "second.ome.tif"),
                "--model", str(made / "cells.safetensors"))  # fmt: skip
    assert again.exit_code == 0, again.output


def test_a_model_is_applied_to_every_channel_of_a_stack(made, run, tmp_path):
    stack = np.stack([z_stack((2, 32, 32), seed).noisy for seed in (0, 1)])
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "CZYX", {}, ("a", "b")))
    done = run("denoise", "s.ome.tif", "--device", "cpu", "--set", "seed=3",
               "--model", str(made / "cells.safetensors"))  # fmt: skip
    assert done.exit_code == 0, done.stderr
    model = load(made / "cells.safetensors")
    expected = denoise(stack[1, 1], model=model, device="cpu", seed=3).denoised
    assert np.array_equal(read_image(tmp_path / "s_denoised.ome.tif").array[1, 1], expected)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--preset", "best"], "its preset is fast, but best was given"),
        (["--iterations", "7"], "its iterations is 2, but 7 was given"),
        (["--save-model", "m.safetensors"], "so that none is fitted which could be saved"),
    ],
)
def test_what_contradicts_a_model_is_refused(made, run, words, sentence):
    done = run("denoise", str(made / "second.ome.tif"), "-o", "o.tif", "--model",
               str(made / "cells.safetensors"), *words)  # fmt: skip
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_what_leaves_no_model_is_refused_before_the_fit(run, tmp_path):
    stack = np.stack([z_stack((2, 32, 32), seed).noisy for seed in (0, 1)])
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "CZYX", {}, ("a", "b")))
    for words, sentence in (
        ("--preset paper", "has no model to keep"),
        ("", "Each of the 2 channels of s.ome.tif has networks of its own"),
        ("--channel 0 --stack-start anew", "Each of the 2 planes is fitted anew"),
    ):
        done = run("denoise", "s.ome.tif", "--save-model", "m.safetensors", *words.split())
        assert (done.exit_code, (tmp_path / "m.safetensors").exists()) == (2, False)
        assert sentence in done.stderr


def test_a_model_that_is_there_is_not_replaced_unasked(made, run):
    done = run("denoise", str(made / "first.ome.tif"), "-o", "o.tif", "--save-model",
               str(made / "cells.safetensors"))  # fmt: skip
    assert "is there already; replace it or choose another name (--overwrite)." in done.stderr


def test_a_constant_plane_is_written_and_said_to_leave_no_model(run, tmp_path):
    write_ome_tiff(tmp_path / "c.ome.tif", ImageFile(np.full((32, 32), 7, np.uint16), "YX", {}))
    done = run("denoise", "c.ome.tif", "--save-model", "m.safetensors")
    assert done.exit_code == 2
    assert "The result was written to" in done.stderr
    assert (tmp_path / "c_denoised.ome.tif").exists()


def test_noise_that_is_unlike_that_of_the_model_is_said(made, run, tmp_path):
    sample = wide_field((96, 96))
    write_ome_tiff(tmp_path / "w.ome.tif", ImageFile(sample.noisy, "YX", {}))
    done = run("denoise", "w.ome.tif", "--device", "cpu", "--model", str(made / "cells.safetensors"))
    assert done.exit_code == 0, done.stderr
    assert "in the plane that the model was fitted to, so that a fit of its own is better." in done.stderr


def test_a_torn_model_and_one_of_another_version_are_one_sentence(made, run, tmp_path):
    data = (made / "cells.safetensors").read_bytes()
    (tmp_path / "torn.safetensors").write_bytes(data[:-100])
    torn = run("denoise", str(made / "second.ome.tif"), "--model", "torn.safetensors")
    assert "torn.safetensors is a torn model" in torn.stderr
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["format"] = "napari-blindspot model 7"
    text = json.dumps(header).encode()
    (tmp_path / "new.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    other = run("denoise", str(made / "second.ome.tif"), "--model", "new.safetensors")
    assert "is a model of another version of napari-blindspot ('napari-blindspot model 7'" in other.stderr


def test_a_model_keeps_what_it_was_fitted_to_in_its_file(made, tmp_path):
    model = load(made / "cells.safetensors")
    save(replace(model, fitted_to=replace(model.fitted_to, name="Zellen ü", run="abc")), tmp_path / "m")
    assert load(tmp_path / "m").fitted_to == replace(model.fitted_to, name="Zellen ü", run="abc")
