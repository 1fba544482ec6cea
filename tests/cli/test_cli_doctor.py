"""What ``doctor`` shows for a bug report."""

from __future__ import annotations

import platform
from importlib.metadata import version

from typer.testing import CliRunner

from napari_blindspot.cli import doctor
from napari_blindspot.cli.app import app
from napari_blindspot.engine.hardware.backends import available_devices


def rows(text: str) -> dict[str, str]:
    """Return what stands behind each name, on its line and on those that go on with it."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        name = line[:18].strip() or name
        found[name] = f"{found.get(name, '')} {line[18:].strip()}".strip()
    return found


def test_doctor_shows_versions_memory_and_that_a_tiny_fit_works_on_every_device():
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.stderr
    found = rows(done.stdout)
    assert found["Python"].startswith(platform.python_version())
    assert found["napari-blindspot"] == version("napari-blindspot")
    for package in ("torch", "numpy", "tifffile", "typer"):
        assert f"{package} {version(package)}" in found["needed"].split(", ")
    assert f"napari {version('napari')}" in found["optional"].split(", ")
    assert "ruff" not in done.stdout
    assert found["memory"].count("GiB") == 2
    for device in available_devices():
        assert "a tiny fit works" in found[f"device {device}"]
        assert found[f"planes on {device}"].startswith("auto ")


def test_doctor_goes_on_after_a_fit_that_failed_and_says_so_with_its_exit_code(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the kernel has no image for this device")

    monkeypatch.setattr("napari_blindspot.api.denoise", fail)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    found = rows(done.stdout)
    assert "a tiny fit FAILED: " in found["device cpu"]
    assert "the kernel has no image for this device" in found["device cpu"]
    assert "planes on cpu" in found


def test_doctor_shows_the_versions_also_where_torch_cannot_be_loaded(monkeypatch):
    def broken() -> list[str]:
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "available_devices", broken)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    found = rows(done.stdout)
    assert f"numpy {version('numpy')}" in found["needed"].split(", ")
    assert "libtorch.so: cannot open shared object file" in found["devices"]
