"""How a Dask cluster is reached, or one started on this machine for as long as a batch lasts."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.batch.options import BatchOptions

__all__ = ["LOOPBACK", "connected", "worker_environment"]

LOOPBACK = "127.0.0.1"
"""Where a cluster of our own listens: nobody who is not on this machine can reach it."""

_ERROR = 40  # Of the module logging: less is not for the users of a batch.

PATIENCE = "20 s"
"""How long a scheduler may take to answer."""


@contextlib.contextmanager
def connected(options: BatchOptions) -> Iterator[Any]:
    """Give a client of the cluster that the options name, or of one that is started for it.

    Yields
    ------
    distributed.Client
        Connected; it and a cluster of our own are gone after the block.

    Raises
    ------
    DeviceError
        If Dask is not installed, or the cluster cannot be reached or started.
    """
    try:
        import distributed
    except ImportError:
        raise DeviceError(
            "A cluster needs the package distributed, which is not installed: "
            'pip install "napari-blindspot[cluster]".'
        ) from None
    with contextlib.ExitStack() as stack:
        address: Any = options.dask
        try:
            if address is None:
                address = stack.enter_context(_local_cluster(options))
            client = stack.enter_context(
                distributed.Client(address, timeout=PATIENCE, set_as_default=False)
            )
            client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            where = "on this machine" if options.dask is None else f"at {options.dask}"
            raise DeviceError(
                f"There is no Dask cluster {where} that answers and has a worker ({error or 'timeout'}); "
                "look at its scheduler, such as tcp://127.0.0.1:8786.",
                setting=None if options.dask is None else "dask",
            ) from error
        yield client


def _local_cluster(options: BatchOptions) -> Any:
    """Start a scheduler and single-threaded workers, each in a process of its own."""
    from distributed import Nanny, Scheduler, SpecCluster

    def worker(number: int) -> dict[str, Any]:
        environment = worker_environment(number, options.workers, _gpus(options.settings.device))
        values = {
            "host": LOOPBACK,
            "nthreads": 1,
            "memory_limit": 0,
            "env": environment,
            "silence_logs": _ERROR,
        }
        return {"cls": Nanny, "options": values}

    return SpecCluster(
        workers={number: worker(number) for number in range(options.workers)},
        scheduler={
            "cls": Scheduler,
            "options": {"host": LOOPBACK, "port": 0, "dashboard_address": f"{LOOPBACK}:0"},
        },
        silence_logs=_ERROR,
    )


def worker_environment(number: int, workers: int, gpus: list[str]) -> dict[str, str]:
    """Return what tells a worker its share of the machine: one GPU, and its part of the cores.

    Parameters
    ----------
    number, workers : int
        Which worker, of how many.
    gpus : list of str
        Names of the GPUs, as CUDA_VISIBLE_DEVICES has them; they are dealt out in turn.
    """
    from napari_blindspot.engine.hardware.threads import usable_cores

    threads = str(max(1, usable_cores() // workers))
    environment = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
    return environment


def _gpus(device: str) -> list[str]:
    """Return the CUDA devices that may be used; empty where another device was asked for."""
    if device not in ("auto", "cuda"):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
