"""Whether a network looks at neighbouring planes: if they make its blind predictions better.

Every pixel is hidden and predicted by the package's weights: without neighbours, with them where they were,
and with them shifted to fit. The noise of a hidden pixel adds the same to each error, so that the least
error is the best look. What is left of the best one tells of the noise, too. Which neighbours may be shown
at all is decided before, in `napari_blindspot.noise.beside`.

Correlated noise reaches over the pixels that are hidden, so that a prediction without neighbours is praised
for the noise that it has learned. The noise of other planes is none of its own: there the planes before are
also judged by the nearest plane after, and the other way round. A scene that moves on is farther from the
planes before the later it is, so that motion speaks against them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.engine.blind_fit import BlindFit
from napari_blindspot.engine.restoration import FitScale, Restoration
from napari_blindspot.engine.schedule import with_patches
from napari_blindspot.method.weights import put_pretrained
from napari_blindspot.noise.residual_noise import noise_of_residual
from napari_blindspot.settings import MOST_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_blindspot.engine.measurement import Measurement
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import MeasuredSettings

    Floats = npt.NDArray[np.float64]

__all__ = ["busiest_part", "choose_neighbours", "in_slots"]

PART_SIDE, PLACES = 192, 3
"""Side in pixels of the part of a plane on which looks are compared, and at how many places along each axis
it may lie. Conventions: a whole plane would take longer to compare than to fit."""

CLEARLY_BETTER, CLEARLY_WORSE = 1.0, -2.0
"""Standard errors by which one of the two errors must fall for a look at the neighbours, and by which the
other may rise."""

CLEARLY_MOVED, SHORT_STEP = 3.0, 2
"""Standard errors by which one of the two must fall where the neighbours are shifted, as long as each lies
at most so many pixels beside the next: planes of a z-stack are like a scene that moves a little, and fit
better aside by chance. What lies farther aside has drifted, and needs no more than any look does
(docs/benchmarks/stacks.md, "Neighbours that do not belong")."""

JUDGED_BETTER = 3.0
"""Standard errors by which each side must make the nearest plane of the other one better predicted: it was
3.5 and more on planes whose own hidden pixels did not tell, all of which gained (docs/benchmarks/stacks.md,
"Captures of one field")."""

JUDGED_SIDE = 8
"""Side in pixels of the squares over which errors are averaged there: noise is correlated within them. A
convention."""


def in_slots(neighbours: torch.Tensor, slots: int) -> torch.Tensor:
    """Put (K, Y, X) neighbours, half of them before the plane, into as many slots; NaN in those left."""
    before = len(neighbours) // 2
    filled = neighbours.new_full((slots, *neighbours.shape[1:]), torch.nan)
    first = slots // 2 - before
    filled[first : first + len(neighbours)] = neighbours
    return filled


def busiest_part(plane: Floats) -> tuple[slice, slice]:
    """Return where the part of a (Y, X) plane lies that varies most; the whole of a small plane."""
    sides = [min(PART_SIDE, length) for length in plane.shape]
    starts = [
        np.unique(np.linspace(0, length - side, PLACES).astype(int))
        for length, side in zip(plane.shape, sides, strict=True)
    ]
    parts = [
        (slice(top, top + sides[0]), slice(left, left + sides[1]))
        for top in starts[0]
        for left in starts[1]
    ]
    if len(parts) == 1:
        return parts[0]
    return max(parts, key=lambda part: float(np.nan_to_num(np.nanstd(plane[part]))))


def choose_neighbours(run: RunInput[MeasuredSettings], measurement: Measurement, plan: Plan) -> Measurement:
    """Return the measurement with the neighbours that help, and with noise measured by their help.

    Parameters
    ----------
    run : RunInput
        The plane and its neighbours.
    measurement : Measurement
        Of the plane by itself, with all neighbours that may be shown.
    plan : Plan
        For the plane.
    """
    beside = measurement.beside
    if not beside.count or plan.settings.unet_weights != "pretrained":
        return measurement
    blind = _Blind(run, measurement, plan)
    shown, is_moved = beside.unmoved, False
    best = blind.predict(shown)
    if beside.farthest:
        moved = blind.predict(beside.planes)
        least = CLEARLY_MOVED if beside.longest_step <= SHORT_STEP else CLEARLY_BETTER
        if blind.gain(best, moved).exceeds(least):
            shown, is_moved, best = beside.planes, True, moved
    if plan.settings.neighbours == "auto":
        alone = blind.predict(None)
        helps = blind.gain(alone, best).exceeds(CLEARLY_BETTER)
        if not helps and not (plan.correlated and blind.foretells(alone, shown)):
            return replace(measurement, beside=beside.without())
    if measurement.noise.measured and not plan.correlated:
        noise = noise_of_residual(measurement.noise, blind.observed, best, blind.left_out)
        measurement = measurement.with_noise(noise, run.neighbours)
    chosen = measurement.beside
    return measurement if is_moved else replace(measurement, beside=chosen.where_they_were())


@dataclass(frozen=True, slots=True)
class _Gain:
    """By how many standard errors one prediction is better than another."""

    stabilised: float
    intensities: float

    def exceeds(self, least: float) -> bool:
        """Tell whether one of the two is better by so much, and the other no worse than chance."""
        low, high = sorted((self.stabilised, self.intensities))
        return high > least and low > CLEARLY_WORSE


class _Blind:
    """Blind predictions of a part of a plane by the package's weights, in intensities."""

    def __init__(self, run: RunInput[MeasuredSettings], measurement: Measurement, plan: Plan) -> None:
        self.part = busiest_part(measurement.stabilised)
        self.observed = measurement.observed[self.part]
        self.left_out = measurement.left_out[self.part]
        self.stabilised = measurement.stabilised[self.part]
        self.stabiliser = measurement.stabiliser
        self.correlated = plan.correlated
        height, width = self.observed.shape
        self.settings = with_patches(plan.settings, (height, width))
        self.scale = FitScale.of(measurement)
        self.restoration = Restoration(measurement, self.scale, plan.correlated)
        standard = np.nan_to_num(self.scale.apply(self.stabilised), nan=0.0)
        self.noisy = torch.from_numpy(standard).to(run.device)
        self.valid = torch.from_numpy(~self.left_out).to(run.device)

    def predict(self, planes: Floats | None, left_out: Sequence[int] = ()) -> Floats:
        """Return every pixel as predicted without itself, (Y, X), with (K, Y, X) planes beside it.

        Those whose numbers are in `left_out` are not seen.
        """
        beside = None
        if planes is not None:
            given = torch.from_numpy(self.scale.apply(planes[:, *self.part])).to(self.noisy.device)
            given[list(left_out)] = torch.nan
            beside = in_slots(given, 2 * MOST_NEIGHBOURS)
        fit = BlindFit(self.noisy, self.valid, self.settings, beside)
        put_pretrained(fit.network, "correlated" if self.correlated else "white")
        hidden = self.noisy
        for estimate in fit.predict_hidden(fit.network, 1):
            hidden = hidden if estimate is None else estimate[0, 0]
        return self.restoration.invert(hidden.float().cpu().numpy())

    def foretells(self, alone: Floats, planes: Floats) -> bool:
        """Tell whether the planes of each side make the nearest one of the other side better predicted.

        Parameters
        ----------
        alone : ndarray
            (Y, X), intensities of this part as predicted without neighbours.
        planes : ndarray
            (K, Y, X), stabilised neighbours, half of them before the plane.
        """
        half = len(planes) // 2
        there = [number for number in range(len(planes)) if np.isfinite(planes[number][self.part]).any()]
        before, after = [n for n in there if n < half], [n for n in there if n >= half]
        if not before or not after:
            return False
        usual = self.stabiliser.forward(alone)
        for hidden, judge in ((after, after[0]), (before, before[-1])):
            other, noisy = self.stabiliser.forward(self.predict(planes, hidden)), planes[judge][self.part]
            fall = np.where(self.left_out, np.nan, abs(usual - noisy) - abs(other - noisy))
            means = _means_of_squares(fall)
            if len(means) < 2 or means.mean() <= JUDGED_BETTER * means.std() / len(means) ** 0.5:
                return False
        return True

    def gain(self, usual: Floats, other: Floats) -> _Gain:
        """Compare two predictions, (Y, X) intensities each, with the noisy pixels."""
        known = ~self.left_out
        stabiliser, observed = self.stabiliser, self.observed
        noisy = self.stabilised[known]
        # Not squared: where the noise is stronger than was measured, a few pixels would decide.
        falls = [
            abs(stabiliser.forward(usual)[known] - noisy) - abs(stabiliser.forward(other)[known] - noisy),
            (usual - observed)[known] ** 2 - (other - observed)[known] ** 2,
        ]
        errors = [float(fall.std()) / max(len(fall), 1) ** 0.5 for fall in falls]
        return _Gain(
            *(float(fall.mean()) / max(error, 1e-300) for fall, error in zip(falls, errors, strict=True))
        )


def _means_of_squares(image: Floats) -> Floats:
    """Return the means over squares of `JUDGED_SIDE`, (N,), of those without NaN."""
    rows, columns = (side // JUDGED_SIDE for side in image.shape)
    inside = image[: rows * JUDGED_SIDE, : columns * JUDGED_SIDE]
    means = inside.reshape(rows, JUDGED_SIDE, columns, JUDGED_SIDE).mean((1, 3)).ravel()
    found: Floats = means[np.isfinite(means)]
    return found
