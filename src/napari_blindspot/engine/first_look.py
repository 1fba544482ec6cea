"""What is found out about a plane before its fit: its noise, the plan for it, and the neighbours that help.

Nothing of it depends on the planes before, so that in a stack it is found out while the plane before is
fitted, on a thread of its own: a sixth to a quarter of a plane's time goes to it, on a single core mostly.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from napari_blindspot.core.control import Control
from napari_blindspot.core.plane import check_neighbours, check_plane
from napari_blindspot.engine.hardware.backends import choose_device
from napari_blindspot.engine.hardware.threads import threads_of_a_run
from napari_blindspot.engine.hardware.torch_state import computing
from napari_blindspot.engine.measurement import measure
from napari_blindspot.engine.neighbour_choice import choose_neighbours
from napari_blindspot.engine.prepared import PreparedPlane
from napari_blindspot.engine.run import Watch
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_blindspot.engine.measurement import Measurement
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import Settings

    Run = RunInput[MeasuredSettings]
    Found = TypeVar("Found")

__all__ = ["FirstLook", "look_ahead", "look_first", "looks_ahead"]

LARGEST_AHEAD = 1024**2
"""Pixels of a plane that is looked at ahead at most: the look takes as much memory as a fit."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What was found out.

    Attributes
    ----------
    measurement : Measurement
        With the neighbours that help.
    plan : Plan
        For the plane by itself.
    """

    measurement: Measurement
    plan: Plan


def look_first(run: Run) -> FirstLook:
    """Find out about a plane."""
    return _planned(run, measure(run))


def looks_ahead(shape: tuple[int, int], settings: Settings) -> bool:
    """Tell whether planes of a shape, (Y, X), are looked at ahead.

    They are not where noise is not measured, planes are large, or a run has one thread only.
    """
    if not isinstance(settings, MeasuredSettings) or shape[0] * shape[1] > LARGEST_AHEAD:
        return False
    return threads_of_a_run() > 1 or choose_device(settings.device).type != "cpu"


def look_ahead(
    image: npt.ArrayLike, settings: Settings, neighbours: npt.ArrayLike | None
) -> Callable[[], FirstLook] | None:
    """Begin to look at a plane whose turn comes next, of a shape for which `looks_ahead` is true.

    Parameters
    ----------
    image, settings, neighbours
        As for `napari_blindspot.engine.fit_plane.fit_plane`.

    Returns
    -------
    callable or None
        Waits for the look, and returns it or raises what went wrong. None where the plane is left alone.
    """
    plane = check_plane(image)
    prepared = PreparedPlane.of(plane, settings)
    if prepared.reason is not None:
        return None
    run: Run = prepared.run(Watch(Control(), None), check_neighbours(plane, neighbours))

    def computed(look: Callable[[Run], Found]) -> Found:
        """Look with the torch that a run has."""
        with computing(prepared.device, rounded_products=prepared.rounded_products):
            return look(run)

    if prepared.device.type == "cpu":
        return _pool().submit(computed, look_first).result
    # A GPU does one thing at a time: what belongs to it waits for the turn of the plane.
    measured = _pool().submit(computed, measure).result
    return lambda: _planned(run, measured())


def _planned(run: Run, measurement: Measurement) -> FirstLook:
    """Return the look at a plane whose noise is measured."""
    plan = make_plan(measurement.observed, measurement.noise, run.settings)
    return FirstLook(choose_neighbours(run, measurement, plan), plan)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="napari-blindspot-ahead")


if hasattr(os, "register_at_fork"):
    # A forked process does not have the thread, and would wait for it.
    os.register_at_fork(after_in_child=_pool.cache_clear)
