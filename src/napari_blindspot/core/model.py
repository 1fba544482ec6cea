"""Fitted networks on their own, as plain data: taken out of a run, applied to other planes.

Reading and writing them belongs to `napari_blindspot.files.model_file`, fitting and applying them to
`napari_blindspot.engine`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.settings import PlannedSettings

__all__ = ["Model"]


@dataclass(frozen=True, slots=True)
class Model:
    """What a fit of one plane has learned, without its pixels.

    Attributes
    ----------
    settings : PlannedSettings
        Of the run, with everything filled in that the noise decided.
    weights : mapping of str to ndarray
        float32 arrays, named ``blind.…`` (D_θ after the blind fit), ``refined.…`` (after the refinement;
        the same as before where there was none) and ``inr.…`` (F_φ).
    mean, scale : float
        What was subtracted from the stabilised plane, and what it was divided by: the networks are only
        right on this scale. Stabilised noise has a standard deviation of 1, which became 1 / scale.
    noise : NoiseModel
        The measured noise of the plane.
    plane : tuple of int
        Index of the plane in its stack; empty if it was alone.
    """

    settings: PlannedSettings
    weights: Mapping[str, npt.NDArray[np.float32]] = field(repr=False)
    mean: float
    scale: float
    noise: NoiseModel
    plane: tuple[int, ...] = ()
