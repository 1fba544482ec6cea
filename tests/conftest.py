"""What all tests share: real data where it is present, settings that take a moment, no screen."""

from __future__ import annotations

import os
import subprocess
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

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


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
