"""A run of the preset ``paper``: the joint fit, then the mean over random visible sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.events import Cancelled, Finished, Predicting, Preview, Started
from napari_blindspot.core.plane import Scaling
from napari_blindspot.engine.paper_fit import JointFit
from napari_blindspot.engine.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.core.events import Event

__all__ = ["STOPPED_PASSES", "PaperRun"]

STOPPED_PASSES = 20
"""Most passes averaged after a stop: whoever stops a fit does not want to wait for the rest."""


class PaperRun(Run):
    """Fit F_φ and D_θ jointly on the whole plane, as the paper describes."""

    def events(self) -> Iterator[Event]:
        """Yield the events of the whole run."""
        self.scaling = Scaling.of(self.plane)
        noisy = np.where(self.missing, 0.0, self.scaling.apply(self.plane)).astype(np.float32)
        joint = JointFit(
            torch.from_numpy(noisy).to(self.device),
            torch.from_numpy(~self.missing).to(self.device),
            self.settings,
        )
        yield Started(
            settings=self.settings,
            shape=self.shape,
            device=self.device_name,
            parameters=joint.parameters,
        )
        yield from self._fit(joint)
        if self.control.cancelled:
            yield Cancelled()
            return
        yield from self._predict(joint)

    def _fit(self, joint: JointFit) -> Iterator[Event]:
        """Iterate until the end or until asked to stop."""
        total = self.settings.iterations
        while joint.iteration < total and not self.interrupted:
            joint.step()
            done = joint.iteration
            if self.report_due() or done in (1, total):
                losses = joint.losses[done - 1].tolist()
                # A pass is a third of a step: without a backward pass, which costs twice the forward.
                ahead = total - done + self.settings.passes / 3
                yield self.step_event(done, total, losses, self.clock.elapsed / done * ahead)
            if self.preview_due():
                images = (self.image(x, self.scaling.invert) for x in joint.running_mean())
                denoised, inr = images
                yield Preview(iteration=done, denoised=denoised, inr=inr)
            yield from self.wait_while_paused(done)

    def _predict(self, joint: JointFit) -> Iterator[Event]:
        """Average D_θ and F_φ over random visible sets, and end the run."""
        joint.replay.release()
        stopped = self.control.stopping
        passes = min(self.settings.passes, STOPPED_PASSES) if stopped else self.settings.passes
        start = self.clock.elapsed
        sum_denoised = torch.zeros_like(joint.noisy)
        sum_inr = torch.zeros_like(joint.noisy)
        done = 0
        # A stop while predicting keeps what has been averaged by then, as long as it is enough.
        while done < passes and not (self.control.stopping and done >= STOPPED_PASSES):
            denoised, inr = joint.predict()
            sum_denoised += denoised
            sum_inr += inr
            done += 1
            if self.report_due() or done == passes:
                elapsed = self.clock.elapsed
                remaining = (elapsed - start) / done * (passes - done)
                yield Predicting(done=done, passes=passes, elapsed=elapsed, remaining=remaining)
            yield from self.wait_while_paused(joint.iteration)
            if self.control.cancelled:
                yield Cancelled()
                return
        yield Finished(
            result=self.result(
                self.image(sum_denoised / done, self.scaling.invert, self.output_dtype),
                self.image(sum_inr / done, self.scaling.invert, self.output_dtype),
                joint.losses[: joint.iteration],
                passes=done,
                stopped=stopped or done < passes,
                warnings=tuple(joint.compromises.values()),
            )
        )
