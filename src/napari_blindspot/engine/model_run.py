"""A run that learns nothing: the networks of another plane, applied as they are."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_blindspot.core.events import Cancelled
from napari_blindspot.core.notices import Notice
from napari_blindspot.engine.estimate import Estimate
from napari_blindspot.engine.measured_run import plan_of_model
from napari_blindspot.engine.measurement import measure
from napari_blindspot.engine.model_likeness import ModelLikeness
from napari_blindspot.engine.neighbour_choice import choose_neighbours
from napari_blindspot.engine.networks import finished, predict, prepare, started
from napari_blindspot.engine.restoration import FitScale
from napari_blindspot.engine.run import LossRecord
from napari_blindspot.engine.second_opinion import consult
from napari_blindspot.method.weights import count_neighbours, put_weights
from napari_blindspot.noise.anscombe import Anscombe

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.engine.networks import Networks
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.settings import MeasuredSettings

    Run = RunInput[MeasuredSettings]

__all__ = ["model_run"]


def model_run(run: Run, model: Model) -> Generator[Event, None, None]:
    """Predict with a model; only the plane's noise is measured, for the stabilisation."""
    with run.watch.clock.phase("measuring the noise"):
        measurement = measure(run)
        if not measurement.noise.measured and model.noise.measured:
            measurement = measurement.stabilised_by(
                Anscombe.of(model.noise), run.neighbours, Notice("noise-of-the-model")
            )
        if measurement.noise.measured:
            like = ModelLikeness.of(FitScale.of(measurement), measurement.noise, model)
            measurement = replace(measurement, notices=(*measurement.notices, *like.notices))
        plan = plan_of_model(run, measurement, model)
        if count_neighbours(model.weights):
            measurement = choose_neighbours(run, measurement, plan)
    networks = prepare(run, measurement, plan, model, apply_only=True)
    del measurement
    yield started(run, networks)
    estimate = yield from _predict(run, networks, model)
    estimate = yield from consult(run, networks, estimate)
    networks.teach_inr(estimate.image)
    if run.watch.control.cancelled:
        yield Cancelled()
        return
    yield finished(run, networks, estimate, model, "model")


def _predict(run: Run, networks: Networks, model: Model) -> Generator[Event, None, Estimate]:
    """Predict with the model's networks, and let the INR learn the estimate."""
    blind = networks.fit.network.requires_grad_(False)
    refined = copy.deepcopy(blind)
    put_weights(blind, model.weights, "blind.")
    refines, symmetries = any(networks.settings.refine_iterations), networks.settings.symmetries
    if refines and networks.plan.correlated:
        # Nothing is made of a blind prediction where noise is correlated.
        first = image = yield from predict(run, networks, refined, symmetries, announce=True)
    else:
        first = image = yield from predict(
            run, networks, blind, 1 if refines else symmetries, hidden=True, announce=not refines
        )
        if refines:
            image = yield from predict(run, networks, refined, symmetries, announce=True)
    networks.teach_inr(image)
    if networks.inr is not None:
        unread = LossRecord(1, run.device)
        with run.watch.clock.phase("INR"):
            for _ in range(networks.schedule.inr_iterations):
                networks.inr.step(unread)
    estimate = Estimate(image, first, blind, refined)
    return replace(estimate, uneven=networks.unevenness(estimate))
