"""How like a plane is to the one that a model was fitted to: by its contrast, and by its noise.

A model brings its own scale: noise of any strength is brought to that of the model's plane before the
networks see it. What they cannot be brought to is structure that stands out of the noise more or less than
they have learned, and noise whose neighbouring pixels share more or less of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.notices import Notice

if TYPE_CHECKING:
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.engine.restoration import FitScale

__all__ = ["ModelLikeness"]

MOST_CONTRAST = 3.0
"""Factor of contrasts, either way, above which it is said that a plane is unlike: up to there a model costs
0.6 dB at most (docs/benchmarks/models.md)."""

MOST_CORRELATION = 0.4
"""Difference of the correlations of next pixels above which it is said: there a model costs 5 dB and more
(docs/benchmarks/models.md)."""


@dataclass(frozen=True, slots=True)
class ModelLikeness:
    """What a plane has in common with that of a model.

    Attributes
    ----------
    contrast : float
        How far the plane's pixels vary, in standard deviations of its noise, relative to those of the
        model's plane.
    correlation : float
        Correlation of the noise of next pixels, less that of the model's plane; 0 where either was not
        measured.
    here, there : float
        Both correlations.
    """

    contrast: float
    correlation: float
    here: float = 0.0
    there: float = 0.0

    @classmethod
    def of(cls, scale: FitScale, noise: NoiseModel, model: Model) -> ModelLikeness:
        """Compare.

        Parameters
        ----------
        scale : FitScale
            That the plane would have in a fit of its own.
        noise : NoiseModel
            Measured on the plane.
        model : Model
            Fitted to the other one.
        """
        here, there = noise.neighbour_correlation, model.noise.neighbour_correlation
        both = noise.measured and model.noise.measured
        return cls(scale.scale / model.scale, here - there if both else 0.0, here, there)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is clearly different."""
        found = []
        if not 1 / MOST_CONTRAST <= self.contrast <= MOST_CONTRAST:
            values = {"factor": max(self.contrast, 1 / self.contrast), "more": self.contrast > 1}
            found.append(Notice("contrast-unlike-model", values))
        if abs(self.correlation) > MOST_CORRELATION:
            found.append(Notice("correlation-unlike-model", {"here": self.here, "there": self.there}))
        return tuple(found)
