"""On how many threads a run computes.

What they do is in `napari_blindspot.engine.hardware.side_by_side`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import torch

__all__ = ["agree_on_threads", "forget_threads", "threads_of_a_run", "usable_cores"]

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux keeps a container's share of the processors: microseconds of each period."""


def usable_cores() -> int:
    """Return how many cores this process may use at once: a container often has fewer than its machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        share, period = QUOTA.read_text(encoding="ascii").split()
        if share != "max":
            cores = min(cores, max(1, round(int(share) / int(period))))
    return cores


def threads_of_a_run() -> int:
    """Return on how many threads a run computes.

    As many as torch would take, but never more than there are cores, and of more than two cores one is
    left for whatever else the user looks at. It is the same for widget, command line and batch, because
    preset ``paper``, whose operations are shared by all threads, adds in another order with another number
    of them and so gives slightly other pixels. ``OMP_NUM_THREADS`` overrules all this.
    """
    if _agreed:
        # The runs at work have changed torch's number.
        return _agreed[0]
    # torch's own number is not asked then: other users of OpenMP change it for the threads that they run
    # in, as numba does in napari's once there is a Labels layer.
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    threads = torch.get_num_threads()
    cores = usable_cores()
    return min(threads, cores - 1 if cores > 2 else cores)


_agreed: list[int] = []
"""The number of the runs that compute now; none, if there is no run."""


def agree_on_threads() -> None:
    """Let all runs have the number that one has now, until it is forgotten."""
    _agreed[:] = [threads_of_a_run()]


def forget_threads() -> None:
    """Let the next run ask anew."""
    _agreed.clear()
