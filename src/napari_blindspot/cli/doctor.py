"""The command ``doctor``: one screen of what a bug report needs."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

__all__ = ["examine"]

_OURSELVES = "napari-blindspot"

_DEVELOPMENT = {"dev", "docs", "test"}
"""Extras whose packages no run uses."""

_SCREEN = ("napari", "npe2", "PyQt6", "PyQt5", "PySide6")
"""What a run under napari stands on; which of the bindings of Qt is there is no requirement of ours."""


def examine() -> bool:
    """Print versions, devices and memory, and try a tiny fit on every device.

    Returns
    -------
    bool
        Whether the fit worked on every device that there is.
    """
    import torch

    from napari_blindspot.engine.hardware.backends import available_devices, describe_device

    _row("Python", f"{platform.python_version()} ({sys.executable})")
    _row("system", f"{platform.platform()}, {os.cpu_count()} cores")
    _row("memory", _main_memory())
    for package, found in _versions():
        _row(package, found)
    works = True
    for name in available_devices():
        device = torch.device(name)
        memory = ""
        if name == "cuda":
            free, total = torch.cuda.mem_get_info(device)
            memory = f", {_gigabytes(free)} of {_gigabytes(total)} free, CUDA {torch.version.cuda}"
        ok, outcome = _try(name)
        works = works and ok
        _row(f"device {name}", f"{describe_device(device)}{memory}: {outcome}")
        _row(f"planes on {name}", _planes_that_fit(device))
    return works


def _try(device: str) -> tuple[bool, str]:
    """Denoise a tiny image; tell whether it worked, and how long it took or what went wrong."""
    from napari_blindspot.api import denoise
    from napari_blindspot.samples import confocal

    image = confocal((64, 64)).noisy
    start = time.perf_counter()
    try:
        settings = Settings.from_preset("paper", device=device, iterations=10, passes=2, unet_width=8)
        result = denoise(image, settings=settings)
    except Exception as error:
        # Whatever it is: the report goes on, and this line is the one to be reported.
        what = str(error) if isinstance(error, BlindspotError) else f"{type(error).__name__}: {error}"
        return False, f"a tiny fit FAILED: {what}"
    if not np.isfinite(result.denoised).all():
        return False, "a tiny fit FAILED: its result is not finite."
    return True, f"a tiny fit works ({time.perf_counter() - start:.1f} s)"


def _planes_that_fit(device: torch.device) -> str:
    """Say up to which size a plane can be denoised in the memory that is free now."""
    from napari_blindspot.engine.hardware.backends import choose_precision
    from napari_blindspot.engine.hardware.memory import LARGEST, free_memory, largest_side

    free = free_memory(device)
    if free is None:
        return "the free memory is unknown"
    sizes = []
    for preset in ("auto", "paper"):
        settings = Settings.from_preset(preset)
        precise = settings.model_copy(update={"precision": choose_precision(settings, device)})
        side = largest_side(precise, free)
        sizes.append(f"{preset} {'any' if side == LARGEST else f'up to about {side}²'}")
    return ", ".join(sizes)


def _row(name: str, value: str) -> None:
    print(f"{name:<18}{value}")


def _versions() -> Iterator[tuple[str, str]]:
    """Yield name and version of our package, of what it needs, and of what is there of what it can use."""
    yield _OURSELVES, version(_OURSELVES)
    needed: dict[str, None] = {}
    usable: dict[str, None] = {}
    for requirement in requires(_OURSELVES) or []:
        # A requirement reads: bioio-czi>=3; python_version < "3.14" and extra == "formats"
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extras = set(re.findall(r"extra == ['\"]([\w-]+)['\"]", requirement))
        if not extras:
            needed[name] = None
        elif not extras & _DEVELOPMENT:
            usable[name] = None
    for name in {**needed, **usable, **dict.fromkeys(_SCREEN)}:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            if name in needed:
                yield name, "not installed, but needed"


def _main_memory() -> str:
    """Return total and, where the system tells it, available memory."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total = _gigabytes(page * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return "unknown"
    try:
        return f"{_gigabytes(page * os.sysconf('SC_AVPHYS_PAGES'))} of {total} free"
    except (ValueError, OSError):
        return total


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"
