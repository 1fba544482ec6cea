"""What every run has, whichever method: time without pauses, reports, pixels back on their scale."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import DivergedError
from napari_blindspot.core.events import Paused, Step
from napari_blindspot.core.plane import cast_like
from napari_blindspot.core.result import History, Result
from napari_blindspot.engine.hardware.backends import describe_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import numpy.typing as npt
    import torch

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.result import Start
    from napari_blindspot.settings import Settings

__all__ = ["Clock", "Run"]

REPORT_INTERVAL = 0.05
"""Seconds between two reports; reading a loss makes a GPU wait."""

PAUSE_INTERVAL = 0.1
"""Seconds between two `Paused` events."""

FARTHEST = 10.0
"""How far an image may lie from the intensities of its plane, in their range, and still be one."""

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)


class Clock:
    """Wall time without the pauses."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._paused = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start that were not spent waiting."""
        return time.perf_counter() - self._start - self._paused

    def skip(self, seconds: float) -> None:
        """Take a pause out of the count."""
        self._paused += seconds


class Run(ABC):
    """One fit from start to end; it holds all tensors, so that they die with it.

    Parameters
    ----------
    plane : ndarray
        (Y, X), checked and not constant.
    settings : Settings
        With device and precision resolved.
    device : torch.device
        Where to compute.
    control : Control
        Pause, stop and cancel.
    preview_interval : float or None
        Least seconds between two previews.
    """

    def __init__(
        self,
        plane: npt.NDArray[Any],
        settings: Settings,
        device: torch.device,
        control: Control,
        preview_interval: float | None,
    ) -> None:
        self.plane = plane
        self.settings = settings
        self.device = device
        self.control = control
        self.preview_interval = preview_interval
        self.missing = np.isnan(plane) if plane.dtype.kind == "f" else np.zeros(plane.shape, bool)
        self.clock = Clock()
        self.device_name = describe_device(device)
        self._reported = self._previewed = -math.inf

    @abstractmethod
    def events(self) -> Iterator[Event]:
        """Do the work, and say how it goes."""

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the plane."""
        height, width = self.plane.shape
        return height, width

    @property
    def interrupted(self) -> bool:
        """Whether the fit is to end early, with or without a result."""
        return self.control.stopping or self.control.cancelled

    def report_due(self) -> bool:
        """Whether enough time has passed since the last report; if so, this one counts."""
        now = self.clock.elapsed
        if now - self._reported < REPORT_INTERVAL:
            return False
        self._reported = now
        return True

    def preview_due(self) -> bool:
        """Whether someone wants a preview now; if so, this one counts."""
        now = self.clock.elapsed
        if self.preview_interval is None or now - self._previewed < self.preview_interval:
            return False
        self._previewed = now
        return True

    def step_event(self, done: int, total: int, losses: list[float], remaining: float) -> Step:
        """Report an iteration."""
        return Step(
            iteration=done,
            iterations=total,
            denoising=losses[0],
            inr=losses[1],
            consistency=losses[2],
            elapsed=self.clock.elapsed,
            remaining=remaining,
        )

    def wait_while_paused(self, iteration: int) -> Iterator[Event]:
        """Hold as long as the control says so, and keep that time off the clock."""
        before = self.clock.elapsed
        while self.control.paused:
            yield Paused(iteration=iteration)
            self.control.wait(PAUSE_INTERVAL)
        self.clock.skip(self.clock.elapsed - before)

    def image(
        self,
        tensor: torch.Tensor,
        invert: Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]],
        dtype: np.dtype[Any] = _FLOAT32,
    ) -> npt.NDArray[Any]:
        """Bring a (Y, X) tensor back to the input's scale; missing pixels become NaN again.

        Raises
        ------
        DivergedError
            If the fit has left the intensities of its plane behind.
        """
        image = invert(tensor.float().cpu().numpy())
        low, high = float(np.nanmin(self.plane)), float(np.nanmax(self.plane))
        reach = FARTHEST * (high - low)
        # Written so that NaN, which is neither above nor below, fails too.
        if not (image.min() >= low - reach and image.max() <= high + reach):
            raise DivergedError(
                "The fit did not converge: its image lies far from the intensities of the plane, or is no "
                "number at all; a smaller learning rate, float32 precision or another seed may help."
            )
        if dtype.kind == "f":
            image[self.missing] = np.nan
        return cast_like(image, dtype)

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """The dtype that the settings ask for."""
        return self.plane.dtype if self.settings.output_dtype == "input" else _FLOAT32

    def result(
        self,
        denoised: npt.NDArray[Any],
        inr: npt.NDArray[Any],
        losses: torch.Tensor,
        *,
        passes: int,
        stopped: bool,
        warnings: tuple[str, ...] = (),
        noise: dict[str, Any] | None = None,
        start: Start = "anew",
    ) -> Result:
        """Put the record together.

        Parameters
        ----------
        denoised, inr : ndarray
            (Y, X) in the output's dtype.
        losses : Tensor
            (iterations, 3), of those that were run.
        passes, stopped, warnings, noise, start
            As in `Result`.
        """
        missing = int(self.missing.sum())
        if missing:
            what = (
                f"{missing} NaN pixels were left out and stay"
                if missing > 1
                else "1 NaN pixel was left out and stays"
            )
            warnings = (*warnings, f"{what} NaN.")
        history = History(*np.ascontiguousarray(losses.cpu().numpy().T))
        return Result(
            denoised=denoised,
            inr=inr,
            settings=self.settings,
            history=history,
            iterations=len(history),
            passes=passes,
            seconds=self.clock.elapsed,
            device=self.device_name,
            stopped=stopped,
            warnings=warnings,
            noise=noise,
            start=start,
        )
