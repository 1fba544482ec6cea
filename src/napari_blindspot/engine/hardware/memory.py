"""How much memory a run takes, how much there is, and what happens when it does not suffice.

The estimates are fitted to what torch's allocator was seen to hand out, a coefficient a kind of work, and
err on the high side. Which pixels are computed at once is decided by `napari_blindspot.engine.blind_fit`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from napari_blindspot.core.notices import Notice
from napari_blindspot.engine.hardware.backends import BACKENDS, release_memory
from napari_blindspot.engine.schedule import patches_of_an_iteration
from napari_blindspot.settings import MOST_NEIGHBOURS, MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from napari_blindspot.settings import Settings

    Shape = tuple[int, int]
    Done = TypeVar("Done")

__all__ = [
    "LEAST_TILE",
    "MARGIN",
    "MOST_PASSES",
    "TILE",
    "free_memory",
    "largest_side",
    "peak_memory",
    "retry",
    "shortage",
    "tile_side",
]

TILE = 768
"""Side of a tile's core; planes up to this size and a margin are predicted in one piece."""

MARGIN = 64
"""Overlap of the tiles of a large plane, in pixels: more than the network sees, so that no seam shows."""

MOST_PASSES = 4
"""Passes of a prediction that are computed at once, each with feature maps of its own."""

LEAST_TILE = 96
"""Smaller tiles would be margin and nothing else."""

SCRATCH = 100 * 2**20
"""Bytes that libraries take for themselves."""

PLANE_BYTES, NEIGHBOUR_BYTES = 160, 24
"""Of each pixel of a plane and of a neighbour, for all of a measured run: most are float64 on the host."""

FITTED_MAPS, APPLIED_MAPS = 9.5, 4.8
"""Feature maps of the first level that are alive at once: gradients need most, a prediction drops them."""

INPUT_BYTES = 40
"""Of each pixel of a tile, beside the feature maps: fill, masks and channels of the input."""

PAPER_MAPS, PAPER_INR_BYTES = 20.0, 24
"""Feature maps of the paper's U-Net, and bytes of each pixel, feature and layer of its INR."""

LARGEST = 2**16
"""Side in pixels beyond which nobody asks what fits."""

CGROUP = Path("/sys/fs/cgroup")


def peak_memory(shape: Shape, settings: Settings, tile: int = TILE) -> int:
    """Estimate the most bytes that a run holds at once, without torch itself and the image.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the plane.
    settings : Settings
        With the precision resolved; ``auto`` is taken for float32.
    tile : int
        Side of a tile's core.
    """
    from napari_blindspot.engine.hardware.threads import threads_of_a_run

    area = shape[0] * shape[1]
    level = settings.unet_width * _feature_bytes(settings)
    if not isinstance(settings, MeasuredSettings):
        inr = PAPER_INR_BYTES * settings.inr_features * len(settings.inr_dropout)
        return round(SCRATCH + area * (PAPER_MAPS * level + inr))
    plane = area * (PLANE_BYTES + 2 * MOST_NEIGHBOURS * (settings.neighbours != 0) * NEIGHBOUR_BYTES)
    side, count = patches_of_an_iteration(shape, settings)
    fitted = count * side**2 * FITTED_MAPS * level
    tiles = [length if length <= tile + MARGIN else min(length, tile + 2 * MARGIN) for length in shape]
    passes = min(MOST_PASSES, threads_of_a_run()) if settings.device == "cpu" else 1
    applied = passes * tiles[0] * tiles[1] * (APPLIED_MAPS * level + INPUT_BYTES)
    return round(SCRATCH + plane + max(fitted, applied))


def free_memory(device: str = "cpu") -> int:
    """Return how many bytes a device has left for us: its own, or those of the machine and its container.

    Parameters
    ----------
    device : str
        The type of a device, a name in `BACKENDS`.
    """
    own = BACKENDS[device].own_memory()
    if own is not None:
        return own[0]
    free = int(psutil.virtual_memory().available)
    container = _free_of_the_container()
    return free if container is None else min(free, container)


def tile_side(shape: Shape, settings: Settings, device: torch.device) -> int:
    """Return the side of a tile's core: `TILE`, or the half or quarter of it that fits into memory."""
    free, tile = free_memory(device.type), TILE
    while tile > LEAST_TILE and peak_memory(shape, settings, tile) > free:
        tile //= 2
    return tile


def shortage(shape: Shape, settings: Settings, device: torch.device) -> tuple[Notice, ...]:
    """Warn of a run that needs more memory than there is; nothing for one that fits."""
    free = free_memory(device.type)
    needed = peak_memory(shape, settings, tile_side(shape, settings, device))
    if needed <= free:
        return ()
    where = "" if device.type == "cpu" else device.type
    values: dict[str, float | str] = {"needed": needed, "free": free, "device": where}
    return (Notice("memory-short", values, is_warning=False),)


def largest_side(settings: Settings, free: int) -> int:
    """Return the side of the largest square plane, in multiples of 64 pixels, whose run fits."""
    low, high = 0, LARGEST // 64
    while low < high:
        middle = (low + high + 1) // 2
        fits = peak_memory((64 * middle, 64 * middle), settings, LEAST_TILE) <= free
        low, high = (middle, high) if fits else (low, middle - 1)
    return 64 * low


def retry(work: Callable[[], Done], halve: Callable[[], bool], device: torch.device) -> Done:
    """Do some work, and again with half of it at once, and again, while memory does not suffice.

    Parameters
    ----------
    work : callable
        May be called several times.
    halve : callable
        Makes the work need less; returns False if it cannot.
    device : torch.device
        Whose cached memory is given back before the next try.

    Raises
    ------
    Exception
        What the last try raised.
    """
    from napari_blindspot.engine.hardware.failures import is_out_of_memory

    while True:
        try:
            return work()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            # Without its traceback, whose frames hold the tensors that there was no more room beside.
            failure = error.with_traceback(None)
        if not halve():
            raise failure
        release_memory(device)


def _feature_bytes(settings: Settings) -> int:
    """Return the bytes of one number in the U-Net; processors without bfloat16 of their own widen it."""
    if settings.precision != "bfloat16":
        return 4
    backend = BACKENDS.get(settings.device, BACKENDS["cpu"])
    return 2 if backend.name != "cpu" or backend.is_exact_in_bfloat16() else 4


def _free_of_the_container() -> int | None:
    """Return what a Linux container may still take; None where it has no limit of its own."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        for line in (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines():
            name, _, size = line.partition(" ")
            if name == "inactive_file":
                # Of files that were read: the kernel gives it back when asked.
                used -= int(size)
        return max(0, limit - used)
    return None
