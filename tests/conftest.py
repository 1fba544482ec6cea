"""What all tests share: real data where it is present, settings that take a moment, a screen or none.

Where there is no screen but Xvfb is installed, a virtual one is started for the session; with neither, the
tests marked `display` are left out and the others do without OpenGL.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Before anything imports Qt; tests of real windows start programs of their own.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Threads that spin while they wait take a busy machine's cores from the thread that they wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Tests compare pixels of this process with those of others, and another number of threads rounds sums in
# another order. Tiny fits are no slower in one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

HAS_SCREEN = sys.platform != "linux" or "DISPLAY" in os.environ
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def _end_with_parent() -> None:
    """Ask the kernel to end this process when the tests' process ends.

    Ending the screen any earlier would end, with an error, the process whose Qt is still connected to it.
    """
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)


def pytest_configure(config: pytest.Config) -> None:
    """Start a virtual screen for the session, which Qt and vispy find by the variable DISPLAY."""
    global HAS_SCREEN
    if HAS_SCREEN or shutil.which("Xvfb") is None:
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL, preexec_fn=_end_with_parent)
    os.close(write)
    with os.fdopen(read) as answer:
        number = answer.readline().strip()
    if number:
        os.environ["DISPLAY"] = f":{number}"
        HAS_SCREEN = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_SCREEN:
        return
    for item in items:
        if "display" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="there is no screen, and Xvfb is not installed"))


@pytest.fixture(autouse=True)
def _no_opengl_without_a_screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a viewer that is never shown be made where nothing can draw it."""
    if HAS_SCREEN or "make_napari_viewer" not in request.fixturenames:
        return
    from napari._vispy import canvas
    from napari._vispy.layers import base, image, labels

    for module in (canvas, base, image, labels):
        monkeypatch.setattr(module, "get_gl_extensions", lambda: "", raising=False)
        monkeypatch.setattr(module, "get_max_texture_sizes", lambda: (2048, 2048), raising=False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images are not beside this checkout, in ../shared/data")
    return SHARED_DATA


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
