"""Programs that are at work in no time: forked from a server that has loaded everything.

The server has also done one batch already. Where there is no fork, a program is a Python that starts anew.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest  # (what is forked loads the main program of the tests)
import tifffile

from napari_blindspot.cli import display
from napari_blindspot.cli.app import app
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext

IN_SERVER = "BLINDSPOT_FORK_SERVER"

ANEW = """
from napari_blindspot.cli import display
from napari_blindspot.cli.app import app

display.LINE_INTERVAL = 0.1
app()
"""


@functools.cache
def server() -> ForkServerContext:
    """Start the server, once for all tests of this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["forked"])
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path.removesuffix(os.pathsep))
        patch.setenv(IN_SERVER, "1")
        forkserver.ensure_running()
    return context


class Program:
    """The command line in a process of its own, used as a `subprocess.Popen` that reads errors as text.

    Where nothing but lines can be written, a run tells how it goes every ten seconds; here it does so ten
    times a second.

    Attributes
    ----------
    pid : int
        Of the process.
    stderr : TextIO
        What it writes to its standard error.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        reader, writer = server().Pipe(duplex=False)
        self._process = server().Process(target=_run_program, args=(folder, words, writer))
        self._process.start()
        writer.close()
        self.stderr = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
        reader.close()
        self.pid = self._process.pid

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()
        self.stderr.close()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


def start_program(folder: Path, *words: str) -> Program | subprocess.Popen[str]:
    """Start the command line with these words in a folder."""
    if sys.platform != "win32":
        return Program(folder, *words)
    command = [sys.executable, "-c", ANEW, *words]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)


def _run_program(folder: Path, words: tuple[str, ...], errors: Connection) -> None:
    os.chdir(folder)
    os.dup2(errors.fileno(), 2)
    errors.close()
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stdout = open(os.devnull, "w")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    display.LINE_INTERVAL = 0.1
    app(list(words))


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
    with contextlib.suppress(ImportError):
        import distributed.nanny  # noqa: F401 (workers of a cluster are forked as well)


if os.environ.pop(IN_SERVER, ""):
    _warm_up()
