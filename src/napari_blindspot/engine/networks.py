"""Both networks of a measured run on one plane, and the steps that all such runs are made of.

In which order a run takes the steps is in `napari_blindspot.engine.measured_run` and
`napari_blindspot.engine.model_run`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.events import Finished, Predicting, Preview, Started, Step
from napari_blindspot.core.images import with_derived
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.result import Result
from napari_blindspot.engine.blind_fit import BlindFit
from napari_blindspot.engine.fusion import guard, local_sigma
from napari_blindspot.engine.hardware.cuda_graph import StepReplay
from napari_blindspot.engine.hardware.side_by_side import side_by_side
from napari_blindspot.engine.inr_fit import InrFit
from napari_blindspot.engine.neighbour_choice import in_slots
from napari_blindspot.engine.restoration import FitScale, Restoration
from napari_blindspot.engine.run import LossRecord, image_of_plane
from napari_blindspot.engine.schedule import INR_EVERY, INR_IN_REFINEMENT, Schedule, with_patches
from napari_blindspot.engine.steeper_noise import steepness
from napari_blindspot.engine.uneven_noise import unevenness
from napari_blindspot.engine.warm_start import WARM_RATE
from napari_blindspot.method.weights import count_neighbours, put_pretrained, put_weights
from napari_blindspot.settings import MOST_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    import numpy.typing as npt
    from torch import nn

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.result import Origin
    from napari_blindspot.engine.blind_fit import PatchLoss
    from napari_blindspot.engine.estimate import Estimate
    from napari_blindspot.engine.measurement import Measurement
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.engine.trainer import Trainer
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import MeasuredSettings, PlannedSettings

    Run = RunInput[MeasuredSettings]

__all__ = [
    "Networks",
    "finished",
    "iterate",
    "learn_inr",
    "predict",
    "prepare",
    "started",
    "step_of",
]

PASSES_SHARE = 10
"""The passes of a prediction take about as long as this part of the iterations."""


@dataclass(frozen=True, slots=True)
class Networks:
    """What a run works with, once its plane is measured and its settings are planned.

    Attributes
    ----------
    settings : PlannedSettings
        Of this plane.
    plan : Plan
        Where they come from.
    schedule : Schedule
        How long each phase is.
    measurement : Measurement
        Of the plane, without the pixels of its neighbours.
    restoration : Restoration
        The way back to intensities.
    fit : BlindFit
        D_θ and what it sees.
    inr : InrFit or None
        F_φ; None where it is fitted later.
    losses : LossRecord
        Of the iterations so far.
    """

    settings: PlannedSettings
    plan: Plan
    schedule: Schedule
    measurement: Measurement
    restoration: Restoration
    fit: BlindFit
    inr: InrFit | None
    losses: LossRecord

    @property
    def sigma(self) -> float:
        """The noise's standard deviation on the scale of the fit."""
        return self.restoration.scale.sigma

    @property
    def neighbours(self) -> int:
        """How many neighbouring planes D_θ sees."""
        return int(self.fit.neighbours.isfinite().any(dim=-1).any(dim=-1).sum())

    def unevenness(self, estimate: Estimate) -> torch.Tensor | None:
        """Return by how much the noise exceeds its model at every pixel; None where it does not."""
        fit, image, first = self.fit, estimate.image, estimate.first
        if self.plan.correlated or not self.measurement.noise.measured:
            return None
        places = unevenness(fit.noisy, image, first, self.sigma, fit.valid)
        return steepness(self.restoration, image, first) if places is None else places

    def teach_inr(self, estimate: torch.Tensor) -> None:
        """Let F_φ stand on D_θ's estimate, (1, 1, Y, X), and learn from it."""
        if self.inr is not None:
            self.inr.estimate = estimate.flatten()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was chosen and seen before the fit."""
        beside, seen = self.measurement.beside, self.neighbours
        chosen: tuple[Notice, ...] = ()
        if seen:
            values = {"count": seen, "shift": beside.farthest}
            chosen = (Notice("neighbours-seen", values, is_warning=False),)
        elif beside.given > beside.foreign + beside.sharing:
            chosen = (Notice("neighbours-no-help", {}, is_warning=False),)
        return (self.plan.notice, *self.measurement.notices, *chosen)


def prepare(
    run: Run, measurement: Measurement, plan: Plan, model: Model | None, *, apply_only: bool = False
) -> Networks:
    """Put the plane on the scale of the fit and on the device, and make the networks.

    Parameters
    ----------
    run : RunInput
        The plane and the device.
    measurement : Measurement
        Of the plane.
    plan : Plan
        For the plane.
    model : Model or None
        Whose weights the networks start from; those of this package, or random ones, if there is none.
    apply_only : bool
        Whether the model is not fitted further.
    """
    settings = with_patches(plan.settings, run.shape)
    scale = FitScale.of(measurement) if model is None else FitScale(model.mean, model.scale)
    noisy = torch.from_numpy(np.nan_to_num(scale.apply(measurement.stabilised), nan=0.0)).to(run.device)
    valid = torch.from_numpy(~measurement.left_out).to(run.device)
    fit = BlindFit(noisy, valid, settings, _neighbours(measurement, model, scale).to(run.device))
    schedule = (
        Schedule.of_model() if apply_only else Schedule.of(settings, run.shape, warm=model is not None)
    )
    if model is not None:
        # Where noise is correlated, the refined network has unlearned to do without the pixel.
        put_weights(fit.network, model.weights, "blind." if plan.correlated else "refined.")
    elif settings.unet_weights == "pretrained":
        put_pretrained(fit.network, "correlated" if plan.correlated else "white")
    seen = replace(measurement, beside=measurement.beside.without_pixels())
    return Networks(
        settings=settings,
        plan=plan,
        schedule=schedule,
        measurement=seen,
        restoration=Restoration(seen, scale, plan.correlated),
        fit=fit,
        inr=None if run.inr_later else _inr_beside(fit, model, schedule),
        losses=LossRecord(schedule.iterations, run.device),
    )


def _inr_beside(fit: BlindFit, model: Model | None, schedule: Schedule) -> InrFit:
    """Return F_φ that learns while D_θ does, from the weights of a model if that has some."""
    settings = fit.settings
    rate = settings.inr_learning_rate * (1.0 if model is None else WARM_RATE)
    inr = InrFit(
        fit.noisy[0, 0],
        fit.valid[0, 0],
        fit.fill[0, 0],
        settings.model_copy(update={"inr_learning_rate": rate}),
        schedule.inr_iterations,
        # Its own, because the U-Net draws meanwhile.
        torch.Generator(fit.device).manual_seed(settings.seed + 1),
        fit.compromises,
    )
    if model is not None and model.has_inr:
        put_weights(inr.siren, model.weights, "inr.")
    return inr


def _neighbours(measurement: Measurement, model: Model | None, scale: FitScale) -> torch.Tensor:
    """Return the neighbours that the network sees, in their slots; (0, Y, X) where there are none."""
    given = torch.from_numpy(scale.apply(measurement.beside.planes))
    slots = count_neighbours(model.weights) if model is not None else 2 * MOST_NEIGHBOURS
    if not slots or (model is None and not measurement.beside.count):
        return given[:0]
    return in_slots(given, slots)


def started(run: Run, networks: Networks) -> Started:
    """Say what is about to begin."""
    both = [networks.fit.network, *([] if networks.inr is None else [networks.inr.siren])]
    return Started(
        settings=networks.settings,
        shape=run.shape,
        device=run.device_name,
        parameters=sum(p.numel() for network in both for p in network.parameters()),
        notices=(*networks.notices, *run.notices),
    )


def iterate(
    run: Run, networks: Networks, trainer: Trainer, loss: PatchLoss, iterations: int, phase: str
) -> Generator[Event, None, None]:
    """Iterate until the end of a phase or until asked to stop; the INR learns beside the U-Net.

    Parameters
    ----------
    run, networks
        At work.
    trainer : Trainer
        Of the U-Net.
    loss : PatchLoss
        What it makes small.
    iterations : int
        How many.
    phase : str
        What they are called among the phases of the result.
    """
    fit, losses, watch = networks.fit, networks.losses, run.watch
    replay = StepReplay(fit.generator, fit.compromises)
    beside = None if networks.inr is None else functools.partial(learn_inr, networks, networks.inr)
    for _ in range(iterations):
        if watch.interrupted:
            return
        with watch.clock.phase(phase):
            losses.write("denoising", fit.learn(trainer, loss, replay, beside))
        losses.done += 1
        if watch.report_due() or losses.done in (1, losses.total):
            yield step_of(run, networks)
        if watch.preview_due():
            with watch.previewing():
                preview = _preview(run, networks, trainer.mean)
            yield preview
        yield from watch.wait_while_paused(losses.done)


def learn_inr(networks: Networks, inr: InrFit) -> None:
    """Let the INR take as many iterations as belong to the one of the U-Net at work."""
    losses = networks.losses
    learns_noisy_pixels = losses.done < sum(networks.schedule.legs[:1]) and losses.done % INR_EVERY == 0
    iterations = 1 if learns_noisy_pixels else 0
    if inr.estimate is not None:
        iterations = INR_IN_REFINEMENT
    if iterations == 0:
        losses.repeat("inr")
    for _ in range(iterations):
        inr.step(losses)


def predict(
    run: Run,
    networks: Networks,
    network: nn.Module,
    symmetries: int,
    *,
    hidden: bool = False,
    announce: bool = False,
) -> Generator[Event, None, torch.Tensor]:
    """Average over the symmetries and return the estimate, (1, 1, Y, X).

    Parameters
    ----------
    run, networks
        At work.
    network : Module
        The denoiser.
    symmetries : int
        How many.
    hidden : bool
        Whether every pixel is predicted while it is hidden.
    announce : bool
        Whether the passes are reported, because they are the last ones.
    """
    fit, watch = networks.fit, run.watch
    passes = fit.passes(symmetries, hidden=hidden)
    phase = "blind prediction" if hidden else "prediction"
    start, done = watch.clock.elapsed, 0
    estimates = (fit.predict_hidden if hidden else fit.predict_seen)(network, symmetries)
    while True:
        with watch.clock.phase(phase):
            estimate = next(estimates)
        if watch.control.cancelled:
            return fit.noisy
        if estimate is not None:
            return estimate
        done += 1
        elapsed = watch.clock.elapsed
        if announce:
            remaining = (elapsed - start) / done * (passes - done)
            yield Predicting(done=done, passes=passes, elapsed=elapsed, remaining=remaining)
        elif networks.losses.done and watch.report_due():
            yield step_of(run, networks)
        yield from watch.wait_while_paused(networks.losses.done)


def finished(run: Run, networks: Networks, estimate: Estimate, model: Model, origin: Origin) -> Finished:
    """Bring the estimate back to intensities and put the result together."""
    fit, clock, restoration = networks.fit, run.watch.clock, networks.restoration
    first = estimate.first[0, 0].float().cpu().numpy()
    restore = functools.partial(restoration.restore, hidden=first)

    def denoised() -> npt.NDArray[Any]:
        sigma = local_sigma(fit.noisy, estimate.image, fit.valid, networks.sigma, estimate.uneven)
        beyond = restoration.correlation, restoration.excess_kurtosis(estimate.image, sigma)
        image = guard(fit.noisy, estimate.image, sigma, fit.valid, *beyond)
        return image_of_plane(run.plane, image[0, 0], restore, run.output_dtype)

    with clock.phase("intensities given back"):
        images = _images(run, networks, denoised, run.output_dtype)
    measurement = networks.measurement
    return Finished(
        model=model,
        result=Result(
            images=with_derived(run.plane, images),
            settings=networks.settings,
            history=networks.losses.history(),
            iterations=networks.losses.done,
            planned_iterations=networks.losses.total,
            passes=networks.settings.symmetries,
            seconds=clock.elapsed,
            phases=dict(clock.phases),
            device=run.device_name,
            stopped=run.watch.control.stopping,
            notices=(*networks.notices, *estimate.notices, *fit.compromises.values(), *run.missing_notices),
            noise=measurement.noise,
            neighbours=networks.neighbours,
            shared_noise=measurement.shared_noise,
            origin=origin,
            noisy=run.plane,
        ),
    )


def step_of(run: Run, networks: Networks) -> Step:
    """Say how far a run is; what came before the fit tells nothing of how long its iterations take."""
    losses, clock = networks.losses, run.watch.clock
    ahead = losses.total - losses.done + losses.total / PASSES_SHARE
    return Step(
        iteration=losses.done,
        iterations=losses.total,
        losses=losses.latest(),
        elapsed=clock.elapsed,
        remaining=clock.elapsed_without("measuring the noise") / max(1, losses.done) * ahead,
    )


def _preview(run: Run, networks: Networks, network: nn.Module) -> Preview:
    """Show what there is of both networks by one pass each; neither draws a random number."""
    fit, restore = networks.fit, networks.restoration.invert

    def denoised() -> npt.NDArray[Any]:
        image = fit.apply_tiled(network, fit.noisy, fit.valid, fit.neighbours)[0, 0]
        return image_of_plane(run.plane, image, restore)

    images = _images(run, networks, denoised, np.dtype(np.float32))
    return Preview(iteration=networks.losses.done, images=with_derived(run.plane, images))


@torch.no_grad()
def _images(
    run: Run, networks: Networks, denoised: Callable[[], npt.NDArray[Any]], dtype: np.dtype[Any]
) -> dict[str, npt.NDArray[Any]]:
    """Make the image of the U-Net as `denoised` says, and that of the INR beside it where there is one."""
    makers, inr, restoration = {"denoised": denoised}, networks.inr, networks.restoration
    if inr is not None:
        makers["inr"] = lambda: image_of_plane(run.plane, inr.image(), restoration.invert, dtype)
    return dict(zip(makers, side_by_side(list(makers.values()), run.device), strict=True))
