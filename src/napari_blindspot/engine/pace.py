"""How long a run will take on a device: from its schedule, and from the pace that a short fit had there.

What is predicted is told before a run; how long a run that goes on still takes, it says itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.engine.schedule import Schedule, with_patches
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.settings import MeasuredSettings, Settings

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.settings import PlannedSettings

__all__ = ["Pace", "measure_pace", "planned_for", "seconds_of_run"]

SIDE, STEPS = 256, 8
"""Of the plane and the fit that the pace is measured by: a second on two cores. A convention."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a device is.

    Attributes
    ----------
    step : float
        Seconds of an iteration of the U-Net for each pixel of its patches.
    pixel : float
        Seconds for each pixel of a plane of what is done once: measuring, predicting, giving back.
    """

    step: float
    pixel: float


@functools.cache
def measure_pace(device: str, width: int, precision: str = "auto") -> Pace:
    """Fit a small plane for a moment; once for a device and a width of the U-Net.

    Parameters
    ----------
    device : str
        As in the settings.
    width : int
        Filters of the U-Net at full resolution.
    precision : str
        As in the settings.
    """
    from napari_blindspot.core.events import Finished
    from napari_blindspot.engine.fit_plane import fit_plane

    noisy = np.random.default_rng(0).poisson(50, (SIDE, SIDE)).astype(np.float32)
    settings = Settings.from_preset(
        "fast",
        device=device,
        precision=precision,
        iterations=STEPS,
        refine_iterations=(STEPS,),
        unet_width=width,
    )
    for event in fit_plane(noisy, settings):
        if isinstance(event, Finished):
            phases = dict(event.result.phases)
            learning = sum(phases.pop(name, 0.0) for name in ("blind fit", "refinement"))
            planned = event.result.settings
            if isinstance(planned, MeasuredSettings) and event.result.iterations:
                patches = planned.batch_size * planned.patch_size**2
                step = learning / (event.result.iterations * patches)
                return Pace(step, sum(phases.values()) / SIDE**2)
    return Pace(0.0, 0.0)


def planned_for(
    plane: npt.NDArray[np.generic], noise: NoiseModel, settings: Settings
) -> PlannedSettings | None:
    """Return settings as a run fills them in for a plane, (Y, X); None for a preset that plans nothing."""
    if not isinstance(settings, MeasuredSettings):
        return None
    return make_plan(plane, noise, settings).settings


def seconds_of_run(
    planned: PlannedSettings, shape: tuple[int, int], planes: int, pace: Pace, *, applies: bool = False
) -> float:
    """Predict the seconds of a run.

    Parameters
    ----------
    planned : PlannedSettings
        As `planned_for` returns them.
    shape : tuple of int
        (Y, X) of a plane in pixels.
    planes : int
        How many there are.
    pace : Pace
        Of the device.
    applies : bool
        Whether a model is applied instead of fitting.
    """
    settings = with_patches(planned, shape)
    patches = settings.batch_size * min(settings.patch_size, *shape) ** 2
    once = pace.pixel * shape[0] * shape[1]
    if applies:
        return planes * once
    first, others = (
        Schedule.of(settings, shape, warm=warm).usual_iterations * patches * pace.step + once
        for warm in (False, settings.stack_start == "warm")
    )
    if settings.stack_start == "shared":
        others = once
    return first + (planes - 1) * others
