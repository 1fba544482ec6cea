"""Models in files of the BioImage Model Zoo: written for real, read and run by the Zoo's own library."""

from __future__ import annotations

import inspect
import io
import re
import zipfile
from dataclasses import replace
from types import FunctionType

import bioimageio.core as core
import numpy as np
import pytest
import torch
from bioimageio.spec._internal import io_packaging
from bioimageio.spec.model import v0_4
from typer.testing import CliRunner

from napari_blindspot import SettingsError, denoise, export_model, fit, load, save
from napari_blindspot.cli.app import app
from napari_blindspot.engine.plane_graph import PlaneGraph, torchscript_of
from napari_blindspot.model_zoo import HALO
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.samples import confocal, z_stack
from napari_blindspot.stack import fit_stack

SHORT = {
    "iterations": 3,
    "unet_width": 4,
    "inr_features": 8,
    "refine_iterations": (2,),
    "symmetries": 4,
    "device": "cpu",
    "precision": "float32",
}


def mend_the_zoos_library() -> None:
    """Let bioimageio.spec 0.5.12 work with pydantic 2.14, whose handlers take one argument."""
    for module, name in ((io_packaging, "package_file_descr_serializer"), (v0_4, "package_weights")):
        function = getattr(module, name)
        source = re.sub(r"handler\(\s*value,\s*info,[^)]*\)", "handler(value)", inspect.getsource(function))
        names = dict(vars(module))
        exec(source, names)
        mended = names[name]
        assert isinstance(mended, FunctionType)
        function.__code__ = mended.__code__


mend_the_zoos_library()


@pytest.fixture(scope="module")
def model():
    return fit(confocal((48, 40)).noisy, "fast", **SHORT)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "cells.zip"
    export_model(model, path, name="Cells: day 1", author="A. Nalyst", licence="MIT")
    return path


def unet_of_the_package(model, noisy):
    """Return what the engine predicts with the refined U-Net of a model, (Y, X), in intensities."""
    from napari_blindspot.engine.blind_fit import BlindFit
    from napari_blindspot.engine.restoration import FitScale
    from napari_blindspot.engine.schedule import with_patches
    from napari_blindspot.method.weights import put_weights

    stabiliser, scale = Anscombe.of(model.noise), FitScale(model.mean, model.scale)
    plane = torch.from_numpy(scale.apply(stabiliser.forward(noisy)))
    engine = BlindFit(plane, torch.ones_like(plane) > 0, with_patches(model.settings, noisy.shape))
    put_weights(engine.network, model.weights, "refined.")
    *_, estimate = engine.predict_seen(engine.network, model.settings.symmetries)
    return stabiliser.inverse(scale.invert(estimate[0, 0].numpy()))


def read_npy(path, name):
    with zipfile.ZipFile(path) as archive:
        return np.load(io.BytesIO(archive.read(name)))


def test_the_zoos_library_runs_the_file_and_gets_the_pixels_that_are_in_it(exported):
    summary = core.test_description(str(exported), devices=["cpu"])
    assert summary.status != "failed", summary.format()
    described = core.load_model_description(str(exported))
    assert described.format_version.startswith("0.5.")
    assert described.name == "Cells_ day 1"
    assert (described.authors[0].name, str(described.license)) == ("A. Nalyst", "MIT")
    assert described.config.model_dump()["napari_blindspot"]["settings"]["preset"] == "fast"


def test_the_zoos_library_denoises_another_plane_as_the_unet_of_this_package_does(exported, model):
    described = core.load_model_description(str(exported))
    noisy = confocal((192, 208), 7).noisy
    tensor = core.Tensor.from_numpy(
        noisy[None, None].astype(np.float32), dims=("batch", "channel", "y", "x")
    )
    sample = core.Sample(members={"noisy": tensor}, stat={}, id="plane")
    done = core.predict(model=described, inputs=sample)
    found = done.members["denoised"].data.to_numpy()[0, 0]
    # The library pads a plane by its halo before it is predicted.
    inside = np.s_[HALO:-HALO, HALO:-HALO]
    expected = unet_of_the_package(model, noisy)[inside]
    assert found.shape == noisy.shape
    assert found[inside] == pytest.approx(expected, rel=1e-4, abs=1e-3 * noisy.std())


