"""On what the figures were measured: processor, device and versions, without names of machines or paths."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["describe_machine", "describe_versions"]

_PACKAGES = ("napari-blindspot", "numpy", "scipy", "scikit-image", "torch", "bm3d", "careamics")


def describe_machine(device: str) -> str:
    """Return processor, cores, memory and, where one is used, the GPU, as one line."""
    parts = [_processor(), f"{os.cpu_count()} cores"]
    memory = _memory_gib()
    if memory:
        parts.append(f"{memory:.0f} GiB of memory")
    if device != "cpu":
        from napari_blindspot.engine.hardware.backends import choose_device, describe_device

        chosen = choose_device(device)  # type: ignore[arg-type]
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
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 0.0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
