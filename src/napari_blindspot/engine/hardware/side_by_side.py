"""Pieces of work that do not depend on each other, computed side by side on the cores of the processor.

Each piece is computed by one thread from its beginning to its end. A thread that another program holds up
then holds up its own piece, where threads that share every operation wait for the slowest of them a hundred
times an iteration. What a piece computes does not depend on how many others there are, so that the pixels
are the same for any number of cores. How many threads a run has is decided by
`napari_blindspot.engine.hardware.threads`.
"""

from __future__ import annotations

import contextlib
import functools
import os
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_blindspot.engine.hardware.threads import threads_of_a_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Made = TypeVar("Made")

__all__ = ["one_after_another", "pieces_at_once", "side_by_side"]

_in_turn: ContextVar[bool] = ContextVar("in turn", default=False)


@contextlib.contextmanager
def one_after_another() -> Iterator[None]:
    """Compute pieces in the calling thread: for whoever counts or times what that thread does."""
    before = _in_turn.set(True)
    try:
        yield
    finally:
        _in_turn.reset(before)


def pieces_at_once(device: torch.device) -> int:
    """Return how many pieces are computed at once; a GPU takes one after the other."""
    return 1 if device.type != "cpu" or _in_turn.get() else threads_of_a_run()


def side_by_side(pieces: Sequence[Callable[[], Made]], device: torch.device) -> list[Made]:
    """Compute pieces of work, and return what they made, in their order.

    Parameters
    ----------
    pieces : sequence of callable
        None of which may write what another reads, draw from a generator that another draws from, or call
        this function.
    device : torch.device
        Where they compute.

    Raises
    ------
    Exception
        What the first piece that failed raised, when none of the others computes any more.
    """
    threads = pieces_at_once(device)
    if threads == 1 or len(pieces) == 1:
        return [piece() for piece in pieces]
    gradients = torch.is_grad_enabled()
    tasks = [_pool(threads).submit(_on_one_thread, piece, gradients) for piece in pieces]
    wait(tasks)
    return [task.result() for task in tasks]


def _on_one_thread(piece: Callable[[], Made], gradients: bool) -> Made:
    """Compute a piece with the torch that the thread of its run has."""
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    with torch.set_grad_enabled(gradients):
        return piece()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="napari-blindspot")


if hasattr(os, "register_at_fork"):
    # A forked process has none of the threads, and would wait for them.
    os.register_at_fork(after_in_child=_pool.cache_clear)
