"""A run of the presets that measure the noise: measure, plan, fit blindly, predict, refine, restore.

The steps are in `napari_blindspot.engine.networks`; applying a model as it is belongs to
`napari_blindspot.engine.model_run`.
"""

from __future__ import annotations

import copy
from importlib.metadata import version
from itertools import takewhile
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.events import Cancelled
from napari_blindspot.core.model import FittedImage, InrBase, Model
from napari_blindspot.engine.blind_fit import BlindLoss
from napari_blindspot.engine.estimate import Estimate
from napari_blindspot.engine.first_look import look_first
from napari_blindspot.engine.fusion import local_sigma, wiener
from napari_blindspot.engine.hardware.heap import trim_heap
from napari_blindspot.engine.held_out import HeldOut
from napari_blindspot.engine.networks import finished, iterate, predict, prepare, started
from napari_blindspot.engine.refinement import RefinementLoss
from napari_blindspot.engine.second_opinion import consult
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.engine.warm_start import WARM_RATE, learned_much, suits
from napari_blindspot.method.weights import take_weights
from napari_blindspot.noise.gap_choice import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_blindspot.core.events import Event
    from napari_blindspot.engine.first_look import FirstLook
    from napari_blindspot.engine.measurement import Measurement
    from napari_blindspot.engine.networks import Networks
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import MeasuredSettings

    Run = RunInput[MeasuredSettings]

__all__ = ["measured_run", "plan_of_model"]

GAP_TO_SHOW = 2
"""Gap in pixels from which on the refinement starts from a prediction with every pixel shown: across a
narrower one a network has learned to keep noise. docs/benchmarks/fibres.md has both."""

REFINE_RATE = 0.5
"""Learning rate of the refinement, relative to that of the fit."""

LARGE_PLANE = 1024**2
"""Pixels from which on memory is handed back between the phases: that saves little on smaller planes, which
need the same memory again at once."""

FIT_MEMORY, REFINE_MEMORY = 0.99, 0.98
"""Memory of the running means of weights."""


def measured_run(
    run: Run, model: Model | None, looked: Callable[[], FirstLook] | None = None
) -> Generator[Event, None, None]:
    """Denoise a plane by the noise that is measured on it, and yield the events of that.

    Parameters
    ----------
    run : RunInput
        The plane, the settings and the device.
    model : Model or None
        Networks of another plane to start from; dropped where they do not suit, or are no help.
    looked : callable, optional
        Waits for a first look that was begun before.
    """
    _let_go(run)
    with run.watch.clock.phase("measuring the noise"):
        look = look_first(run) if looked is None else looked()
        measurement, plan = look.measurement, look.plan
        # Not held beside the networks, which have the neighbours' pixels.
        del look, looked
        if model is not None and suits(model, plan, measurement):
            # The gap is not chosen anew for every plane.
            plan = plan_of_model(run, measurement, model)
        else:
            model = None
    networks = prepare(run, measurement, plan, model)
    if model is None:
        # They are not prepared again, so that the pixels of the neighbours are let go of.
        measurement = networks.measurement
    _let_go(run)
    yield started(run, networks)
    trainer = yield from _fit_blindly(run, networks, warm=model is not None)
    if model is not None and not run.watch.interrupted:
        if learned_much(networks.losses.of("denoising"), networks.sigma):
            model = None
            plan = make_plan(measurement.observed, measurement.noise, run.settings)
            networks = prepare(run, measurement, plan, None)
            trainer = yield from _fit_blindly(run, networks, warm=False)
    _let_go(run)
    estimate = yield from _refined(run, networks, trainer)
    _let_go(run)
    estimate = yield from consult(run, networks, estimate)
    networks.teach_inr(estimate.image)
    if run.watch.control.cancelled:
        yield Cancelled()
        return
    yield finished(
        run, networks, estimate, _model_of(run, networks, estimate), "anew" if model is None else "warm"
    )


def plan_of_model(run: Run, measurement: Measurement, model: Model) -> Plan:
    """Return the plan for a plane whose networks come from another: what the noise decided there holds."""
    kept = {
        name: getattr(model.settings, name) for name in ("gap", "visible_fraction", "refine_iterations")
    }
    return make_plan(measurement.observed, measurement.noise, run.settings.model_copy(update=kept))


