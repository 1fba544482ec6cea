"""A run of the presets that measure the noise: stabilise, fit blindly, refine, give local means back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot.anscombe import Anscombe
from napari_blindspot.engine.blind import BlindFit, Trainer
from napari_blindspot.engine.implicit import ImplicitFit
from napari_blindspot.engine.refine import Refinement, guard, local_sigma, wiener
from napari_blindspot.engine.run import Run
from napari_blindspot.events import Cancelled, Finished, Predicting, Preview, Started
from napari_blindspot.noise import estimate_noise
from napari_blindspot.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.engine.refine import Loss
    from napari_blindspot.events import Event

__all__ = ["MeasuredRun"]

REFINE_RATE = 0.5
"""Learning rate of the refinement, relative to that of the fit."""

LESSONS = 6
"""Steps of the INR for each one of the refinement: by then it has an estimate to learn from."""

FIT_MEMORY, REFINE_MEMORY = 0.99, 0.98
"""Memory of the running means of weights."""

WHITE_ANCHOR, CORRELATED_ANCHOR = 16.0, 24.0
"""Sigma in pixels of what is too coarse to be noise: there the noisy image is right, the fit may wander."""


class MeasuredRun(Run):
    """``auto``, ``fast`` and ``best``: the settings that the noise decides are filled in first."""

    def events(self) -> Iterator[Event]:
        """Yield the events of the whole run."""
        self._prepare()
        yield Started(
            settings=self.settings,
            shape=self.shape,
            device=self.device_name,
            parameters=sum(
                p.numel() for network in (self.fit.network, self.inr.siren) for p in network.parameters()
            ),
            note=self.plan.sentence,
        )
        fit, settings = self.fit, self.settings
        trainer = Trainer(fit.network, settings.iterations, settings.unet_learning_rate, FIT_MEMORY)
        pixels = fit.pixels
        yield from self._train(
            trainer,
            lambda network: fit.loss(network, fit.patches(pixels, settings.batch_size)),
            settings.iterations,
        )
        # One symmetry is enough for what is only a target, where its passes are many and large.
        symmetries = 1 if self.plan.correlated or self.control.stopping else settings.passes
        estimate = yield from self._predict(trainer.mean, symmetries, hidden=True)
        sigma = local_sigma(fit.noisy, estimate, fit.valid, self.sigma)
        self.inr.estimate = estimate.flatten()
        network = trainer.mean
        for round_, iterations in enumerate(settings.refine_iterations or ()):
            if self.interrupted or iterations == 0:
                break
            white = not self.plan.correlated
            target = wiener(fit.noisy, estimate, sigma, fit.valid) if white else estimate
            loss = Refinement(fit, target, estimate, sigma, None if white else self.correlation)
            trainer = Trainer(
                trainer.mean.requires_grad_(True),
                iterations,
                REFINE_RATE * settings.unet_learning_rate,
                REFINE_MEMORY,
            )
            yield from self._train(trainer, loss, iterations)
            network = trainer.mean
            last = round_ + 1 == len(settings.refine_iterations or ())
            estimate = yield from self._predict(network, settings.passes, announce=last)
            self.inr.estimate = estimate.flatten()
            sigma = local_sigma(fit.noisy, estimate, fit.valid, self.sigma)
        if self.control.cancelled:
            yield Cancelled()
            return
        yield self._finish(guard(fit.noisy, estimate, sigma, fit.valid))

    def _prepare(self) -> None:
        """Measure the noise, make the plan, and put the stabilised plane on the device."""
        self.noise = estimate_noise(self.plane)
        self.plan = make_plan(self.plane, self.noise, self.settings)
        self.settings = self.plan.settings
        self.stabiliser = self.noise.stabiliser if self.noise.measured else self._fallback()
        stabilised = self.stabiliser.forward(self.plane)
        values = stabilised[~self.missing]
        self.mean, self.scale = float(values.mean()), float(values.std()) or 1.0
        self.sigma = 1.0 / self.scale
        standard = np.where(self.missing, 0.0, (stabilised - self.mean) / self.scale)
        noisy = torch.from_numpy(standard.astype(np.float32)).to(self.device)
        valid = torch.from_numpy(~self.missing).to(self.device)
        self.fit = BlindFit(noisy, valid, self.settings)
        self.correlation = torch.from_numpy(self.noise.correlation).to(self.device, torch.float32)
        rounds = self.settings.refine_iterations or ()
        self.total = self.settings.iterations + sum(rounds)
        steps = self.settings.iterations + LESSONS * sum(rounds)
        self.inr = ImplicitFit(noisy, valid, self.settings, steps, self.fit.generator)
        self.losses = torch.full((self.total, 3), math.nan, device=self.device)
        self.done = 0

    def _fallback(self) -> Anscombe:
        """Return a transform for a plane whose noise could not be measured: no stabilisation.

        Its strength is a guess by the finest diagonal differences (Donoho and Johnstone 1994).
        """
        y = np.asarray(self.plane, np.float64)
        diagonal = (y[:-1, :-1] - y[1:, :-1] - y[:-1, 1:] + y[1:, 1:]) / 2
        sigma = float(np.nanmedian(np.abs(diagonal))) / 0.6745 or 1e-3 * float(np.nanstd(y))
        return Anscombe(gain=0.0, offset=sigma**2)

    def _train(self, trainer: Trainer, loss: Loss, iterations: int) -> Iterator[Event]:
        """Iterate until the end of this phase or until asked to stop."""
        for _ in range(iterations):
            if self.interrupted:
                return
            value = loss(trainer.network)
            trainer.step(value)
            record = self.losses[self.done]
            record[0] = value.detach()
            for _ in range(LESSONS if self.inr.estimate is not None else 1):
                self.inr.step(record)
            self.done += 1
            if self.report_due() or self.done in (1, self.total):
                yield self._step()
            if self.preview_due():
                yield self._preview(trainer)
            yield from self.wait_while_paused(self.done)

    def _step(self) -> Event:
        elapsed = self.clock.elapsed
        # The passes take about as long as a third of the iterations.
        remaining = elapsed / self.done * (self.total - self.done + self.total / 3)
        return self.step_event(self.done, self.total, self.losses[self.done - 1].tolist(), remaining)

    def _preview(self, trainer: Trainer) -> Event:
        """Show both networks by one pass each; neither draws a random number."""
        with torch.no_grad():
            denoised = self.fit.apply_tiled(trainer.mean, self.fit.noisy, self.fit.valid)
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
            elif self.report_due():
                yield self._step()
            yield from self.wait_while_paused(self.done)
        return fit.noisy

    def _invert(self, standard: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Undo standardisation and stabilisation."""
        return self.stabiliser.inverse(standard.astype(np.float64) * self.scale + self.mean)

    def _anchored(self, standard: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Undo them, and give the estimate the local means of the noisy image."""
        image = self._invert(standard)
        sigma = CORRELATED_ANCHOR if self.plan.correlated else WHITE_ANCHOR
        weight = gaussian_filter((~self.missing).astype(np.float64), sigma)
        residual = np.where(self.missing, 0.0, self.plane - image)
        coarse: npt.NDArray[np.float64] = gaussian_filter(residual, sigma) / np.maximum(weight, 1e-6)
        return image + coarse

    def _finish(self, estimate: torch.Tensor) -> Event:
        dtype = self.output_dtype
        return Finished(
            result=self.result(
                self.image(estimate[0, 0], self._anchored, dtype),
                self.image(self.inr.image(), self._invert, dtype),
                self.losses[: self.done],
                passes=self.settings.passes,
                stopped=self.control.stopping,
                warnings=() if self.noise.measured else (self.plan.sentence,),
                noise=self.noise.as_dict(),
            )
        )
