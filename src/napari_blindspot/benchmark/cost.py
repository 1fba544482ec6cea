"""What a preset has to compute, counted by torch: FLOPs of each kind of work, and of a whole run.

Seconds belong to `napari_blindspot.benchmark.speed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.noise.gap_choice import blind_iterations, correlated_share, make_plan
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Plane = npt.NDArray[np.float32]

__all__ = ["LARGEST_COUNTED", "Cost", "count_cost"]

LARGEST_COUNTED = 512
"""Side in pixels; beyond it everything that grows grows with the pixels."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one preset has to compute on one size; a multiply-add is two FLOPs, while the paper counts MACs.

    Attributes
    ----------
    parameters : int
        Trainable numbers of both networks.
    iteration : float
        FLOPs of one more iteration of the fit, the INR's share included.
    refinement : float
        Of one more iteration of the refinement, likewise; 0 where there is none.
    prediction : float
        Of one more pass.
    whole : float
        Of a whole run.
    inr : float
        The INR's part of `whole`; 0 where it is not counted apart.
    """

    parameters: int
    iteration: float
    refinement: float
    prediction: float
    whole: float
    inr: float


class _Counter:
    """Counts short runs of one preset on one image."""

    def __init__(self, preset: str, image: Plane, share: float = 1.0) -> None:
        self.preset = preset
        self.image = image
        self.share = share
        self.parameters = 0

    def flops(self, steps: int, refined: tuple[int, ...], passes: int, *, inr: bool = True) -> float:
        """Return the FLOPs of a run of so many steps, which are a share of its iterations."""
        from torch.utils.flop_counter import FlopCounterMode

        from napari_blindspot.core.events import Started
        from napari_blindspot.engine.fit_plane import fit_plane

        settings = Settings.from_preset(
            self.preset,
            iterations=round(steps / self.share),
            passes=passes,
            refine_iterations=refined,
            train_inr=inr,
            device="cpu",
        )
        with FlopCounterMode(display=False) as counter:
            for event in fit_plane(self.image, settings):
                if isinstance(event, Started):
                    self.parameters = event.parameters
        return float(counter.get_total_flops())


def count_cost(preset: str, image: Plane) -> Cost:
    """Count on the CPU, as differences between very short runs on an image.

    Parameters
    ----------
    preset : str
        One of `napari_blindspot.settings.PRESETS`.
    image : ndarray
        (Y, X); how its noise is correlated decides how often it is refined and predicted.
    """
    from napari_blindspot.engine.measured_run import LESSON_EVERY

    usual = Settings.from_preset(preset)
    if not usual.measures_noise:
        counter = _Counter(preset, image)
        least = counter.flops(1, (), 1)
        iteration, prediction = counter.flops(2, (), 1) - least, counter.flops(1, (), 2) - least
        whole = least + (usual.iterations - 1) * iteration + (usual.passes - 1) * prediction
        return Cost(counter.parameters, iteration, 0.0, prediction, whole, 0.0)
    planned = _planned(usual, image)
    rounds = planned.refine_iterations or ()
    steps = blind_iterations(planned, (image.shape[0], image.shape[1]))
    first = tuple(min(1, length) for length in rounds)
    counter = _Counter(preset, image, correlated_share(planned))

    def whole_run(*, inr: bool) -> tuple[float, float, float, float]:
        """Return an iteration, a step of the refinement, a pass and a whole run."""
        # The INR learns in one of so many iterations.
        least = counter.flops(LESSON_EVERY, first, 1, inr=inr)
        iteration = (counter.flops(2 * LESSON_EVERY, first, 1, inr=inr) - least) / LESSON_EVERY
        prediction = counter.flops(LESSON_EVERY, first, 2, inr=inr) - least
        refinement = 0.0
        if any(rounds):
            more = (first[0] + 1, *first[1:])
            refinement = counter.flops(LESSON_EVERY, more, 1, inr=inr) - least
        whole = least + (steps - LESSON_EVERY) * iteration + (usual.passes - 1) * prediction
        return iteration, refinement, prediction, whole + (sum(rounds) - sum(first)) * refinement

    _, _, _, without = whole_run(inr=False)
    iteration, refinement, prediction, whole = whole_run(inr=True)
    return Cost(counter.parameters, iteration, refinement, prediction, whole, whole - without)


def _planned(settings: Settings, image: Plane) -> Settings:
    """Return the settings with what the noise of an image decides."""
    from napari_blindspot.noise.estimate import estimate_noise

    return make_plan(image, estimate_noise(image), settings).settings
