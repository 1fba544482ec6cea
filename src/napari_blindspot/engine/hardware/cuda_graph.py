"""One step of a fit, many times over: on NVIDIA GPUs it can be recorded once, and replayed as a CUDA graph.

A step consists of some two hundred small kernels, and starting them one by one takes four times as long as
they do (docs/benchmarks/speed.md, "On an NVIDIA H200").
What a step computes belongs to the modules of the fits. They keep to one rule: a step reads and writes
tensors that stay where they are, and what changes from step to step is written into them beforehand.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import first_line
from napari_blindspot.engine.hardware.backends import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    class Graph(Protocol):
        """What was recorded."""

        def replay(self) -> None:
            """Do it again, on the current stream."""


__all__ = ["StepReplay", "keeps_numbers"]

WARM_UP = 3
"""Steps before the one that is recorded: libraries choose their algorithms and optimisers their tensors."""

TOLERANCE = 0.05
"""Difference between a replayed step and the same step without a graph, relative to what the step changes.
Both run the same kernels; only sums whose order is left to chance may differ."""

SWITCH = "BLINDSPOT_CUDA_GRAPHS"
"""0 in this variable of the environment switches graphs off, to find out whether they are to blame."""


def keeps_numbers(device: torch.device) -> bool:
    """Whether the numbers of a step are to be kept on the device, so that the step can be replayed."""
    return BACKENDS[device.type].replays_steps


def possible(device: torch.device) -> bool:
    """Whether a recording may be tried."""
    nvidia = device.type == "cuda" and torch.version.cuda is not None
    return nvidia and not _failed and os.environ.get(SWITCH) != "0"


class StepReplay:
    """Takes the steps of one phase of a fit: the first ones as they come, the rest from a graph.

    The step that is recorded is taken twice from the same state, first without the graph and then with it.
    Where recording fails or the two differ, the fit goes on without a graph, as if none had been tried.

    Parameters
    ----------
    generator : torch.Generator
        The only one that the steps draw from; its device is that of the steps.
    compromises : dict of str to Notice
        Where what was done without is collected; one about graphs also says that no other is to be tried.
    """

    def __init__(self, generator: torch.Generator, compromises: dict[str, Notice]) -> None:
        self.generator = generator
        self.compromises = compromises
        self.taken = 0
        self.graph: Graph | None = None

    def __call__(self, work: Callable[[], None], tensors: Callable[[], list[torch.Tensor]]) -> None:
        """Take a step.

        Parameters
        ----------
        work : callable
            The step; the same one in every call.
        tensors : callable
            Returns all tensors that a step changes and the next one reads, the parameters among them.
        """
        if self.graph is not None:
            self.graph.replay()
        elif self.taken == WARM_UP and "graph" not in self.compromises and possible(self.generator.device):
            self._begin(work, tensors())
        else:
            work()
        self.taken += 1

    def release(self) -> None:
        """Let go of the graph and its memory; the next steps are taken without one."""
        self.graph = None

    def _begin(self, work: Callable[[], None], tensors: Sequence[torch.Tensor]) -> None:
        """Take a step without a graph, record it, and take it again with the graph."""
        device = self.generator.device
        with _aside(device):
            before = _State(tensors, self.generator)
            work()
            after = _State(tensors, self.generator)
            try:
                graph = record(work, self.generator)
            except Exception as error:
                # Whatever it was: the step itself went well just before.
                after.restore()
                self._give_up(f"its steps could not be recorded as a CUDA graph ({first_line(error)})")
                return
        before.restore()
        try:
            graph.replay()
            alike = after.reached_from(before)
        except Exception as error:
            after.restore()
            self._give_up(f"a CUDA graph of its steps could not be replayed ({first_line(error)})")
            return
        if not alike:
            after.restore()
            self._give_up("a CUDA graph of its steps did not compute what the steps do")
            return
        self.graph = graph

    def _give_up(self, reason: str) -> None:
        self.compromises["graph"] = Notice("without-cuda-graph", {"reason": reason})


class _State:
    """What some tensors held, and where a generator was."""

    def __init__(self, tensors: Sequence[torch.Tensor], generator: torch.Generator) -> None:
        self.tensors = tensors
        self.generator = generator
        self.values = [tensor.detach().clone() for tensor in tensors]
        self.position = generator.get_state()

    @torch.no_grad()
    def restore(self) -> None:
        """Put it back."""
        for tensor, value in zip(self.tensors, self.values, strict=True):
            tensor.copy_(value)
        self.generator.set_state(self.position)

    @torch.no_grad()
    def reached_from(self, before: _State) -> bool:
        """Whether the parameters are now where this state has them, and the generator is there too."""
        far = off = torch.zeros((), device=self.generator.device)
        for now, then, first in zip(self.tensors, self.values, before.values, strict=True):
            if now.requires_grad:
                far = far + (then - first).square().sum()
                off = off + (now - then).square().sum()
        same_draws = torch.equal(self.generator.get_state(), self.position)
        # Also False where one of them is not a number.
        return same_draws and bool(off <= TOLERANCE**2 * far)


def record(work: Callable[[], None], generator: torch.Generator) -> Graph:
    """Record some work on the current stream without doing it.

    Random numbers go on from wherever the generator is at each replay. Other threads may go on computing
    meanwhile: napari records in a worker thread.

    Raises
    ------
    RuntimeError
        If something in it cannot be recorded; torch can be used as before then.
    """
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    stream = torch.cuda.current_stream(generator.device)
    graph.register_generator_state(generator)
    try:
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            work()
    except Exception:
        _clean_up(graph, pool, generator)
        raise
    return graph


_failed: list[torch.cuda.CUDAGraph] = []
"""Kept, because torch may still point to a graph whose recording failed. No other is recorded then."""


def _clean_up(
    graph: torch.cuda.CUDAGraph, pool: torch.cuda._POOL_HANDLE, generator: torch.Generator
) -> None:
    """Undo what torch leaves of a recording that failed, or else it takes it to be under way for ever.

    Its allocator would refuse to give memory back, and the generator to draw.
    """
    _failed.append(graph)
    index = torch.cuda.current_device()
    for end in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
        # Raises where torch has done it already.
        with contextlib.suppress(RuntimeError, AttributeError):
            getattr(torch._C, end)(index, pool)
    fresh = torch.Generator(generator.device)
    generator.graphsafe_set_state(fresh.graphsafe_get_state())


_one_at_a_time = threading.Lock()


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream on which graphs are recorded: one, since libraries keep memory for each."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _aside(device: torch.device) -> Iterator[None]:
    """Compute on the stream for recordings, in one thread at a time."""
    if device.type != "cuda":
        yield
        return
    here, aside = torch.cuda.current_stream(device), _stream(device)
    with _one_at_a_time:
        aside.wait_stream(here)
        try:
            with torch.cuda.stream(aside):
                yield
        finally:
            here.wait_stream(aside)
