"""The fit of one plane as a generator of events, with pause, stop-and-keep and cancel.

Widget, command line and batch all consume this generator, so that the same settings and seed give the
same pixels in each. It knows nothing of screens or files.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.control import Control
from napari_blindspot.engine.device import (
    choose_device,
    choose_precision,
    describe_device,
    readable_errors,
    release_memory,
)
from napari_blindspot.engine.joint import JointFit
from napari_blindspot.events import (
    Cancelled,
    Finished,
    Paused,
    Predicting,
    Preview,
    Started,
    Step,
)
from napari_blindspot.image import Scaling, cast_like, check_plane
from napari_blindspot.result import History, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.events import Event
    from napari_blindspot.settings import Settings

__all__ = ["STOPPED_PASSES", "fit_plane"]

REPORT_INTERVAL = 0.05
"""Seconds between two `Step` events; reading a loss makes a GPU wait."""

PAUSE_INTERVAL = 0.1
"""Seconds between two `Paused` events."""

STOPPED_PASSES = 20
"""Most passes averaged after a stop: whoever stops a fit does not want to wait for the rest."""


def fit_plane(
    image: npt.ArrayLike,
    settings: Settings,
    *,
    control: Control | None = None,
    preview_interval: float | None = None,
) -> Iterator[Event]:
    """Denoise one plane, and say how it goes.

    Parameters
    ----------
    image : array_like
        (Y, X), 16×16 or larger, integer or float. NaN pixels stay out of both sets and stay NaN.
    settings : Settings
        Every knob of the run.
    control : Control, optional
        Lets another thread pause, stop or cancel.
    preview_interval : float, optional
        Least seconds between two `Preview` events; None for none. Looking changes no pixel.

    Yields
    ------
    Event
        `Started`, then `Step`, `Preview`, `Paused` and `Predicting`, then `Finished` or `Cancelled`.

    Raises
    ------
    ImageError
        If the plane cannot be denoised.
    DeviceError, OutOfMemoryError
        If the device is not there, fails or is too small.
    """
    plane = check_plane(image)
    scaling = Scaling.of(plane)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision)
    settings = settings.model_copy(update={"device": device.type, "precision": precision})
    height, width = plane.shape
    if scaling.is_constant:
        yield Started(
            settings=settings,
            shape=(height, width),
            device=describe_device(device),
            parameters=0,
            note=_CONSTANT,
        )
        yield Finished(result=_unchanged(plane, settings, device))
        return
    run = _Run(plane, scaling, settings, device, control or Control(), preview_interval)
    try:
        with readable_errors(device, (height, width)):
            yield from run.events()
    finally:
        del run
        release_memory(device)


_FLOAT32: np.dtype[Any] = np.dtype(np.float32)

_CONSTANT = "All pixels are equal, so the plane was left as it is."


def _unchanged(plane: npt.NDArray[Any], settings: Settings, device: torch.device) -> Result:
    """Return a constant plane as its own estimate."""
    none = np.empty(0, np.float32)
    dtype = plane.dtype if settings.output_dtype == "input" else np.dtype(np.float32)
    same = cast_like(plane, dtype)
    return Result(
        denoised=same,
        inr=same.copy(),
        settings=settings,
        history=History(none, none, none),
        iterations=0,
        passes=0,
        seconds=0.0,
        device=describe_device(device),
        warnings=(_CONSTANT,),
    )


class _Clock:
    """Wall time without the pauses."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._paused = 0.0

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._start - self._paused

    def skip(self, seconds: float) -> None:
        self._paused += seconds


