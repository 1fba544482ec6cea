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
from napari_blindspot.engine.hardware.backends import choose_device, choose_precision
from napari_blindspot.engine.hardware.threads import threads_of_a_run
from napari_blindspot.engine.hardware.torch_state import computing
from napari_blindspot.engine.left_alone import bare_plane
from napari_blindspot.engine.measurement import measure
from napari_blindspot.engine.neighbour_choice import choose_neighbours
from napari_blindspot.engine.run import RunInput, Watch
from napari_blindspot.noise.blank_areas import without_blank_areas
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_blindspot.engine.measurement import Measurement
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import Settings

    Run = RunInput[MeasuredSettings]
    Found = TypeVar("Found")

__all__ = ["FirstLook", "look_ahead", "look_first"]

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
    return _look_beside(run, measure(run))


def look_ahead(
    image: npt.ArrayLike, settings: Settings, neighbours: npt.ArrayLike | None
) -> Callable[[], FirstLook] | None:
    """Begin to look at a plane whose turn comes next.

    Parameters
    ----------
    image, settings, neighbours
        As for `napari_blindspot.engine.fit_plane.fit_plane`.

    Returns
    -------
    callable or None
        Waits for the look, and returns it or raises what went wrong. None where it is better done in its
        turn: the plane is left alone or large, its noise is not measured, or a run has one thread only.
    """
    plane = check_plane(image)
    if not isinstance(settings, MeasuredSettings) or plane.size > LARGEST_AHEAD:
        return None
    device = choose_device(settings.device)
    reason, areas, bare = bare_plane(plane)
    if reason is not None or (device.type == "cpu" and threads_of_a_run() < 2):
        return None
    precision = choose_precision(settings, device)
    settings = settings.model_copy(update={"device": device.type, "precision": precision})
    beside = [without_blank_areas(other) for other in check_neighbours(plane, neighbours)]
    blank = 0 if areas is None else int(areas.sum())
    run = RunInput(bare, settings, device, Watch(Control(), None), beside, (), blank)
    if device.type == "cpu":
        return _pool().submit(_computing, look_first, run).result
    # A GPU does one thing at a time: what belongs to it waits for the turn of the plane.
    measured = _pool().submit(_computing, measure, run).result
    return lambda: _look_beside(run, measured())


def _look_beside(run: Run, measurement: Measurement) -> FirstLook:
    plan = make_plan(measurement.observed, measurement.noise, run.settings)
    return FirstLook(choose_neighbours(run, measurement, plan), plan)


def _computing(look: Callable[[Run], Found], run: Run) -> Found:
    """Look with the torch that a run has."""
    with computing(run.device, rounded_products=run.settings.precision == "bfloat16"):
        return look(run)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="napari-blindspot-ahead")


if hasattr(os, "register_at_fork"):
    # A forked process does not have the thread, and would wait for it.
    os.register_at_fork(after_in_child=_pool.cache_clear)
