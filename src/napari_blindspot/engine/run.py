"""What every run has, whichever method: its input, its clock with phases, its reports, and its result.

What a run does is in `napari_blindspot.engine.paper_run`, `measured_run` and `model_run`.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from napari_blindspot.core.errors import DivergedError
from napari_blindspot.core.events import Paused
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import cast_like
from napari_blindspot.core.result import History
from napari_blindspot.engine.hardware.backends import describe_device
from napari_blindspot.method.losses import LOSSES
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    import numpy.typing as npt
    import torch

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event

__all__ = ["Clock", "LossRecord", "RunInput", "Watch", "image_of_plane"]

REPORT_INTERVAL = 0.05
"""Seconds between two reports; reading a loss makes a GPU wait."""

PAUSE_INTERVAL = 0.1
"""Seconds between two `Paused` events."""

PREVIEW_SHARE = 0.1
"""Share of the time that previews may take: on a large plane one takes as long as ten iterations."""

FARTHEST = 10.0
"""How far an image may lie from the intensities of its plane, in their range, and still be one."""

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)

S = TypeVar("S", bound=Settings)


class Clock:
    """Wall time without the pauses, and how much of it each phase of a run takes.

    Attributes
    ----------
    phases : dict of str to float
        Seconds of each phase by its name; a phase within another counts for itself alone.
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._paused = 0.0
        self.phases: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the start that were not spent waiting."""
        return time.perf_counter() - self._start - self._paused

    def elapsed_without(self, phase: str) -> float:
        """Return the seconds since the start without those of a phase that is over."""
        return self.elapsed - self.phases.get(phase, 0.0)

    def skip(self, seconds: float) -> None:
        """Take a pause out of the count."""
        self._paused += seconds

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of the block for a phase, and not for the one around it."""
        before, within = self.elapsed, sum(self.phases.values())
        try:
            yield
        finally:
            spent = self.elapsed - before - (sum(self.phases.values()) - within)
            self.phases[name] = self.phases.get(name, 0.0) + spent


class Watch:
    """When a run reports, and whether it is to go on.

    Parameters
    ----------
    control : Control
        Pause, stop and cancel.
    preview_interval : float or None
        Least seconds between two previews, more where they take long; 0 for one after each iteration
        whatever it takes, None for none.
    """

    def __init__(self, control: Control, preview_interval: float | None) -> None:
        self.control = control
        self.clock = Clock()
        self._preview_interval = preview_interval
        self._reported, self._next_preview = -math.inf, -math.inf

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
        """Whether someone wants a preview now."""
        return self._preview_interval is not None and self.clock.elapsed >= self._next_preview

    @contextlib.contextmanager
    def previewing(self) -> Iterator[None]:
        """Make a preview in this block, and decide by the time that it takes when the next one is due."""
        begun, interval = self.clock.elapsed, self._preview_interval or 0.0
        with self.clock.phase("previews"):
            yield
        if interval:
            interval = max(interval, (self.clock.elapsed - begun) / PREVIEW_SHARE)
        self._next_preview = begun + interval

    def wait_while_paused(self, iteration: int) -> Iterator[Event]:
        """Hold as long as the control says so, and keep that time off the clock."""
        before = self.clock.elapsed
        while self.control.paused:
            yield Paused(iteration=iteration)
            self.control.wait(PAUSE_INTERVAL)
        self.clock.skip(self.clock.elapsed - before)


