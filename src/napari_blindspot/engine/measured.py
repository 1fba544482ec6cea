"""A run of the presets that measure the noise: stabilise, fit blindly, refine, give local means back."""

from __future__ import annotations

import copy
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
from napari_blindspot.engine.warm import WARM_SHARE, learned_much, load_weights, suits, take_weights
from napari_blindspot.events import Cancelled, Finished, Predicting, Preview, Started
from napari_blindspot.model import Model
from napari_blindspot.neighbours import MOST_SHARED, shared_noise
from napari_blindspot.noise import estimate_noise
from napari_blindspot.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.control import Control
    from napari_blindspot.engine.refine import Loss
    from napari_blindspot.events import Event
    from napari_blindspot.method.compact import CompactUNet
    from napari_blindspot.result import Start
    from napari_blindspot.settings import Settings

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
    """``auto``, ``fast`` and ``best``: the settings that the noise decides are filled in first.

    Parameters
    ----------
    plane, settings, device, control, preview_interval
        As for `Run`.
    start : Model or None
        Networks of another plane to start from.
    neighbours : ndarray
        (N, Y, X) float64, planes to look at as well; N may be 0.
    """

    def __init__(
        self,
        plane: npt.NDArray[Any],
        settings: Settings,
        device: torch.device,
        control: Control,
        preview_interval: float | None,
        start: Model | None,
        neighbours: npt.NDArray[np.float64],
    ) -> None:
        super().__init__(plane, settings, device, control, preview_interval)
        self.asked = settings
        self.notes: list[str] = []
        self.start = start
        self.neighbours = neighbours

    fit: BlindFit
    inr: ImplicitFit
    blind: CompactUNet
    refined: CompactUNet
    correlation: torch.Tensor
    beside: npt.NDArray[np.float64]

    def events(self) -> Iterator[Event]:
        """Yield the events of the whole run."""
        self._measure()
        self._prepare()
        yield Started(
            settings=self.settings,
            shape=self.shape,
            device=self.device_name,
            parameters=sum(
                p.numel() for network in (self.fit.network, self.inr.siren) for p in network.parameters()
            ),
            note=" ".join([self.plan.sentence, *self.notes]),
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
            self._prepare()
            trainer = yield from self._fit_blindly()
        fit, settings = self.fit, self.settings
        self.blind = self.refined = trainer.mean
        # One symmetry is enough for what is only a target, where its passes are many and large.
        symmetries = 1 if self.plan.correlated or self.control.stopping else settings.passes
        estimate = yield from self._predict(self.blind, symmetries, hidden=True)
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
        trainer = Trainer(fit.network, iterations, self.settings.unet_learning_rate, FIT_MEMORY)
        pixels = fit.pixels
        yield from self._train(
            trainer,
            lambda network: fit.loss(network, fit.patches(pixels, self.settings.batch_size)),
            iterations,
        )
        return trainer

    def _learned_much(self) -> bool:
        """Whether the blind fit has changed the start's networks so much that they were no help."""
        return learned_much(self.losses[: self.done, 0], self.sigma)

    @property
    def _blind_iterations(self) -> int:
        """Steps of the blind fit; a start needs fewer."""
        iterations = self.settings.iterations
        return iterations if self.start is None else max(1, round(WARM_SHARE * iterations))

    @property
    def _lessons(self) -> int:
        """Steps of the INR."""
        return self._blind_iterations + LESSONS * sum(self.settings.refine_iterations or ())

    def _measure(self) -> None:
        """Measure the noise, see whether start and neighbours are of use, and make the plan."""
        self.noise = estimate_noise(self.plane)
        self.plan = make_plan(self.plane, self.noise, self.asked)
        self._stabilise(self.noise.stabiliser if self.noise.measured else self._fallback())
        shared = shared_noise(self.stabilised, self.beside)
        if shared > MOST_SHARED:
            self.notes.append(
                f"The neighbouring planes share noise with this one (correlation {shared:.2f}), "
                "so they were not used."
            )
            self.neighbours = self.neighbours[:0]
            self.beside = self.beside[:0]
        elif len(self.beside):
            self.notes.append(
                f"{len(self.beside)} neighbouring plane{'s' * (len(self.beside) > 1)} used; their noise is "
                f"independent (correlation {shared:.2f})."
            )
        self._choose_start()

    def _stabilise(self, stabiliser: Anscombe) -> None:
        """Give plane and neighbours noise of standard deviation 1."""
        self.stabiliser = stabiliser
        self.stabilised = stabiliser.forward(self.plane)
        self.beside = stabiliser.forward(self.neighbours)

    def _choose_start(self) -> None:
        """Drop a start that does not suit the plane, else take over its plan."""
        if self.start is not None and not suits(self.start, self.plan, self.noise, len(self.beside)):
            self.start = None
        if self.start is not None:
            self._keep_plan()

    def _keep_plan(self) -> None:
        """Leave to the start what the noise decided for it: the gap is not chosen anew for every plane."""
        assert self.start is not None
        names = ("dilation", "visible_fraction", "refine_iterations")
        kept = {name: getattr(self.start.settings, name) for name in names}
        self.plan = make_plan(self.plane, self.noise, self.asked.model_copy(update=kept))

    def _prepare(self) -> None:
        """Put the standardised plane and the networks on the device."""
        self.settings = self.plan.settings
        if self.start is None:
            values = self.stabilised[~self.missing]
            self.mean, self.scale = float(values.mean()), float(values.std()) or 1.0
        else:
            self.mean, self.scale = self.start.mean, self.start.scale
        self.sigma = 1.0 / self.scale
        noisy = self._standardised(self.stabilised)
        valid = torch.from_numpy(~self.missing).to(self.device)
        self.fit = BlindFit(noisy, valid, self.settings, self._standardised(self.beside))
        self.correlation = torch.from_numpy(self.noise.correlation).to(self.device, torch.float32)
        self.total = self._blind_iterations + sum(self.settings.refine_iterations or ())
        self.inr = ImplicitFit(noisy, valid, self.settings, self._lessons, self.fit.generator)
        if self.start is not None:
            load_weights(self.fit.network, self.start.weights, "refined.")
            load_weights(self.inr.siren, self.start.weights, "inr.")
        self.losses = torch.full((self.total, 3), math.nan, device=self.device)
        self.done = 0

    def _standardised(self, stabilised: npt.NDArray[np.float64]) -> torch.Tensor:
        """Bring stabilised planes to the scale of the fit; NaN become its zero."""
        standard = np.nan_to_num((stabilised - self.mean) / self.scale, nan=0.0)
        return torch.from_numpy(standard.astype(np.float32)).to(self.device)

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
            model=self._model(),
            result=self.result(
                self.image(estimate[0, 0], self._anchored, dtype),
                self.image(self.inr.image(), self._invert, dtype),
                self.losses[: self.done],
                passes=self.settings.passes,
                stopped=self.control.stopping,
                warnings=(*(() if self.noise.measured else (self.plan.sentence,)), *self.notes),
                noise=self.noise.as_dict(),
                start=self._origin,
            ),
        )

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
            noise=self.noise.as_dict(),
        )
