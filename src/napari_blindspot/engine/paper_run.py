"""A run of the preset ``paper``: the joint fit, then the mean over random visible sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.core.events import Cancelled, Finished, Predicting, Preview, Started, Step
from napari_blindspot.core.images import with_derived
from napari_blindspot.core.result import Result
from napari_blindspot.engine.paper_fit import PaperFit
from napari_blindspot.engine.run import image_of_plane
from napari_blindspot.engine.scaling import Scaling

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_blindspot.core.events import Event
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.settings import PaperSettings

    Run = RunInput[PaperSettings]
    Images = dict[str, torch.Tensor]

__all__ = ["STOPPED_PASSES", "paper_run"]

STOPPED_PASSES = 20
"""Most passes averaged after a stop: whoever stops a fit does not want to wait for the rest."""


def paper_run(run: Run) -> Generator[Event, None, None]:
    """Fit F_φ and D_θ jointly on the whole plane, as the paper describes, and yield the events of it."""
    scaling = Scaling.of(run.plane)
    noisy = np.where(run.missing, 0.0, scaling.apply(run.plane)).astype(np.float32)
    fit = PaperFit(
        torch.from_numpy(noisy).to(run.device),
        torch.from_numpy(~run.missing).to(run.device),
        run.settings,
    )
    yield Started(
        settings=run.settings,
        shape=run.shape,
        device=run.device_name,
        parameters=fit.parameters,
        notices=run.notices,
    )
    with run.watch.clock.phase("joint fit"):
        yield from _fit(run, fit, scaling)
    if run.watch.control.cancelled:
        yield Cancelled()
        return
    stopped = run.watch.control.stopping
    with run.watch.clock.phase("prediction"):
        images, passes = yield from _predict(run, fit)
    if run.watch.control.cancelled:
        yield Cancelled()
        return
    clock = run.watch.clock
    yield Finished(
        result=Result(
            images=with_derived(
                run.plane,
                {
                    name: image_of_plane(run.plane, image, scaling.invert, run.output_dtype)
                    for name, image in images.items()
                },
            ),
            settings=run.settings,
            history=fit.losses.history(),
            iterations=fit.losses.done,
            planned_iterations=fit.losses.total,
            passes=passes,
            seconds=clock.elapsed,
            phases=dict(clock.phases),
            device=run.device_name,
            stopped=stopped or passes < run.settings.passes,
            notices=(*fit.compromises.values(), *run.missing_notices),
            noisy=run.plane,
        )
    )


def _fit(run: Run, fit: PaperFit, scaling: Scaling) -> Generator[Event, None, None]:
    """Iterate until the end or until asked to stop."""
    watch, total = run.watch, run.settings.iterations
    while fit.losses.done < total and not watch.interrupted:
        fit.step()
        done = fit.losses.done
        if watch.report_due() or done in (1, total):
            # A pass is a third of a step: without a backward pass, which costs twice the forward.
            ahead = total - done + run.settings.passes / 3
            elapsed = watch.clock.elapsed
            yield Step(
                iteration=done,
                iterations=total,
                losses=fit.losses.latest(),
                elapsed=elapsed,
                remaining=elapsed / done * ahead,
            )
        if watch.preview_due():
            with watch.previewing():
                images = {
                    name: image_of_plane(run.plane, image, scaling.invert)
                    for name, image in fit.running_mean().items()
                }
            yield Preview(iteration=done, images=with_derived(run.plane, images))
        yield from watch.wait_while_paused(done)


def _predict(run: Run, fit: PaperFit) -> Generator[Event, None, tuple[Images, int]]:
    """Average D_θ and F_φ over random visible sets; return the means, (Y, X) each, and of how many."""
    fit.replay.release()
    watch, asked = run.watch, run.settings.passes
    passes = min(asked, STOPPED_PASSES) if watch.control.stopping else asked
    start = watch.clock.elapsed
    sums: Images = {}
    done = 0
    # A stop while predicting keeps what has been averaged by then, as long as it is enough.
    while done < passes and not (watch.control.stopping and done >= STOPPED_PASSES):
        for name, image in fit.predict().items():
            sums[name] = sums.get(name, 0) + image
        done += 1
        if watch.report_due() or done == passes:
            elapsed = watch.clock.elapsed
            remaining = (elapsed - start) / done * (passes - done)
            yield Predicting(done=done, passes=passes, elapsed=elapsed, remaining=remaining)
        yield from watch.wait_while_paused(fit.losses.done)
        if watch.control.cancelled:
            break
    return {name: total / done for name, total in sums.items()}, done
