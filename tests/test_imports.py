from __future__ import annotations

import json
import subprocess
import sys

import pytest

import napari_blindspot

PUBLIC = {
    "PRESETS",
    "BlindScore",
    "BlindspotError",
    "Cancelled",
    "CancelledError",
    "Comparison",
    "Contender",
    "Control",
    "DeviceError",
    "DivergedError",
    "Event",
    "FileError",
    "Finished",
    "History",
    "ImageError",
    "ImageFile",
    "InrField",
    "InrVolume",
    "InternalError",
    "Model",
    "NoiseModel",
    "Notice",
    "OutOfMemoryError",
    "Paused",
    "Predicting",
    "Preview",
    "Result",
    "RingCorrelation",
    "SampledImage",
    "SampledVolume",
    "Settings",
    "SettingsError",
    "StackResult",
    "Started",
    "Step",
    "Verdict",
    "WriteOptions",
    "__version__",
    "compare",
    "denoise",
    "denoise_stack",
    "error_sigma",
    "estimate_noise",
    "export_model",
    "fit",
    "fit_inr",
    "fit_stack",
    "fit_volume",
    "judge",
    "list_series",
    "load",
    "measure_resolution",
    "open_image",
    "read_image",
    "read_record",
    "read_settings",
    "save",
    "sentence",
    "write_image",
}
SCREEN = {"napari", "qtpy", "magicgui", "superqt", "PyQt5", "PyQt6", "PySide2", "PySide6", "vispy"}


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that are loaded after running `code` in a fresh interpreter."""
    report = "import sys, json; print('MODULES' + json.dumps([n for n in sys.modules if '.' not in n]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.split("MODULES")[-1]))


def test_the_public_names_are_these_and_no_others():
    assert set(napari_blindspot.__all__) == PUBLIC
    assert len(napari_blindspot.__all__) == len(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_can_be_imported(name):
    assert getattr(napari_blindspot, name) is not None
    assert name in dir(napari_blindspot)


@pytest.mark.parametrize(
    "code",
    [
        "import napari_blindspot",
        "from napari_blindspot import Settings, denoise, Control, PRESETS",
        "import napari_blindspot.cli.app",
        "from typer.testing import CliRunner; from napari_blindspot.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['denoise', '--help']).exit_code == 0",
        "import napari_blindspot.files.door, napari_blindspot.samples, napari_blindspot.stack",
        "import napari_blindspot.method.losses, napari_blindspot.engine.hardware.backends",
    ],
)
def test_importing_the_package_or_asking_for_help_loads_neither_torch_nor_a_screen(code):
    assert not loaded_by(code) & (SCREEN | {"torch"})


@pytest.fixture(scope="module")
def loaded_by_fits() -> set[str]:
    """The modules that a fresh interpreter has after a fit of each method."""
    return loaded_by(
        "import numpy; from napari_blindspot import denoise\n"
        "image = numpy.random.default_rng(0).poisson(30, (32, 32))\n"
        "for preset, images in (('auto', 'symmetries'), ('paper', 'passes')):\n"
        "    denoise(image, preset, iterations=2, unet_width=4, device='cpu', **{images: 1})"
    )


def test_a_fit_needs_no_screen(loaded_by_fits):
    assert "torch" in loaded_by_fits
    assert not loaded_by_fits & SCREEN


def test_a_fit_does_not_load_torchs_compiler_which_takes_a_second(loaded_by_fits):
    assert "torch" in loaded_by_fits
    assert "sympy" not in loaded_by_fits