@pytest.mark.parametrize("shape", [(32, 32), (43, 50)])
def test_the_weights_alone_run_in_torch_on_planes_of_any_size(exported, model, shape):
    with zipfile.ZipFile(exported) as archive:
        graph = torch.jit.load(io.BytesIO(archive.read("weights.pt")))
    noisy = confocal(shape, 3).noisy
    found = graph(torch.from_numpy(noisy.astype(np.float32))[None, None])[0, 0].numpy()
    assert found == pytest.approx(unet_of_the_package(model, noisy), rel=1e-4, abs=1e-3 * noisy.std())


def test_the_graph_does_most_of_what_the_model_does_in_this_package():
    sample = confocal((64, 64))
    model = fit(sample.noisy, "fast", device="cpu", iterations=4, refine_iterations=(10,), symmetries=1)
    other = confocal((64, 64), 1)
    with torch.no_grad():
        graph = PlaneGraph(model)(torch.from_numpy(other.noisy.astype(np.float32))[None, None])[
            0, 0
        ].numpy()
    whole = denoise(other.noisy, model=model, device="cpu").denoised

    def error(image):
        return float(np.sqrt(np.mean((image - other.truth) ** 2)))

    assert error(graph) < 0.5 * error(other.noisy)
    assert error(graph) < 1.05 * error(whole)


def test_the_graph_of_a_stacks_model_takes_a_plane_by_itself():
    stack = z_stack((3, 32, 32)).noisy
    from napari_blindspot import Settings

    settings = Settings.from_preset("fast", neighbours=1, **{**SHORT, "unet_width": 8})
    *_, last = fit_stack(stack, settings, axes="ZYX", indices=[(1,)])
    graph = PlaneGraph(last.model)
    assert graph.neighbours > 0
    noisy = torch.from_numpy(stack[:1].astype(np.float32))[None]
    traced = torch.jit.load(io.BytesIO(torchscript_of(graph)))
    assert torch.allclose(traced(noisy), graph(noisy), rtol=1e-4, atol=1e-3 * float(noisy.std()))
    assert graph(noisy).isfinite().all()


def test_the_example_is_the_fitted_plane_with_new_noise(exported, model):
    noisy, denoised = read_npy(exported, "test_input.npy"), read_npy(exported, "test_output.npy")
    assert noisy.shape == denoised.shape == (1, 1, 192, 192)
    sigma = np.sqrt(np.maximum(model.noise.gain * denoised + model.noise.offset, 0))
    assert np.median(np.abs(noisy - denoised) / sigma) / 0.6745 == pytest.approx(1.0, abs=0.35)


def test_a_model_without_what_its_inr_stands_on_gets_a_synthetic_example(model, tmp_path):
    export_model(replace(model, inr_base=None), tmp_path / "m.zip")
    noisy = read_npy(tmp_path / "m.zip", "test_input.npy")
    assert noisy.shape == (1, 1, 192, 192) and np.isfinite(noisy).all()
    assert "synthetic structure" in zipfile.ZipFile(tmp_path / "m.zip").read("README.md").decode()


def test_a_unet_that_only_predicts_hidden_pixels_is_refused(model, tmp_path):
    settings = model.settings.model_copy(update={"refine_iterations": ()})
    with pytest.raises(SettingsError, match="predicts a pixel only while it is hidden"):
        export_model(replace(model, settings=settings), tmp_path / "m.zip")
    with pytest.raises(SettingsError, match="no SPDX identifier"):
        export_model(model, tmp_path / "m.zip", licence="free for all")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_file_beside_the_model_and_replaces_nothing_unasked(model, tmp_path):
    save(model, tmp_path / "cells.safetensors")
    call = ["export-model", str(tmp_path / "cells.safetensors")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "cells.zip")
    assert load(tmp_path / "cells.safetensors").in_words in done.stderr
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 2 and "exists; choose another name" in again.stderr
    assert CliRunner().invoke(app, [*call, "--overwrite"]).exit_code == 0
    other = CliRunner().invoke(app, [*call, str(tmp_path / "cells.onnx")])
    assert other.exit_code == 2 and "must end in .zip" in other.stderr
    (tmp_path / "torn.safetensors").write_bytes((tmp_path / "cells.safetensors").read_bytes()[:-9])
    torn = CliRunner().invoke(app, ["export-model", str(tmp_path / "torn.safetensors")])
    assert torn.exit_code == 2 and "is a torn model" in torn.stderr
