from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import napari_blindspot

PACKAGE = Path(napari_blindspot.__file__).parent
SCREEN = {"napari", "qtpy", "magicgui", "superqt", "PyQt5", "PyQt6", "PySide2", "PySide6", "vispy"}


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that are loaded after running `code` in a fresh interpreter."""
    report = "import sys, json; print('MODULES' + json.dumps([n for n in sys.modules if '.' not in n]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.split("MODULES")[-1]))


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
    ],
)
def test_importing_the_package_or_asking_for_help_loads_neither_torch_nor_a_screen(code):
    assert not loaded_by(code) & (SCREEN | {"torch"})


def test_a_fit_needs_no_screen():
    code = (
        "import numpy; from napari_blindspot import denoise\n"
        "denoise(numpy.eye(16), preset='paper', iterations=1, passes=1, unet_width=4, device='cpu')"
    )
    loaded = loaded_by(code)
    assert "torch" in loaded
    assert not loaded & SCREEN


def test_a_fit_does_not_load_torchs_compiler_which_takes_a_second():
    code = (
        "import numpy; from napari_blindspot import denoise\n"
        "image = numpy.random.default_rng(0).poisson(30, (32, 32))\n"
        "for preset in ('auto', 'paper'):\n"
        "    denoise(image, preset, iterations=2, passes=1, unet_width=4, device='cpu')"
    )
    loaded = loaded_by(code)
    assert "torch" in loaded
    assert "sympy" not in loaded


def test_nothing_below_widgets_imports_napari_qt_or_magicgui():
    offenders = []
    for path in PACKAGE.rglob("*.py"):
        if "widgets" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            offenders += [(path.name, name) for name in names if name.split(".")[0] in SCREEN]
    assert offenders == []
