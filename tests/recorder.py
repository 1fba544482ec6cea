"""What torch is asked for, operation by operation: counted, or recorded and done again.

The recording is a stand-in for a CUDA graph that needs no GPU. Like a graph it knows tensors, not Python:
numbers that a step reads from Python stay as they were when it was recorded, and steps that wait for the
device cannot be recorded at all.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Callable

VIEWS = (
    "view slice select expand permute transpose alias detach t unsqueeze as_strided split squeeze unbind "
    "_unsafe_view empty"
).split()
"""Operations that start no kernel."""

WAITS = "_local_scalar_dense is_nonzero nonzero masked_select equal unique _unique2".split()
"""Operations for which the host must wait until the device has come so far."""


class Counting(TorchDispatchMode):
    """Count the operations that torch is asked for, backward passes and optimisers included."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name not in VIEWS:
            self.kernels[name] += 1
        picked_by_mask = name == "index" and any(x is not None and x.dtype == torch.bool for x in args[1])
        moved = name == "_to_copy" and (kwargs or {}).get("device") is not None
        if name in WAITS or picked_by_mask or moved:
            self.waits[name] += 1
        return function(*args, **(kwargs or {}))


HOST = "lift_fresh set_".split()
"""Operations that bring numbers of Python's into a tensor."""


def storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class Recording(TorchDispatchMode):
    """The operations of some work with the tensors that they read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, tuple, dict, list]] = []
        self.born: set[int] = set()
        self.before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self.replays = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        if name in WAITS + HOST:
            raise RuntimeError(f"operation not permitted when stream is capturing: {name}\nand more")
        for argument, value in zip(function._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in tree_leaves(value):
                    self._keep(tensor)
        result = function(*args, **kwargs)
        fresh = all(returned.alias_info is None for returned in function._schema.returns)
        outputs = [x for x in tree_leaves(result) if torch.is_tensor(x)] if fresh else []
        self.born |= {storage(x) for x in outputs}
        self.operations.append((function, args, kwargs, outputs))
        return result

    def _keep(self, tensor: torch.Tensor) -> None:
        key = storage(tensor)
        if key not in self.born and key not in self.before:
            whole = tensor.untyped_storage()
            self.before[key] = whole, whole.clone()

    def undo(self) -> None:
        """A graph does nothing while it is recorded."""
        for whole, held in self.before.values():
            whole.copy_(held)
        self.before.clear()

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        for function, args, kwargs, outputs in self.operations:
            result = function(*args, **kwargs)
            if outputs:
                again = [x for x in tree_leaves(result) if torch.is_tensor(x)]
                for old, new in zip(outputs, again, strict=True):
                    old.copy_(new)


def record(work: Callable[[], None], generator: torch.Generator) -> Recording:
    """Do what `napari_blindspot.engine.hardware.cuda_graph.record` does, on a CPU."""
    position = generator.get_state()
    recording = Recording()
    try:
        with recording:
            work()
    finally:
        recording.undo()
        generator.set_state(position)
    return recording
