"""What is known of a plane before any network is there: its noise, its defects, its stabilised pixels.

How noise is measured belongs to `napari_blindspot.noise`; what a run makes of this to
`napari_blindspot.engine.measured_run` and `napari_blindspot.engine.model_run`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.notices import Notice
from napari_blindspot.engine.hardware.side_by_side import side_by_side
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.beside import look_beside
from napari_blindspot.noise.between_planes import correlation_between_planes
from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma
from napari_blindspot.noise.defects import find_defects
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.even_lines import without_line_offsets
from napari_blindspot.noise.processed import doubt_about
from napari_blindspot.noise.scan_lines import LineOffsets, both_ways, line_offsets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.noise.beside import Beside
    from napari_blindspot.settings import MeasuredSettings

    Floats = npt.NDArray[np.float64]
    Planes = Sequence[npt.NDArray[Any]]

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
    beside : Beside
        The stabilised neighbouring planes that the network may see.
    notices : tuple of Notice
        What was seen.
    """

    observed: npt.NDArray[Any]
    left_out: npt.NDArray[np.bool_]
    noise: NoiseModel
    stabiliser: Anscombe
    stabilised: Floats
    beside: Beside
    notices: tuple[Notice, ...]

    @property
    def shared_noise(self) -> float | None:
        """The largest correlation of the noise with a neighbour's; None where there was none to look at."""
        return self.beside.shared_noise if self.beside.given else None

    def with_noise(self, noise: NoiseModel, neighbours: Planes) -> Measurement:
        """Return the same plane with noise that was measured again; `neighbours` are as they were given."""
        stabiliser = Anscombe.of(noise)
        stabilised = self._stabilised_by(stabiliser)
        beside = self.beside.under(stabilised, neighbours, stabiliser.forward)
        return replace(self, noise=noise, stabiliser=stabiliser, stabilised=stabilised, beside=beside)

    def stabilised_by(self, stabiliser: Anscombe, neighbours: Planes, notice: Notice) -> Measurement:
        """Return the same plane under another stabiliser, without looking for defects.

        Parameters
        ----------
        stabiliser : Anscombe
            To take instead.
        neighbours : sequence of ndarray
            (Y, X) each, as they were given.
        notice : Notice
            Why.
        """
        stabilised = self._stabilised_by(stabiliser)
        beside = look_beside(stabilised, neighbours, stabiliser.forward)
        notices = (*self.notices, notice)
        return replace(self, stabiliser=stabiliser, stabilised=stabilised, beside=beside, notices=notices)

    def _stabilised_by(self, stabiliser: Anscombe) -> Floats:
        stabilised = stabiliser.forward(self.observed)
        stabilised[self.left_out] = np.nan
        return stabilised


def measure(run: RunInput[MeasuredSettings]) -> Measurement:
    """Measure the noise, mend defects, and see which neighbours may be looked at.

    Parameters
    ----------
    run : RunInput
        The plane and its neighbours.
    """
    notices: list[Notice] = []
    mends = run.settings.mend_defects
    observed, noise, evened = _with_even_lines(run.plane) if mends else _as_it_is(run.plane)
    notices.extend(evened)
    doubt = doubt_about(run.plane, noise)
    if doubt is not None:
        notices.append(doubt)
    stabiliser = Anscombe.of(noise) if noise.measured else _guessed_stabiliser(observed)
    stabilised = stabiliser.forward(observed)
    left_out = run.missing
    # Correlated noise came about after the camera, and has spread its defects to their neighbours.
    if mends and noise.measured and not noise.is_correlated:
        defects = find_defects(stabilised)
        if defects.any():
            left_out = left_out | defects
            stabilised[defects] = np.nan
            notices.append(Notice("defects-replaced", {"count": int(defects.sum())}))
    beside = look_beside(stabilised, run.neighbours, stabiliser.forward)
    if noise.measured and beside.count:
        noise = correlation_between_planes(noise, stabilised, beside.planes)
    if beside.sharing:
        values = {"count": beside.sharing, "correlation": beside.shared_noise}
        notices.append(Notice("neighbours-sharing", values))
    if beside.foreign:
        notices.append(Notice("neighbours-foreign", {"count": beside.foreign}))
    return Measurement(
        observed=observed,
        left_out=left_out,
        noise=noise,
        stabiliser=stabiliser,
        stabilised=stabilised,
        beside=beside,
        notices=tuple(notices),
    )


def _as_it_is(plane: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], NoiseModel, tuple[Notice, ...]]:
    """Return a plane, (Y, X), its noise, and nothing to say."""
    return plane, estimate_noise(plane), ()


def _with_even_lines(plane: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], NoiseModel, tuple[Notice, ...]]:
    """Return a plane, (Y, X), without the offsets of its lines, its noise, and what was taken out.

    The noise is measured meanwhile, as if there were none: there hardly ever are any.
    """
    searches = [functools.partial(line_offsets, lines) for lines in both_ways(plane)]
    measured: list[Callable[[], Any]] = [*searches, functools.partial(estimate_noise, plane)]
    rows, columns, noise = side_by_side(measured, torch.device("cpu"))
    observed, evened = without_line_offsets(plane, LineOffsets(rows, columns))
    if evened is None:
        return plane, noise, ()
    return observed, estimate_noise(observed), (evened,)


def _guessed_stabiliser(observed: npt.NDArray[Any]) -> Anscombe:
    """Return a transform for a plane whose noise could not be measured: no stabilisation.

    Its strength is a guess by the finest diagonal differences of the plane, (Y, X).
    """
    y = np.asarray(observed, np.float64)
    sigma = diagonal_sigma(diagonal_differences(y)) or FLAT_SIGMA * float(np.nanstd(y))
    return Anscombe(gain=0.0, offset=sigma**2)
