"""A run of the presets that measure the noise: stabilise, fit blindly, refine, give local means back."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.events import Cancelled, Finished, Predicting, Preview, Started
from napari_blindspot.core.model import Model
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.engine.calibrate import calibrate
from napari_blindspot.engine.hardware.cuda_graph import Replay
from napari_blindspot.engine.inr_fit import ImplicitFit
from napari_blindspot.engine.measurement import StabilisedRun
from napari_blindspot.engine.refinement import Refinement, guard, local_sigma, wiener
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.engine.warm_start import (
    WARM_RATE,
    WARM_SHARE,
    learned_much,
    load_pretrained,
    load_weights,
    suits,
    take_weights,
)
from napari_blindspot.noise.gap_choice import blind_iterations, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.result import Start
    from napari_blindspot.engine.blind_fit import Loss
    from napari_blindspot.method.compact_unet import CompactUNet
    from napari_blindspot.settings import Settings

__all__ = ["MeasuredRun"]

REFINE_RATE = 0.5
"""Learning rate of the refinement, relative to that of the fit."""

LESSON_EVERY = 20
"""Steps of the blind fit for each one of the INR, which learns the noisy pixels then, and fewer suffice."""

LESSONS = 1
"""Steps of the INR for each one of the refinement, when it has an estimate to learn from."""

FIT_MEMORY, REFINE_MEMORY = 0.99, 0.98
"""Memory of the running means of weights."""


class MeasuredRun(StabilisedRun):
    """``auto``, ``fast`` and ``best``: the settings that the noise decides are filled in first.

    Parameters
    ----------
    plane, settings, device, control, preview_interval, neighbours
        As for `StabilisedRun`.
    start : Model or None
        Networks of another plane to start from.
    """

    def __init__(
        self,
        plane: npt.NDArray[Any],
        settings: Settings,
        device: torch.device,
        control: Control,
        preview_interval: float | None,
        neighbours: npt.NDArray[np.float64],
        start: Model | None,
    ) -> None:
        super().__init__(plane, settings, device, control, preview_interval, neighbours)
        self.start = start

    fit: BlindFit
    inr: ImplicitFit
    blind: CompactUNet
    refined: CompactUNet
    hidden: torch.Tensor
    """(1, 1, Y, X), every pixel as predicted while it was hidden."""

    def events(self) -> Iterator[Event]:
        """Yield the events of the whole run."""
        self._measure()
        self._choose_start()
        self._prepare()
        yield Started(
            settings=self.settings,
            shape=self.shape,
            device=self.device_name,
            parameters=sum(
                p.numel() for network in (self.fit.network, self.inr.siren) for p in network.parameters()
            ),
            note=" ".join([self.plan.sentence, *self.notes, *self.warnings]),
        )
        estimate = yield from self._estimate()
        if self.control.cancelled:
            yield Cancelled()
            return
        fit = self.fit
        sigma = local_sigma(fit.noisy, estimate, fit.valid, self.sigma)
        yield self._finish(guard(fit.noisy, estimate, sigma, fit.valid))

    def _estimate(self) -> Any:
        """Fit blindly and refine; yields events and returns the estimate, (1, 1, Y, X)."""
        trainer = yield from self._fit_blindly()
        if self.start is not None and not self.interrupted and self._learned_much():
            self.start = None
            self.plan = make_plan(self.observed, self.noise, self.asked)
            self._prepare()
            trainer = yield from self._fit_blindly()
        fit, settings = self.fit, self.settings
        self.blind = self.refined = trainer.mean
        # One symmetry is enough for what is only a target: more of them change the result by 0.01 dB.
        refines = any(settings.refine_iterations or ()) and not self.control.stopping
        estimate = yield from self._predict(self.blind, 1 if refines else settings.passes, hidden=True)
        self.hidden = estimate
        self.inr.estimate = estimate.flatten()
        for round_, iterations in enumerate(settings.refine_iterations or ()):
            if self.interrupted or iterations == 0:
                break
            sigma = local_sigma(fit.noisy, estimate, fit.valid, self.sigma)
            white = not self.plan.correlated
            target = wiener(fit.noisy, estimate, sigma, fit.valid) if white else estimate
            loss = Refinement(fit, target, estimate, sigma, None if white else self.correlation)
            trainer = Trainer(
                copy.deepcopy(self.refined).requires_grad_(True),
                iterations,
                REFINE_RATE * settings.unet_learning_rate,
                REFINE_MEMORY,
            )
            yield from self._train(trainer, loss, iterations)
            self.refined = trainer.mean
            last = round_ + 1 == len(settings.refine_iterations or ())
            estimate = yield from self._predict(self.refined, settings.passes, announce=last)
            self.inr.estimate = estimate.flatten()
        return estimate

    def _fit_blindly(self) -> Any:
        """Train with the blind-spot loss; yields events and returns the trainer."""
        fit, iterations = self.fit, self._blind_iterations
        rate = self.settings.unet_learning_rate
        # Neighbouring planes are new to pretrained weights, and are learned at the full rate.
        if self.start is not None or (self._pretrained and not len(self.beside)):
            rate *= WARM_RATE
        trainer = Trainer(fit.network, iterations, rate, FIT_MEMORY)
        yield from self._train(trainer, BlindLoss(fit), iterations)
        return trainer

    def _learned_much(self) -> bool:
        """Whether the blind fit has changed the start's networks so much that they were no help."""
        return learned_much(self.losses[: self.done, 0], self.sigma)

    @property
    def _blind_iterations(self) -> int:
        """Steps of the blind fit: those of the settings, or fewer if they are too many for the plane."""
        share = 1.0 if self.start is None else WARM_SHARE
        return blind_iterations(self.settings, self.shape, len(self.beside), share)

    @property
    def _pretrained(self) -> bool:
        """Whether the first plane of the stack, or this one, starts from this package's weights."""
        return self.settings.unet_start == "pretrained"

    @property
    def _lessons(self) -> int:
        """Steps of the INR."""
        blind = -(-self._blind_iterations // LESSON_EVERY)
        return blind + LESSONS * sum(self.settings.refine_iterations or ())

    def _lessons_now(self) -> int:
        """Return how many steps the INR takes beside this one of the U-Net."""
        if self.inr.estimate is not None:
            return LESSONS
        return 1 if self.done % LESSON_EVERY == 0 else 0

    def _choose_start(self) -> None:
        """Make the plan; drop a start that does not suit the plane, else take over its plan."""
        self.plan = make_plan(self.observed, self.noise, self.asked)
        if self.start is not None and not suits(self.start, self.plan, self.noise, len(self.beside)):
            self.start = None
        if self.start is not None:
            self._keep_plan()

    def _keep_plan(self) -> None:
        """Leave to the start what the noise decided for it: the gap is not chosen anew for every plane."""
        assert self.start is not None
        names = ("dilation", "visible_fraction", "refine_iterations")
        kept = {name: getattr(self.start.settings, name) for name in names}
        self.plan = make_plan(self.observed, self.noise, self.asked.model_copy(update=kept))

    def _prepare(self) -> None:
        """Put the standardised plane and the networks on the device."""
        self.settings = self.plan.settings
        self._standardise(None if self.start is None else (self.start.mean, self.start.scale))
        noisy = self._standardised(self.stabilised)
        valid = torch.from_numpy(~self.left_out).to(self.device)
        self.fit = BlindFit(noisy, valid, self.settings, self._standardised(self.beside))
        self.correlation = torch.from_numpy(self.noise.correlation).to(self.device, torch.float32)
        self.total = self._blind_iterations + sum(self.settings.refine_iterations or ())
        rate = self.settings.inr_learning_rate * (1.0 if self.start is None else WARM_RATE)
        taught = self.settings.model_copy(update={"inr_learning_rate": rate})
        self.inr = ImplicitFit(
            noisy,
            valid,
            self.fit.fill[0, 0],
            taught,
            self._lessons,
            self.fit.generator,
            self.fit.compromises,
        )
        if self.start is None:
            if self._pretrained:
                load_pretrained(self.fit.network, "correlated" if self.plan.correlated else "white")
        else:
            # Where noise is correlated, the refined network has unlearned to do without the pixel.
            which = "blind." if self.plan.correlated else "refined."
            load_weights(self.fit.network, self.start.weights, which)
            load_weights(self.inr.siren, self.start.weights, "inr.")
        self.losses = torch.full((self.total, 3), math.nan, device=self.device)
        self.done = 0

    def _train(self, trainer: Trainer, loss: Loss, iterations: int) -> Iterator[Event]:
        """Iterate until the end of this phase or until asked to stop."""
        replay = Replay(self.fit.generator, self.fit.compromises)
        for _ in range(iterations):
            if self.interrupted:
                return
            record = self.losses[self.done]
            record[0] = self.fit.learn(trainer, loss, replay)
            lessons = self._lessons_now()
            if lessons == 0:
                record[1] = self.losses[self.done - 1, 1]
            for _ in range(lessons):
                self.inr.step(record)
            self.done += 1
            if self.report_due() or self.done in (1, self.total):
                yield self._step()
            if self.preview_due():
                yield self._preview(trainer)
            yield from self.wait_while_paused(self.done)

    def _step(self) -> Event:
        elapsed = self.clock.elapsed
        # The passes take about as long as a tenth of the iterations.
        remaining = elapsed / max(1, self.done) * (self.total - self.done + self.total / 10)
        return self.step_event(
            self.done, self.total, self.losses[max(0, self.done - 1)].tolist(), remaining
        )

    def _preview(self, trainer: Trainer) -> Event:
        """Show both networks by one pass each; neither draws a random number."""
        with torch.no_grad():
            fit = self.fit
            denoised = fit.apply_tiled(trainer.mean, fit.noisy, fit.valid, fit.beside)
        return Preview(
            iteration=self.done,
            denoised=self.image(denoised[0, 0], self._invert),
            inr=self.image(self.inr.image(), self._invert),
        )

    def _predict(
        self,
        network: torch.nn.Module,
        symmetries: int,
        *,
        hidden: bool = False,
        announce: bool = False,
    ) -> Any:
        """Average over the symmetries; yields events and returns the estimate, (1, 1, Y, X)."""
        fit = self.fit
        passes = symmetries * (fit.spacing**2 if hidden else 1)
        predict = fit.predict_hidden if hidden else fit.predict_seen
        start = self.clock.elapsed
        done = 0
        for estimate in predict(network, symmetries):
            if self.control.cancelled:
                break
            if estimate is not None:
                return estimate
            done += 1
            elapsed = self.clock.elapsed
            if announce:
                remaining = (elapsed - start) / done * (passes - done)
                yield Predicting(done=done, passes=passes, elapsed=elapsed, remaining=remaining)
            elif self.done and self.report_due():
                yield self._step()
            yield from self.wait_while_paused(self.done)
        return fit.noisy

    def _finish(self, estimate: torch.Tensor) -> Event:
        dtype = self.output_dtype
        return Finished(
            model=self._model(),
            result=self.result(
                self.image(estimate[0, 0], self._restored, dtype),
                self.image(self.inr.image(), self._invert, dtype),
                self.losses[: self.done],
                passes=self.settings.passes,
                stopped=self.control.stopping,
                warnings=(
                    *(() if self.noise.measured else (self.plan.sentence,)),
                    *self.warnings,
                    *self.fit.compromises.values(),
                ),
                noise=self._noise_record,
                start=self._origin,
            ),
        )

    def _restored(self, standard: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the estimate as intensities that agree with the noisy ones on average."""
        image = self._anchored(standard)
        if self.plan.correlated or not self.noise.measured:
            return image
        blind = self._invert(self.hidden[0, 0].float().cpu().numpy())
        return calibrate(image, blind, self.observed, self.left_out)

    @property
    def _origin(self) -> Start:
        return "anew" if self.start is None else "warm"

    def _model(self) -> Model:
        """Take the networks out."""
        networks = {"blind.": self.blind, "refined.": self.refined, "inr.": self.inr.siren}
        return Model(
            settings=self.settings,
            weights=take_weights(networks),
            mean=self.mean,
            scale=self.scale,
            noise=self._noise_record,
        )
