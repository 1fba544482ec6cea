"""The command ``doctor``: one screen of what a bug report needs."""

from __future__ import annotations

import os
import platform
import re
import sys
import textwrap
import time
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import numpy as np
import psutil

from napari_blindspot.core.words import error_sentence, first_line, size_of_memory
from napari_blindspot.engine.hardware.backends import BACKENDS, available_devices, choose_precision
from napari_blindspot.engine.hardware.memory import LARGEST, free_memory, largest_side
from napari_blindspot.engine.hardware.nvidia import cards, remedy, this_build
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from napari_blindspot.engine.hardware.backends import Backend

__all__ = ["examine"]

_OURSELVES = "napari-blindspot"

_NO_BREAK = "\N{NO-BREAK SPACE}"

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
    memory = psutil.virtual_memory().total
    _row("Python", f"{platform.python_version()} ({sys.executable})")
    _row("system", f"{platform.platform()}, {os.cpu_count()} cores")
    _row("memory", f"{size_of_memory(free_memory())} of {size_of_memory(memory)} free")
    _row(_OURSELVES, version(_OURSELVES))
    needed, optional = _packages()
    _row("needed", ", ".join(name + _NO_BREAK + (_version(name) or "(MISSING)") for name in needed))
    there = [name + _NO_BREAK + found for name in optional if (found := _version(name))]
    _row("optional", ", ".join(there))
    try:
        devices = available_devices()
    except (ImportError, OSError) as error:
        # A library that torch needs is missing, or torch is built for another machine.
        _row("devices", f"unknown, because torch cannot be loaded: {first_line(error)}")
        return False
    _examine_cards("cuda" in devices)
    # Every device is tried, also after one that does not work.
    outcomes = [_examine_device(BACKENDS[name]) for name in devices]
    return all(outcomes)


def _examine_cards(is_available: bool) -> None:
    """Print which build of torch this is, and of each NVIDIA card the driver and what helps, if need be."""
    build = this_build()
    made_for = "the CPU" if build.cuda is None else f"CUDA {build.cuda}, {' '.join(build.kernels)}"
    _row("torch", f"{build.version}, built for {made_for}")
    for card in cards():
        helps = remedy(card, build, is_available=is_available)
        generation = "{}.{}".format(*card.capability)
        _row(
            "NVIDIA card",
            f"{card.name} (generation {generation}), driver {card.driver}"
            + (f": {helps}" if helps else ""),
        )


def _examine_device(backend: Backend) -> bool:
    """Print what a device is and whether it works; tell the latter."""
    own = backend.own_memory()
    memory = "" if own is None else f", {size_of_memory(own[0])} of {size_of_memory(own[1])} free"
    works, outcome = _try(backend.name)
    _row(f"device {backend.name}", f"{backend.describe()}{memory}: {outcome}")
    _row(f"planes on {backend.name}", _planes_that_fit(backend.name))
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
        return False, f"a tiny fit FAILED: {error_sentence(error)}"
    if not np.isfinite(result.denoised).all():
        return False, "a tiny fit FAILED: its result is not finite."
    return True, f"a tiny fit works ({time.perf_counter() - start:.1f} s)"


def _planes_that_fit(device: str) -> str:
    """Say up to which size a plane can be denoised in the memory that is free now."""
    import torch

    free, sizes = free_memory(device), []
    for preset in ("auto", "paper"):
        settings = Settings.from_preset(preset)
        precision = choose_precision(settings, torch.device(device))
        side = largest_side(settings.model_copy(update={"precision": precision}), free)
        sizes.append(f"{preset} {'any' if side == LARGEST else f'up to about {side}²'}")
    return ", ".join(sizes)


def _row(name: str, value: str) -> None:
    """Print a name and what there is to say about it, on several lines if it is long."""
    # A package and its version, between which is no plain space, stay together.
    text = textwrap.fill(
        value, 100, initial_indent=f"{name:<18}", subsequent_indent=" " * 18, break_on_hyphens=False
    )
    print(text.replace(_NO_BREAK, " "))


def _packages() -> tuple[list[str], list[str]]:
    """Return the packages that ours needs, and those that it can use, as its metadata name them."""
    needed, optional = {}, {}
    for requirement in requires(_OURSELVES) or []:
        # A requirement reads: pylibCZIrw>=6.1; python_version < "3.14" and extra == "formats"
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extras = set(re.findall(r"extra == ['\"]([\w-]+)['\"]", requirement))
        if not extras:
            needed[name] = True
        elif not extras & _DEVELOPMENT:
            optional[name] = True
    return list(needed), [name for name in {**optional, **dict.fromkeys(_SCREEN)} if name not in needed]


def _version(package: str) -> str:
    """Return the version of a package; empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