def _fit_blindly(run: Run, networks: Networks, *, warm: bool) -> Generator[Event, None, Trainer]:
    """Train with the blind-spot loss for as long as it is worth it, and return the last trainer."""
    schedule, rate = networks.schedule, networks.settings.unet_learning_rate
    if warm or networks.settings.unet_weights == "pretrained":
        rate *= WARM_RATE
    held_out = None
    if len(schedule.legs) > 1:
        with run.watch.clock.phase("blind fit"):
            held_out = HeldOut(networks)
    loss = BlindLoss(networks.fit, None if held_out is None else held_out.learned)
    network, left = networks.fit.network, list(schedule.legs)
    while True:
        trainer = Trainer(network, left[0], rate, FIT_MEMORY)
        yield from iterate(run, networks, trainer, loss, left.pop(0), "blind fit")
        if not left or held_out is None or run.watch.interrupted:
            return trainer
        with run.watch.clock.phase("blind fit"):
            more = held_out.gained(trainer.mean)
        if not more:
            networks.losses.expect(sum(schedule.rounds))
            return trainer
        network = copy.deepcopy(trainer.mean).requires_grad_(True)


def _refined(run: Run, networks: Networks, trainer: Trainer) -> Generator[Event, None, Estimate]:
    """Refine, and once more where the noise is stronger in places than its model says."""
    estimate = yield from _refine(run, networks, trainer)
    uneven = networks.unevenness(estimate)
    if uneven is None or run.watch.interrupted:
        return estimate
    networks.losses.extend(sum(networks.schedule.rounds))
    return (yield from _refine(run, networks, trainer, uneven))


def _refine(
    run: Run, networks: Networks, trainer: Trainer, uneven: torch.Tensor | None = None
) -> Generator[Event, None, Estimate]:
    """Predict blindly, refine in rounds, and return the estimate.

    `uneven` is that of an `Estimate`.
    """
    settings, rounds = networks.settings, tuple(takewhile(bool, networks.schedule.rounds))
    blind = refined = trainer.mean
    refines = bool(rounds) and not run.watch.control.stopping
    # A network that was never shown a pixel with its noise does not take fine structure for noise, and its
    # estimate keeps what a prediction from afar has lost. Noise that it keeps as well is of this plane, not
    # of the noise that is put on, so that the refinement does not learn it.
    shown = refines and networks.plan.settings.gap >= GAP_TO_SHOW
    # One symmetry is enough for what is only a target: more of them change the result by 0.01 dB.
    symmetries = 1 if refines else settings.symmetries
    first = image = yield from predict(run, networks, blind, symmetries, hidden=not shown)
    networks.teach_inr(image)
    for number, iterations in enumerate(rounds, start=1):
        if run.watch.interrupted:
            break
        with run.watch.clock.phase("refinement"):
            _let_go(run)
            target = image if number == 1 else (first + image) / 2
            loss = _refinement_loss(networks, target, uneven)
            trainer = Trainer(
                copy.deepcopy(refined).requires_grad_(True),
                iterations,
                REFINE_RATE * settings.unet_learning_rate,
                REFINE_MEMORY,
            )
        yield from iterate(run, networks, trainer, loss, iterations, "refinement")
        del loss
        _let_go(run)
        refined = trainer.mean
        last = number == len(rounds) or run.watch.interrupted
        symmetries = settings.symmetries if last else 1
        image = yield from predict(run, networks, refined, symmetries, announce=last)
        networks.teach_inr(image)
    return Estimate(image, first, blind, refined, uneven=uneven)


def _refinement_loss(
    networks: Networks, image: torch.Tensor, uneven: torch.Tensor | None
) -> RefinementLoss:
    """Return the loss of a round that begins with the estimate `image`, (1, 1, Y, X)."""
    fit = networks.fit
    sigma = local_sigma(fit.noisy, image, fit.valid, networks.sigma, uneven)
    measured = networks.restoration.correlation
    if measured is None:
        return RefinementLoss(fit, wiener(fit.noisy, image, sigma, fit.valid), image, sigma, None)
    correlation = torch.from_numpy(measured).to(fit.device, torch.float32)
    return RefinementLoss(fit, image, image, sigma, correlation)


def _let_go(run: Run) -> None:
    """Hand what the phase before has used to the system, where it is much."""
    if run.plane.size >= LARGE_PLANE:
        trim_heap()


def _model_of(run: Run, networks: Networks, estimate: Estimate) -> Model:
    """Take the networks out."""
    scale, stabiliser = networks.restoration.scale, networks.measurement.stabiliser
    parts, base = {"blind.": estimate.blind, "refined.": estimate.refined}, estimate.image[0, 0]
    if networks.inr is not None:
        parts["inr."], base = networks.inr.siren, networks.inr.base
    return Model(
        settings=networks.settings,
        weights=take_weights(parts),
        mean=scale.mean,
        scale=scale.scale,
        noise=networks.measurement.noise,
        inr_base=InrBase(base.float().cpu().numpy().copy(), stabiliser.gain, stabiliser.offset),
        fitted_to=FittedImage(
            shape=run.plane.shape, dtype=run.plane.dtype.name, version=version("napari-blindspot")
        ),
    )
