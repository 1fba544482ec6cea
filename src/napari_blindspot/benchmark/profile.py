"""Where the time of a run goes, coarsely: seconds of each of its phases, by Python's profiler.

A GPU works on while Python goes ahead; there ``CUDA_LAUNCH_BLOCKING=1`` in the environment makes the phases
honest, and the whole slower.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.report import markdown_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.settings import Settings

    Plane = npt.NDArray[np.float32]

__all__ = ["phase_table", "time_phases"]


def time_phases(image: Plane, settings: Settings) -> dict[str, float]:
    """Denoise an image, and return the seconds of each phase, and of the ``whole``."""
    from napari_blindspot.core.events import Started, Step
    from napari_blindspot.engine.fit_plane import fit_plane

    # Two profiles, because blind fit and refinement go through the same functions.
    before, after = cProfile.Profile(), cProfile.Profile()
    active, refinement = before, 0
    start = time.perf_counter()
    events = fit_plane(image, settings)
    while True:
        active.enable()
        event = next(events, None)
        active.disable()
        if event is None:
            break
        if isinstance(event, Started):
            refinement = sum(event.settings.refine_iterations or ())
        if isinstance(event, Step) and event.iteration >= event.iterations - refinement:
            active = after
    whole = time.perf_counter() - start
    first, second = _cumulative(before), _cumulative(after)
    if settings.measures_noise:
        phases = _of_a_measured_run(first, second)
    else:
        phases = {
            "joint fit": first.get(("joint.py", "step"), 0.0),
            "prediction": _sum(first, second, ("joint.py", "predict")),
        }
    return {**phases, "the rest": max(0.0, whole - sum(phases.values())), "whole": whole}


def _of_a_measured_run(first: dict[Any, float], second: dict[Any, float]) -> dict[str, float]:
    # The INR's image is made within the finish; here it counts as the INR's.
    image = _sum(first, second, ("implicit.py", "image"))
    return {
        "measuring the noise": _sum(first, second, ("stabilised.py", "_measure"))
        + _sum(first, second, ("plan.py", "make_plan")),
        "blind fit": first.get(("blind.py", "learn"), 0.0),
        "blind prediction": _sum(first, second, ("blind.py", "predict_hidden")),
        "refinement": second.get(("blind.py", "learn"), 0.0)
        + _sum(first, second, ("refine.py", "wiener"))
        + _sum(first, second, ("refine.py", "local_sigma")),
        "prediction": _sum(first, second, ("blind.py", "predict_seen")),
        "INR": _sum(first, second, ("implicit.py", "step")) + image,
        "intensities given back": _sum(first, second, ("measured.py", "_finish")) - image,
    }


def _cumulative(profile: cProfile.Profile) -> dict[tuple[str, str], float]:
    """Return cumulative seconds by name of file and function."""
    found: dict[tuple[str, str], float] = {}
    statistics: Any = pstats.Stats(profile)
    for (path, _, name), (_, _, _, cumulative, _) in statistics.stats.items():
        key = path.replace("\\", "/").rsplit("/", 1)[-1], name
        found[key] = max(found.get(key, 0.0), cumulative)
    return found


def _sum(first: dict[Any, float], second: dict[Any, float], key: tuple[str, str]) -> float:
    return first.get(key, 0.0) + second.get(key, 0.0)


def phase_table(phases: dict[str, dict[str, float]]) -> str:
    """Return the Markdown of the phases of several presets: seconds and share of the whole."""
    names = list(dict.fromkeys(name for each in phases.values() for name in each))
    rows = [
        [
            name,
            *(
                f"{each[name]:.2f} s, {each[name] / each['whole']:.0%}" if name in each else "–"
                for each in phases.values()
            ),
        ]
        for name in names
    ]
    return markdown_table(["phase", *phases], rows)
