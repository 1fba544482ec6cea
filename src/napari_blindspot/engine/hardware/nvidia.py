"""The NVIDIA cards of a machine, and what keeps this build of torch from using them.

`nvidia-smi`, which comes with the driver, knows cards that torch does not see.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Build", "Card", "cards", "remedy", "this_build"]

SELECTOR = "https://pytorch.org/get-started/locally"
"""Where torch's builds are offered."""

QUESTION = ("name", "driver_version", "compute_cap")
"""What `nvidia-smi` is asked for."""

PATIENCE = 10.0
"""Seconds that it may take to answer."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card.

    Attributes
    ----------
    name, driver : str
        As the driver says.
    capability : tuple of int
        Major and minor number of what it can do.
    """

    name: str
    driver: str
    capability: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Build:
    """What torch was built for.

    Attributes
    ----------
    version : str
        Of torch.
    cuda : str or None
        Release of CUDA; None for a build without it.
    kernels : sequence of str
        ``sm_80`` for code of a card, ``compute_90`` for code that the driver translates for newer cards.
    """

    version: str
    cuda: str | None
    kernels: Sequence[str]


def cards() -> list[Card]:
    """Ask the driver for the cards; an empty list where there is none, or no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    asked = [program, f"--query-gpu={','.join(QUESTION)}", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in said.splitlines():
        match = re.fullmatch(r"(.+), ([\d.]+), (\d+)\.(\d+)", line.strip())
        if match:
            name, driver, major, minor = match.groups()
            found.append(Card(name, driver, (int(major), int(minor))))
    return found


def this_build() -> Build:
    """Return what the torch of this process was built for."""
    import torch

    kernels = torch.cuda.get_arch_list() if torch.version.cuda else []
    return Build(torch.__version__, torch.version.cuda, tuple(kernels))


def remedy(card: Card, build: Build, *, is_available: bool) -> str:
    """Say why a torch cannot use a card and what helps; empty if nothing speaks against it.

    Parameters
    ----------
    card : Card
        Of this machine.
    build : Build
        Of torch.
    is_available : bool
        Whether torch says that there is a GPU.
    """
    if build.cuda is None:
        return f"torch {build.version} is a build without CUDA; install one with it ({SELECTOR})"
    if build.kernels and not _has_kernels(card.capability, build.kernels):
        needed = "sm_{}{}".format(*card.capability)
        older = card.capability < min(map(_capability, build.kernels))
        which = "an older CUDA" if older else "a newer CUDA"
        return (
            f"torch {build.version} has kernels for {' '.join(build.kernels)} and the card needs {needed}; "
            f"install a torch for {which} ({SELECTOR})"
        )
    if not is_available:
        return (
            f"the driver {card.driver} does not serve CUDA {build.cuda}, which torch {build.version} was "
            f"built for; update the driver, or install a torch for an older CUDA ({SELECTOR})"
        )
    return ""


def _has_kernels(capability: tuple[int, int], kernels: Sequence[str]) -> bool:
    """Tell whether a card runs one of these: its own generation up to its number, or what is translated."""
    for kernel in kernels:
        made_for = _capability(kernel)
        if made_for <= capability and (kernel.startswith("compute_") or made_for[0] == capability[0]):
            return True
    return False


def _capability(kernel: str) -> tuple[int, int]:
    """Return major and minor number of ``sm_86`` or ``sm_90a``."""
    digits = re.sub(r"\D", "", kernel)
    return int(digits[:-1]), int(digits[-1])
