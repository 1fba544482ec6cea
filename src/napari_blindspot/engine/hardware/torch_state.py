"""What torch keeps for a whole process or thread: set while a run computes, as it was whenever it does not.

A plugin shares its process with others. So number of threads, cuDNN's flags, default dtype and device,
gradient and autocast modes are a run's own only between two of its events, never while a caller looks at
one. Choosing a device belongs to `napari_blindspot.engine.hardware.backends`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_blindspot.engine.hardware.backends import BACKENDS
from napari_blindspot.engine.hardware.threads import agree_on_threads, forget_threads, threads_of_a_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Event = TypeVar("Event")

__all__ = ["computing", "scoped"]


def scoped(
    events: Iterator[Event],
    device: torch.device,
    *,
    rounded_products: bool = False,
    shared_operations: bool = False,
) -> Iterator[Event]:
    """Yield what a generator yields; it sees torch as `computing` has it, the caller as it was."""
    assert isinstance(events, Generator)
    try:
        while True:
            with computing(device, rounded_products=rounded_products, shared_operations=shared_operations):
                try:
                    event = next(events)
                except StopIteration:
                    return
            yield event
    finally:
        events.close()


@contextlib.contextmanager
def computing(
    device: torch.device, *, rounded_products: bool = False, shared_operations: bool = False
) -> Iterator[None]:
    """Give the block the torch that a run needs, whatever the caller has set, and undo it at the end.

    The calling thread computes alone, beside those of `napari_blindspot.engine.hardware.side_by_side`. With
    `shared_operations`, all threads of the run share each operation instead.

    On a GPU, convolutions may take TF32, but only repeatable algorithms, so that the same seed gives the
    same pixels; matrix products, which are the INR's, stay in float32. With `rounded_products`, those of a
    CPU round their factors to bfloat16 and add in float32, which is as good for the INR and faster.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_of_the_process(device, rounded_products, shared_operations))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        # Its cache of weights in low precision is emptied at the outermost end only: that is beyond a step,
        # which changes them.
        stack.enter_context(torch.autocast(device.type, enabled=False, cache_enabled=False))
        yield


_lock = threading.Lock()
_runs = 0
_before: dict[str, Any] = {}
"""What was set before the first of the runs that compute now; the last of them to end puts it back."""


@contextlib.contextmanager
def _of_the_process(
    device: torch.device, rounded_products: bool, shared_operations: bool
) -> Iterator[None]:
    """Set what all threads share; several runs at once agree on it."""
    global _runs, _before
    with _lock:
        if _runs == 0:
            agree_on_threads()
            _before = _read()
        _runs += 1
        # Each thread has a number of its own, which only new threads take from the process.
        torch.set_num_threads(threads_of_a_run() if shared_operations else 1)
        if torch.get_default_dtype() != torch.float32:
            torch.set_default_dtype(torch.float32)
        if BACKENDS[device.type].takes_tf32:
            _write_flags({"benchmark": False, "deterministic": True, "tf32": (True, False)})
        if device.type == "cpu":
            _write_products("bf16" if rounded_products else "ieee")
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            torch.set_num_threads(_before["threads"])
            if _runs == 0:
                if torch.get_default_dtype() != _before["dtype"]:
                    torch.set_default_dtype(_before["dtype"])
                _write_flags(_before)
                _write_products(_before["products"])
                forget_threads()


def _read() -> dict[str, Any]:
    cudnn = torch.backends.cudnn
    try:
        tf32 = cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    except RuntimeError:
        # Set by torch's newer interface, which cannot be put back by this one: best left alone.
        tf32 = None
    return {
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "benchmark": cudnn.benchmark,
        "deterministic": cudnn.deterministic,
        "tf32": tf32,
        "products": getattr(_products(), "fp32_precision", None),
    }


def _products() -> Any:
    """Return torch's switch for the factors of matrix products on a CPU; None before torch 2.9."""
    return getattr(torch.backends.mkldnn, "matmul", None)


def _write_products(precision: str | None) -> None:
    products = _products()
    if precision is not None and getattr(products, "fp32_precision", precision) != precision:
        products.fp32_precision = precision


def _write_flags(flags: dict[str, Any]) -> None:
    """Set those of cuDNN and cuBLAS that differ."""
    cudnn, now = torch.backends.cudnn, _read()
    if now["benchmark"] != flags["benchmark"]:
        cudnn.benchmark = flags["benchmark"]
    if now["deterministic"] != flags["deterministic"]:
        cudnn.deterministic = flags["deterministic"]
    if None not in (now["tf32"], flags["tf32"]) and now["tf32"] != flags["tf32"]:
        cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = flags["tf32"]
