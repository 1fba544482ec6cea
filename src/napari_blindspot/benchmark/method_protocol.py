"""What a method of the benchmark is: a name, a factory and what the factory is told.

A method is a factory that imports what it needs and returns a function from array to array. Which methods
there are belongs to `napari_blindspot.benchmark.methods`; importing this module imports none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Denoiser", "Method", "Request"]

Denoiser = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
"""A noisy plane in [0, 255], (Y, X) float32, to an estimate on the same scale."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a factory is told.

    Attributes
    ----------
    method : str
        The name of the method, for factories that serve several.
    device : str
        ``auto`` or a device such as ``cpu`` or ``cuda``.
    seed : int
        For everything random.
    iterations : int, optional
        Number of iterations in place of the method's own; for a quick look.
    overrides : dict
        Settings in place of a preset's.
    truth : ndarray, optional
        (Y, X) float32 in [0, 255], only for methods that ask for it (`Method.sees_truth`).
    """

    method: str
    device: str = "auto"
    seed: int = 0
    iterations: int | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    truth: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A name in the table and where its function comes from.

    Attributes
    ----------
    name : str
        As in ``--methods`` and ``results.csv``.
    factory : str
        ``module:function``, called with a `Request`, returns a `Denoiser`.
    place : int
        Methods stand in the tables in the order of this number, then of their declaration.
    needs : tuple of str
        Modules that must be importable.
    sees_truth : bool
        Whether the factory is given the truth: an oracle.
    extra : str
        What installs `needs`: ``pip install 'napari-blindspot[EXTRA]'``.
    weights : str
        Name of the network whose file of weights a caller must give, such as ``ffdnet``; empty for none.
    """

    name: str
    factory: str
    place: int = 0
    needs: tuple[str, ...] = ()
    sees_truth: bool = False
    extra: str = "bench"
    weights: str = ""

    def missing(self) -> list[str]:
        """Return the modules of `needs` that are not installed."""
        return [module for module in self.needs if importlib.util.find_spec(module) is None]

    def build(self, request: Request) -> Denoiser:
        """Import the method and return its function."""
        module, name = self.factory.split(":")
        denoiser: Denoiser = getattr(importlib.import_module(module), name)(request)
        return denoiser
