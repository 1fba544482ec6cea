"""What went wrong on a device, in words of ours; and whether it was a want of memory.

Trying again with less at once belongs to `napari_blindspot.engine.hardware.memory`.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.errors import DeviceError, InternalError, OutOfMemoryError
from napari_blindspot.core.words import first_line, unforeseen

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_out_of_memory", "readable_errors"]

_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|alloc_failed"
    r"|could not (create|execute) a primitive(?! descriptor)",
    re.IGNORECASE,
)
"""What torch's allocators say where they have no exception of their own, CUDA's libraries, and oneDNN when
it finds no room for its code or its scratch."""


_DEVICE = re.compile(
    r"cuda(?!:\d|\.\w+Tensor)|cudnn|cublas|cufft|nccl|\bhip|rocm|\bmps(?!:\d)|metal|driver|accelerator",
    re.IGNORECASE,
)
"""What an error speaks of that comes from a GPU, its driver or its libraries. The names of devices and of
tensors on them are not meant: torch says ``cuda:0`` where it was given tensors that do not go together."""


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an exception means that a device or the machine has too little memory."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


@contextlib.contextmanager
def readable_errors(device: torch.device, shape: tuple[int, int]) -> Iterator[None]:
    """Turn torch's out-of-memory errors into one sentence, as an error that is not a RuntimeError.

    napari's worker threads take any RuntimeError for an abort and report nothing.

    Raises
    ------
    OutOfMemoryError
        When the device or the machine ran out of memory.
    DeviceError
        When a GPU, its driver or its libraries failed.
    InternalError
        For any other RuntimeError of torch: then we have asked it for something wrong.
    """
    size = f"{shape[0]}×{shape[1]}"
    advice = "choose a smaller region" + ("" if device.type == "cpu" else " or the device cpu")
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"The {size} plane does not fit into memory: {advice}.") from error
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                f"The {size} plane does not fit into the memory of the device {device.type}: {advice}."
            ) from error
        if device.type != "cpu" and _DEVICE.search(str(error)):
            raise DeviceError(f"The device {device.type} failed: {first_line(error)}.") from error
        raise InternalError(unforeseen(error)) from error
