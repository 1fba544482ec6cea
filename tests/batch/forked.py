"""What processes are forked from: a server that has loaded everything and has done one batch already.

A process that it starts is at work in no time.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest  # noqa: F401 (what is forked loads the main program of the tests)
import tifffile

from napari_blindspot.cli.app import app
from napari_blindspot.settings import Settings


def run_batch_of(folder: str | Path) -> int:
    """Do the job in a folder as the command line does, and return the exit code."""
    os.chdir(folder)
    with open("log.txt", "a") as log:
        sys.stdout = sys.stderr = log
        try:
            app(["batch", "--job", "job.yaml", "--resume"])
        except SystemExit as end:
            return int(end.code or 0)
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    return 0


def exit_after_batch(folder: Path) -> None:
    """Do the job in a folder in a process that then ends with its exit code."""
    sys.exit(run_batch_of(folder))


def write_job(folder: Path, settings: Settings) -> None:
    """Write the job over the folder ``data`` in a folder."""
    words = f"inputs: data\noutput: out\nsettings: {settings.model_dump_json()}\n"
    (folder / "job.yaml").write_text(words)


def _warm_up() -> None:
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        Path("data").mkdir()
        tifffile.imwrite("data/plane.tif", np.random.default_rng(0).poisson(30, (2, 32, 32)))
        write_job(
            Path(),
            Settings.from_preset("fast", iterations=2, symmetries=1, unet_width=4, refine_iterations=(2,)),
        )
        run_batch_of(place)


if os.environ.get("BLINDSPOT_FORK_SERVER"):
    _warm_up()
