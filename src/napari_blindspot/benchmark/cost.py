"""What a preset has to compute, counted by torch: FLOPs of each kind of work, and of a whole run.

How many iterations a run has is asked of `napari_blindspot.engine.schedule`. Seconds belong to
`napari_blindspot.benchmark.speed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_blindspot.settings import MeasuredSettings, PaperSettings, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.settings import PlannedSettings

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
        Of one more visible set or symmetry that the final image is the mean of.
    whole : float
        Of a whole run, whose blind fit ends after its first leg.
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
    """Counts short runs of one preset on one (Y, X) image."""

    def __init__(self, preset: str, image: Plane) -> None:
        self.preset = preset
        self.image = image
        self.parameters = 0

    def flops(self, **changes: Any) -> float:
        """Return the FLOPs of a run of the preset with some settings changed."""
        from torch.utils.flop_counter import FlopCounterMode

        from napari_blindspot.core.events import Started
        from napari_blindspot.engine.fit_plane import fit_plane
        from napari_blindspot.engine.hardware.side_by_side import one_after_another

        settings = Settings.from_preset(self.preset, device="cpu", **changes)
        # The counter sees its own thread only.
        with one_after_another(), FlopCounterMode(display=False) as counter:
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
        (Y, X); how its noise is correlated decides how long it is fitted and refined.
    """
    settings = Settings.from_preset(preset)
    counter = _Counter(preset, image)
    if isinstance(settings, PaperSettings):
        return _cost_of_the_paper(counter, settings)
    if isinstance(settings, MeasuredSettings):
        return _cost_of_a_measured_run(counter, _planned(settings, image))
    raise TypeError(f"{type(settings).__name__} belongs to no method.")


def _cost_of_the_paper(counter: _Counter, settings: PaperSettings) -> Cost:
    """Return the cost of a joint fit and its passes."""
    least = counter.flops(iterations=1, passes=1)
    iteration = counter.flops(iterations=2, passes=1) - least
    prediction = counter.flops(iterations=1, passes=2) - least
    whole = least + (settings.iterations - 1) * iteration + (settings.passes - 1) * prediction
    return Cost(counter.parameters, iteration, 0.0, prediction, whole, 0.0)


def _cost_of_a_measured_run(counter: _Counter, planned: PlannedSettings) -> Cost:
    """Return the cost of a blind fit, its refinement and its predictions."""
    from napari_blindspot.engine.schedule import INR_EVERY, Schedule, correlated_share

    schedule = Schedule.of(planned, (counter.image.shape[0], counter.image.shape[1]))
    rounds, share = schedule.rounds, correlated_share(planned)
    first = tuple(min(1, length) for length in rounds)

    def flops(
        blind: int = 1, refined: tuple[int, ...] = first, symmetries: int = 1, *, inr: bool = True
    ) -> float:
        return counter.flops(
            iterations=round(blind / share),
            refine_iterations=refined,
            symmetries=symmetries,
            train_inr=inr,
        )

    least = flops()
    # The INR learns in the first iteration, and then not for a while.
    of_the_unet = flops(2) - least
    of_the_inr = (least - flops(inr=False)) / (1 + sum(first))
    prediction = flops(symmetries=2) - least
    refinement = flops(refined=(first[0] + 1, *first[1:])) - least if any(rounds) else 0.0
    blind = schedule.usual_iterations - sum(rounds)
    whole = least + (blind - 1) * of_the_unet + (planned.symmetries - 1) * prediction
    whole += (-(-blind // INR_EVERY) - 1) * of_the_inr + (sum(rounds) - sum(first)) * refinement
    return Cost(
        counter.parameters,
        of_the_unet + of_the_inr / INR_EVERY,
        refinement,
        prediction,
        whole,
        schedule.inr_iterations * of_the_inr,
    )


def _planned(settings: MeasuredSettings, image: Plane) -> PlannedSettings:
    """Return the settings with what the noise of a (Y, X) image and its size decide."""
    from napari_blindspot.engine.schedule import with_patches
    from napari_blindspot.noise.estimate import estimate_noise
    from napari_blindspot.noise.gap_choice import make_plan

    plan = make_plan(image, estimate_noise(image), settings)
    return with_patches(plan.settings, (image.shape[0], image.shape[1]))
