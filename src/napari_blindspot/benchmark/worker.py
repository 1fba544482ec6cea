"""One method on one image in a process of its own: ``python -m napari_blindspot.benchmark.worker FOLDER``.

The folder has ``job.json`` and ``noisy.npy`` (and ``truth.npy`` for an oracle); the worker adds
``estimate.npy`` and ``outcome.json``. A process each makes peak memory honest, lets a time limit stop
anything, and keeps a crash from taking the run with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.benchmark.method_protocol import Method, Request
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.words import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["do_job", "peak_memory_mb"]

MIN_GPU_BYTES = 2**20
"""Memory of a GPU that counts as use: waking it up takes less."""


def do_job(folder: Path) -> None:
    """Do the job that lies in a folder."""
    _end_with_parent()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    try:
        outcome = _run(folder, job)
    except BlindspotError as error:
        outcome = {"error": str(error)}
    except MemoryError:
        outcome = {"error": "It ran out of memory."}
    except Exception as error:  # a peer may raise anything; the run goes on
        kind, reason = type(error).__name__, first_line(error)
        outcome = {"error": kind if reason == kind else f"{kind}: {reason}"}
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def _run(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Denoise the image of a folder, and return seconds and MiB."""
    method = Method(**{**job["method"], "needs": tuple(job["method"]["needs"])})
    truth = np.load(folder / "truth.npy") if method.sees_truth else None
    noisy = np.load(folder / "noisy.npy")
    denoise = method.build(Request(**job["request"], truth=truth))
    _wake_gpu(job["request"]["device"])
    with _busy_neighbours(job["busy"]):
        start = time.perf_counter()
        estimate = np.asarray(denoise(noisy), dtype=np.float32)
        seconds = time.perf_counter() - start
    np.save(folder / "estimate.npy", estimate)
    return {"seconds": seconds, "peak_mb": peak_memory_mb()}


@contextlib.contextmanager
def _busy_neighbours(count: int) -> Iterator[None]:
    """Let so many other processes compute all the time."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _wake_gpu(device: str) -> None:
    """Let the GPU's driver start before the clock does, if the method has loaded torch."""
    torch = sys.modules.get("torch")
    if torch is not None and device in ("auto", "cuda") and torch.cuda.is_available():
        torch.zeros(1, device="cuda")
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb() -> float:
    """Return the most memory this process has held, in MiB: of the GPU if one was used, else resident."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        peak = int(torch.cuda.max_memory_allocated())
        if peak > MIN_GPU_BYTES:
            return peak / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux it starts from the peak of the process that started this one.
        line = next((x for x in status.read_text().splitlines() if x.startswith("VmHWM")), "")
        if line:
            return int(line.split()[1]) / 2**10
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
    import psutil

    return float(psutil.Process().memory_info().peak_wset) / 2**20


def _end_with_parent() -> None:
    """Leave when the run that started this process has gone, however it went."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    do_job(Path(sys.argv[1]))
