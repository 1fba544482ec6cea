"""A run of all tests is shared by two workers; a test that measures time has the computer to itself.

A run of some tests, named on the command line, has no workers, and `-n 0` does without them. Which worker
does which test is pytest-xdist's affair.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

try:
    import fcntl
except ImportError:  # Windows has no such locks; there nothing waits
    fcntl = None

WORKERS = 2


def only_hands_out(config: pytest.Config) -> bool:
    """Whether this process runs no test itself, because workers do."""
    return bool(getattr(config.option, "numprocesses", 0)) and not hasattr(config, "workerinput")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(WORKERS, os.cpu_count() or 1) if everything else 0


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") and fcntl is not None:
        # The folder of temporary files that a worker has for itself lies in that of the run.
        config.pluginmanager.register(Turns(Path(config.option.basetemp).parent))


class Turns:
    """Let tests of two workers run side by side, but for those that are marked `alone`.

    Parameters
    ----------
    folder : Path
        Where the two files are that all workers of a run lock.
    """

    def __init__(self, folder: Path) -> None:
        self._queue, self._turn = folder / "queue", folder / "turn"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        kind = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
        with contextlib.ExitStack() as turn:
            # A test that waits to be alone holds the queue, so that no other test overtakes it.
            with _locked(self._queue, kind):
                turn.enter_context(_locked(self._turn, kind))
            return (yield)


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, kind)
        yield