class _Run:
    """One fit from start to end; exists so that its tensors die with it."""

    def __init__(
        self,
        plane: npt.NDArray[Any],
        scaling: Scaling,
        settings: Settings,
        device: torch.device,
        control: Control,
        preview_interval: float | None,
    ) -> None:
        self.plane = plane
        self.scaling = scaling
        self.settings = settings
        self.device = device
        self.control = control
        self.preview_interval = preview_interval
        self.missing = np.isnan(plane) if plane.dtype.kind == "f" else np.zeros(plane.shape, bool)

    def events(self) -> Iterator[Event]:
        clock = _Clock()
        noisy = np.where(self.missing, 0.0, self.scaling.apply(self.plane)).astype(np.float32)
        joint = JointFit(
            torch.from_numpy(noisy).to(self.device),
            torch.from_numpy(~self.missing).to(self.device),
            self.settings,
        )
        height, width = self.plane.shape
        yield Started(
            settings=self.settings,
            shape=(height, width),
            device=describe_device(self.device),
            parameters=joint.parameters,
        )
        yield from self._fit(joint, clock)
        if self.control.cancelled:
            yield Cancelled()
            return
        stopped = self.control.stopping
        passes = min(self.settings.passes, STOPPED_PASSES) if stopped else self.settings.passes
        yield from self._predict(joint, clock, passes, stopped)

    def _fit(self, joint: JointFit, clock: _Clock) -> Iterator[Event]:
        """Iterate until the end or until asked to stop."""
        reported = previewed = -math.inf
        total = self.settings.iterations
        while joint.iteration < total and not self._interrupted:
            joint.step()
            done, elapsed = joint.iteration, clock.elapsed
            if elapsed - reported >= REPORT_INTERVAL or done in (1, total):
                reported = elapsed
                losses = joint.losses[done - 1].tolist()
                # A pass is a third of a step: it has no backward pass, which costs twice the forward one.
                ahead = total - done + self.settings.passes / 3
                yield Step(
                    iteration=done,
                    iterations=total,
                    denoising=losses[0],
                    inr=losses[1],
                    consistency=losses[2],
                    elapsed=elapsed,
                    remaining=elapsed / done * ahead,
                )
            if self.preview_interval is not None and elapsed - previewed >= self.preview_interval:
                previewed = elapsed
                denoised, inr = (self._to_image(x) for x in joint.running_mean())
                yield Preview(iteration=done, denoised=denoised, inr=inr)
            yield from self._wait_while_paused(joint, clock)

    def _predict(self, joint: JointFit, clock: _Clock, passes: int, stopped: bool) -> Iterator[Event]:
        """Average D_θ and F_φ over random visible sets, and end the run."""
        start, reported = clock.elapsed, -math.inf
        sum_denoised = torch.zeros_like(joint.noisy)
        sum_inr = torch.zeros_like(joint.noisy)
        done = 0
        # A stop while predicting keeps what has been averaged by then, as long as it is enough.
        while done < passes and not (self.control.stopping and done >= STOPPED_PASSES):
            denoised, inr = joint.predict()
            sum_denoised += denoised
            sum_inr += inr
            done += 1
            elapsed = clock.elapsed
            if elapsed - reported >= REPORT_INTERVAL or done == passes:
                reported = elapsed
                remaining = (elapsed - start) / done * (passes - done)
                yield Predicting(done=done, passes=passes, elapsed=elapsed, remaining=remaining)
            yield from self._wait_while_paused(joint, clock)
            if self.control.cancelled:
                yield Cancelled()
                return
        dtype = np.dtype(np.float32)
        if self.settings.output_dtype == "input":
            dtype = self.plane.dtype
        history = joint.losses[: joint.iteration].cpu().numpy()
        yield Finished(
            result=Result(
                denoised=self._to_image(sum_denoised / done, dtype),
                inr=self._to_image(sum_inr / done, dtype),
                settings=self.settings,
                history=History(*np.ascontiguousarray(history.T)),
                iterations=joint.iteration,
                passes=done,
                seconds=clock.elapsed,
                device=describe_device(self.device),
                stopped=stopped or done < passes,
                warnings=self._warnings(),
            )
        )

    @property
    def _interrupted(self) -> bool:
        return self.control.stopping or self.control.cancelled

    def _wait_while_paused(self, joint: JointFit, clock: _Clock) -> Iterator[Event]:
        before = clock.elapsed
        while self.control.paused:
            yield Paused(iteration=joint.iteration)
            self.control.wait(PAUSE_INTERVAL)
        clock.skip(clock.elapsed - before)

    def _to_image(self, tensor: torch.Tensor, dtype: np.dtype[Any] = _FLOAT32) -> npt.NDArray[Any]:
        """Bring a tensor back to the input's scale; missing pixels become NaN again."""
        image = self.scaling.invert(tensor.float().cpu().numpy())
        if dtype.kind == "f":
            image[self.missing] = np.nan
        return cast_like(image, dtype)

    def _warnings(self) -> tuple[str, ...]:
        missing = int(self.missing.sum())
        if not missing:
            return ()
        return (f"{missing} NaN pixel{'s were' if missing > 1 else ' was'} left out and stay NaN.",)
