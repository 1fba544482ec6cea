"""On what the figures were measured: processor, device and versions, without names of machines or paths."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

__all__ = ["describe_machine", "describe_versions"]

_PACKAGES = ("napari-blindspot", "numpy", "scipy", "scikit-image", "torch", "bm3d", "careamics")


def describe_machine(device: str) -> str:
    """Return processor, cores, memory and, where one is used, the GPU, as one line."""
    parts = [_processor(), f"{os.cpu_count()} cores", f"{_memory_gib():.0f} GiB of memory"]
    if device != "cpu":
        from napari_blindspot.engine.hardware.backends import choose_device, describe_device

        chosen = choose_device(device)
        parts.append("no GPU" if chosen.type == "cpu" else describe_device(chosen))
    return ", ".join(parts)


def describe_versions() -> str:
    """Return Python, the packages that matter and the date, as one line."""
    found = [f"Python {platform.python_version()} on {platform.system()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return f"{', '.join(found)}; {datetime.date.today().isoformat()}"


def _processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    """Return all memory of the machine in GiB, used or free."""
    return float(psutil.virtual_memory().total) / 2**30