@dataclass(frozen=True, slots=True)
class RunInput(Generic[S]):
    """What a run begins with.

    Attributes
    ----------
    plane : ndarray
        (Y, X), checked and not constant; NaN where a pixel has no value or lies in a blank area.
    settings : Settings
        With device and precision resolved.
    device : torch.device
        Where to compute.
    watch : Watch
        How others look at it and speak to it.
    neighbours : sequence of ndarray
        (Y, X) integer or float, planes to look at as well.
    notices : tuple of Notice
        What was seen before it began, as news.
    blank : int
        Pixels in blank areas.
    inr_later : bool
        Whether the INR is not fitted beside the U-Net.
    device_name : str
        Of the device, as its owner would name it.
    """

    plane: npt.NDArray[Any]
    settings: S
    device: torch.device
    watch: Watch
    neighbours: Sequence[npt.NDArray[Any]]
    notices: tuple[Notice, ...] = ()
    blank: int = 0
    inr_later: bool = False
    device_name: str = field(default="", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "device_name", describe_device(self.device))

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the plane."""
        height, width = self.plane.shape
        return height, width

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """(Y, X), pixels without a value."""
        if self.plane.dtype.kind == "f":
            return np.asarray(np.isnan(self.plane))
        return np.zeros(self.plane.shape, bool)

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """The dtype that the settings ask for."""
        return self.plane.dtype if self.settings.output_dtype == "input" else _FLOAT32

    @property
    def missing_notices(self) -> tuple[Notice, ...]:
        """What to say about pixels without a value."""
        missing = int(self.missing.sum()) - self.blank
        return (Notice("pixels-left-out", {"count": missing}),) if missing else ()


def image_of_plane(
    plane: npt.NDArray[Any],
    tensor: torch.Tensor,
    restore: Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]],
    dtype: np.dtype[Any] = _FLOAT32,
) -> npt.NDArray[Any]:
    """Bring a tensor back to the scale of a plane; missing pixels become NaN again.

    Parameters
    ----------
    plane : ndarray
        (Y, X), the input.
    tensor : Tensor
        (Y, X) on the scale of the fit.
    restore : callable
        Brings float32 of that scale back to intensities.
    dtype : dtype
        Of the image.

    Raises
    ------
    DivergedError
        If the fit has left the intensities of its plane behind.
    """
    image = restore(tensor.float().cpu().numpy())
    low, high = float(np.nanmin(plane)), float(np.nanmax(plane))
    reach = FARTHEST * (high - low)
    # Written so that NaN, which is neither above nor below, fails too.
    if not (image.min() >= low - reach and image.max() <= high + reach):
        raise DivergedError(
            "The fit did not converge: its image lies far from the intensities of the plane, or is no "
            "number at all; a smaller learning rate, float32 precision or another seed may help."
        )
    if dtype.kind == "f" and plane.dtype.kind == "f":
        image[np.isnan(plane)] = np.nan
    return cast_like(image, dtype)


class LossRecord:
    """The losses of all iterations of a run, on its device.

    Parameters
    ----------
    iterations : int
        How many there will be.
    device : torch.device
        Where they are computed.
    """

    def __init__(self, iterations: int, device: torch.device) -> None:
        import torch

        self._values = torch.full((iterations, len(LOSSES)), math.nan, device=device)
        self._columns = {name: column for column, name in enumerate(LOSSES)}
        self.total = iterations
        self.done = 0

    def expect(self, iterations: int) -> None:
        """Take note that only so many more iterations follow."""
        self.total = min(self.total, self.done + iterations)

    def extend(self, iterations: int) -> None:
        """Make room for so many more iterations than were expected."""
        import torch

        more = self._values.new_full((iterations, self._values.shape[1]), math.nan)
        self._values = torch.cat([self._values, more])
        self.total += iterations

    def write(self, name: str, value: torch.Tensor) -> None:
        """Note a loss, (), of the iteration at work."""
        self._values[self.done, self._columns[name]] = value

    def write_all(self, values: torch.Tensor) -> None:
        """Note all losses, in the order of `LOSSES`, of the iteration at work."""
        self._values[self.done] = values

    def repeat(self, name: str) -> None:
        """Note the same as in the iteration before."""
        column = self._columns[name]
        self._values[self.done, column] = self._values[self.done - 1, column]

    def of(self, name: str) -> torch.Tensor:
        """Return a loss of all iterations that are done, (done,)."""
        return self._values[: self.done, self._columns[name]]

    def latest(self) -> dict[str, float]:
        """Return the losses of the last iteration that is done; those without a value are left out."""
        values = self._values[max(0, self.done - 1)].tolist()
        return {name: value for name, value in zip(LOSSES, values, strict=True) if not math.isnan(value)}

    def history(self) -> History:
        """Return the losses of the iterations that are done."""
        values = np.ascontiguousarray(self._values[: self.done].cpu().numpy().T)
        losses: Mapping[str, npt.NDArray[np.float32]] = dict(zip(LOSSES, values, strict=True))
        return History(losses, self.done)
