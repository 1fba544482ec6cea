"""Where the time of a run goes, coarsely: seconds of each of its phases, as the run itself counts them.

A GPU works on while Python goes ahead; there ``CUDA_LAUNCH_BLOCKING=1`` in the environment makes the phases
honest, and the whole slower. Which phases there are belongs to `napari_blindspot.engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.benchmark.report import markdown_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.settings import Settings

    Plane = npt.NDArray[np.float32]

__all__ = ["phase_table", "time_phases"]

REST, WHOLE = "the rest", "whole"
"""What lies between the phases, and all of the run, among the phases of `time_phases`."""


def time_phases(image: Plane, settings: Settings) -> dict[str, float]:
    """Denoise a (Y, X) image, and return the seconds of each phase, of the rest, and of the whole."""
    from napari_blindspot.api import denoise

    result = denoise(image, settings=settings)
    rest = max(0.0, result.seconds - sum(result.phases.values()))
    return {**result.phases, REST: rest, WHOLE: result.seconds}


def phase_table(phases: dict[str, dict[str, float]]) -> str:
    """Return the Markdown of the phases of several presets: seconds and share of the whole.

    Parameters
    ----------
    phases : dict
        Preset to what `time_phases` returns.
    """
    found = dict.fromkeys(name for each in phases.values() for name in each)
    names = [*(name for name in found if name not in (REST, WHOLE)), REST, WHOLE]
    rows = [
        [
            name,
            *(
                f"{each[name]:.2f} s, {each[name] / each[WHOLE]:.0%}" if name in each else "–"
                for each in phases.values()
            ),
        ]
        for name in names
    ]
    return markdown_table(["phase", *phases], rows)
