"""What is known of a plane before any network is there: its noise, its defects, its stabilised pixels.

How noise is measured belongs to `napari_blindspot.noise`; what a run makes of this to
`napari_blindspot.engine.measured_run` and `napari_blindspot.engine.model_run`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.notices import Notice
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma
from napari_blindspot.noise.defects import find_defects
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.even_lines import without_line_offsets
from napari_blindspot.noise.processed import doubt_about
from napari_blindspot.noise.shared_noise import MOST_SHARED, shared_noise

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.settings import MeasuredSettings

    Floats = npt.NDArray[np.float64]

__all__ = ["Measurement", "measure"]

FLAT_SIGMA = 1e-3
"""Noise that is assumed where none can be seen, relative to the plane's standard deviation."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A plane whose noise was measured and stabilised.

    Attributes
    ----------
    observed : ndarray
        (Y, X), the plane without the offsets of its scan lines.
    left_out : ndarray
        (Y, X) bool, pixels without a value, and those whose value is a defect.
    noise : NoiseModel
        Measured on `observed`.
    stabiliser : Anscombe
        Gives the noise a standard deviation of 1.
    stabilised : ndarray
        (Y, X) float64, what it makes of `observed`; NaN where pixels are left out.
    neighbours : ndarray
        (N, Y, X) float64, stabilised neighbouring planes that the network may see; N may be 0.
    shared_noise : float or None
        Correlation of the noise with that of the neighbours that were given; None where none were asked
        for.
    notices : tuple of Notice
        What was seen.
    """

    observed: npt.NDArray[Any]
    left_out: npt.NDArray[np.bool_]
    noise: NoiseModel
    stabiliser: Anscombe
    stabilised: Floats
    neighbours: Floats
    shared_noise: float | None
    notices: tuple[Notice, ...]

    def stabilised_by(self, stabiliser: Anscombe, neighbours: Floats, notice: Notice) -> Measurement:
        """Return the same plane under another stabiliser, without looking for defects.

        Parameters
        ----------
        stabiliser : Anscombe
            To take instead.
        neighbours : ndarray
            (N, Y, X), as they were given.
        notice : Notice
            Why.
        """
        return replace(
            self,
            stabiliser=stabiliser,
            stabilised=stabiliser.forward(self.observed),
            neighbours=stabiliser.forward(neighbours),
            notices=(*self.notices, notice),
        )


def measure(run: RunInput[MeasuredSettings], *, needs_neighbours: bool = False) -> Measurement:
    """Measure the noise, mend defects, and see whether the neighbours share the noise.

    Parameters
    ----------
    run : RunInput
        The plane and its neighbours.
    needs_neighbours : bool
        Whether the network cannot do without the neighbours, even if they share noise with the plane.
    """
    notices: list[Notice] = []
    mends = run.settings.mend_defects
    observed = run.plane
    if mends:
        observed, evened = without_line_offsets(run.plane)
        if evened is not None:
            notices.append(evened)
    noise = estimate_noise(observed)
    doubt = doubt_about(run.plane, noise)
    if doubt is not None:
        notices.append(doubt)
    stabiliser = Anscombe.of(noise) if noise.measured else _guessed_stabiliser(observed)
    stabilised = stabiliser.forward(observed)
    neighbours = stabiliser.forward(run.neighbours)
    left_out = run.missing
    # Correlated noise came about after the camera, and has spread its defects to their neighbours.
    if mends and noise.measured and not noise.is_correlated:
        defects = find_defects(stabilised)
        if defects.any():
            left_out = left_out | defects
            stabilised[defects] = np.nan
            notices.append(Notice("defects-replaced", {"count": int(defects.sum())}))
    shared = shared_noise(stabilised, neighbours)
    if shared > MOST_SHARED:
        kind = "neighbours-needed" if needs_neighbours else "neighbours-left-out"
        notices.append(Notice(kind, {"correlation": shared}))
        neighbours = neighbours if needs_neighbours else neighbours[:0]
    elif len(neighbours):
        notices.append(Notice("neighbours-seen", {"count": len(neighbours)}, is_warning=False))
    looks_beside = run.settings.neighbours > 0 or len(run.neighbours) > 0
    return Measurement(
        observed=observed,
        left_out=left_out,
        noise=noise,
        stabiliser=stabiliser,
        stabilised=stabilised,
        neighbours=neighbours,
        shared_noise=shared if looks_beside else None,
        notices=tuple(notices),
    )


def _guessed_stabiliser(observed: npt.NDArray[Any]) -> Anscombe:
    """Return a transform for a plane whose noise could not be measured: no stabilisation.

    Its strength is a guess by the finest diagonal differences of the plane, (Y, X).
    """
    y = np.asarray(observed, np.float64)
    sigma = diagonal_sigma(diagonal_differences(y)) or FLAT_SIGMA * float(np.nanstd(y))
    return Anscombe(gain=0.0, offset=sigma**2)
