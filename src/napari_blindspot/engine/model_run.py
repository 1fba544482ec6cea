"""A run that learns nothing: the networks of another plane, applied as they are."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import ImageError
from napari_blindspot.engine.measured_run import MeasuredRun
from napari_blindspot.engine.warm_start import load_weights, network_inputs
from napari_blindspot.noise.anscombe import Anscombe

if TYPE_CHECKING:
    from typing import Any

    from napari_blindspot.core.model import Model
    from napari_blindspot.core.result import Start

__all__ = ["AppliedRun"]

LESSONS = 60
"""Steps in which F_φ, starting from the model's, learns the estimate."""


class AppliedRun(MeasuredRun):
    """Predict with a model; the plane's own noise is measured for the stabilisation."""

    start: Model

    def _distrust_neighbours(self) -> None:
        """Say what is wrong with the neighbours; the model cannot do without them."""
        self.warnings.append(
            f"The neighbouring planes share noise with this one (correlation {self.shared:.2f}), but the "
            "model needs them, so some of that noise is left."
        )

    def _choose_start(self) -> None:
        """Keep the model whatever the plane is like; only what it must see must be there."""
        needed = network_inputs(self.start) - 2
        if len(self.beside) != needed:
            raise ImageError(
                f"The model looks at {needed} neighbouring planes, but {len(self.beside)} were given."
            )
        seen = self.start.noise
        if not self.noise.measured and seen["measured"]:
            self._stabilise(Anscombe(seen["gain"], seen["offset"]))
            self.warnings.append("The noise of this plane could not be measured, so the model's was taken.")
        self._keep_plan()

    @property
    def _blind_iterations(self) -> int:
        return 0

    @property
    def _lessons(self) -> int:
        return LESSONS

    def _estimate(self) -> Any:
        self.blind = self.fit.network.requires_grad_(False)
        self.refined = copy.deepcopy(self.blind)
        load_weights(self.blind, self.start.weights, "blind.")
        refined = any(self.settings.refine_iterations or ())
        self.hidden = yield from self._predict(
            self.blind, 1 if refined else self.settings.passes, hidden=True, announce=not refined
        )
        estimate = self.hidden
        if refined:
            estimate = yield from self._predict(self.refined, self.settings.passes, announce=True)
        self.inr.estimate = estimate.flatten()
        for _ in range(LESSONS):
            self.inr.step(self.losses.new_empty(3))
        return estimate

    @property
    def _origin(self) -> Start:
        return "model"

    def _model(self) -> Model:
        return self.start
