"""What all tests share: real data where it is present, settings that take a moment, a screen or none.

Where there is no screen but Xvfb is installed, a virtual one is started for the session; with neither, the
tests marked `display` are left out and the others do without OpenGL.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_blindspot.noise import block_fit
from napari_blindspot.settings import Settings
from screen import VirtualScreen
from two_workers import only_hands_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

# Before anything imports Qt; tests of real windows start programs of their own.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Threads that spin while they wait take a busy machine's cores from the thread that they wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Tests compare pixels of this process with those of others, and another number of threads rounds sums in
# another order. Tiny fits are no slower in one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["strict_skips", "two_workers"]

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
REAL_FILES = ROOT.parent / "shared" / "cases" / "files"
SCREEN = pytest.StashKey[VirtualScreen]()


def pytest_configure(config: pytest.Config) -> None:
    _bring_the_manifest_up_to_date(config)
    if not only_hands_out(config):
        config.stash[SCREEN] = VirtualScreen()


def _bring_the_manifest_up_to_date(config: pytest.Config) -> None:
    """Do what an editable install does, for a manifest that has changed since, or a package on the path."""
    source, copy = ROOT / "napari.yaml", ROOT / "src" / "napari_blindspot" / "napari.yaml"
    stale = not copy.exists() or copy.read_bytes() != source.read_bytes()
    if stale and not hasattr(config, "workerinput"):
        shutil.copyfile(source, copy)


def pytest_runtest_setup(item: pytest.Item) -> None:
    screen = item.config.stash[SCREEN]
    draws = "display" in item.keywords
    if draws or "make_napari_viewer" in getattr(item, "fixturenames", ()):
        screen.ensure()
    if draws and not screen.present:
        pytest.skip("there is no screen, and Xvfb is not installed")


@pytest.fixture(autouse=True)
def _no_opengl_without_a_screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a viewer that is never shown be made where nothing can draw it."""
    if request.config.stash[SCREEN].present or "make_napari_viewer" not in request.fixturenames:
        return
    from napari._vispy import canvas
    from napari._vispy.layers import base, image, labels

    for module in (canvas, base, image, labels):
        monkeypatch.setattr(module, "get_gl_extensions", lambda: "", raising=False)
        monkeypatch.setattr(module, "get_max_texture_sizes", lambda: (2048, 2048), raising=False)


@pytest.fixture(scope="session", autouse=True)
def _noise_is_simulated_once() -> Iterator[None]:
    """Keep what a simulation of noise gives, which its arguments alone decide.

    It is most of the work of measuring a small plane, and many tests denoise the same few planes.
    """
    simulated, known = block_fit._simulated, {}

    def once(rho: np.ndarray, side: int) -> tuple[float, np.ndarray]:
        key = rho.tobytes(), side
        if key not in known:
            known[key] = simulated(rho, side)
        variance, correlation = known[key]
        return variance, correlation.copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_fit, "_simulated", once)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images are not beside this checkout, in ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The folder of files that microscopes wrote, beside the repository."""
    if not REAL_FILES.is_dir():
        pytest.skip("the files of real microscopes are not beside this checkout, in ../shared/cases/files")
    return REAL_FILES


@pytest.fixture
def tiny() -> Settings:
    """Settings of a fit that takes a moment: too little to denoise, enough to go through every step."""
    return Settings.from_preset("paper", iterations=4, passes=2, unet_width=8, device="cpu")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("a full disk needs the program mount, which is not here")
    if done.returncode:
        pytest.skip(f"a full disk needs the right to mount one: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
