"""The fit of one plane as a generator of events, with pause, stop-and-keep and cancel.

Widget, command line and batch all consume this generator, so that the same settings and seed give the
same pixels in each. It knows nothing of screens or files.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.control import Control
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.core.plane import cast_like, check_plane
from napari_blindspot.core.result import History, Result
from napari_blindspot.engine.hardware.backends import (
    choose_device,
    choose_precision,
    describe_device,
    readable_errors,
    release_memory,
)
from napari_blindspot.engine.hardware.memory import shortage
from napari_blindspot.engine.hardware.torch_state import computing, scoped
from napari_blindspot.engine.measured_run import MeasuredRun
from napari_blindspot.engine.model_run import AppliedRun
from napari_blindspot.engine.paper_run import PaperRun
from napari_blindspot.noise.shared_noise import check_neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy.typing as npt
    import torch

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.engine.run import Run
    from napari_blindspot.settings import Settings

__all__ = ["fit_plane"]


def fit_plane(
    image: npt.ArrayLike,
    settings: Settings,
    *,
    control: Control | None = None,
    preview_interval: float | None = None,
    start: Model | None = None,
    train: bool = True,
    neighbours: npt.ArrayLike | None = None,
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
    start : Model, optional
        Networks of another plane to start from; if they turn out to be no help here, the plane is fitted
        anew. Not for the preset ``paper``.
    train : bool
        False applies `start` as it is.
    neighbours : array_like, optional
        (N, Y, X), planes that show nearly the same with noise of their own.

    Yields
    ------
    Event
        `Started`, then `Step`, `Preview`, `Paused` and `Predicting`, then `Finished` or `Cancelled`.

    Raises
    ------
    ImageError
        If the plane cannot be denoised, or the neighbours do not fit it.
    SettingsError
        If `start` does not fit the settings.
    DeviceError, OutOfMemoryError
        If the device is not there, fails or is too small.
    DivergedError
        If the fit does not converge, which takes a learning rate that is far too high.
    """
    plane = check_plane(image)
    beside = check_neighbours(plane, neighbours)
    if start is not None:
        start.check(settings)
    device = choose_device(settings.device)
    precision = choose_precision(settings, device)
    settings = settings.model_copy(update={"device": device.type, "precision": precision})
    height, width = plane.shape
    reason = _nothing_to_denoise(plane)
    if reason:
        yield Started(
            settings=settings,
            shape=(height, width),
            device=describe_device(device),
            parameters=0,
            note=reason,
        )
        yield Finished(result=_unchanged(plane, settings, device, reason))
        return
    control = control or Control()
    short = shortage((height, width), settings, device)
    run: Run
    with computing(device):
        if not settings.measures_noise:
            run = PaperRun(plane, settings, device, control, preview_interval)
        elif start is not None and not train:
            run = AppliedRun(plane, settings, device, control, preview_interval, beside, start)
        else:
            run = MeasuredRun(plane, settings, device, control, preview_interval, beside, start)
    try:
        with readable_errors(device, (height, width)):
            rounded = settings.measures_noise and precision == "bfloat16"
            for event in scoped(run.events(), device, rounded_products=rounded):
                if isinstance(event, Started) and short:
                    event = replace(event, note=" ".join(filter(None, [event.note, short])))
                yield event
    finally:
        del run
        release_memory(device)


def _nothing_to_denoise(plane: npt.NDArray[Any]) -> str:
    """Say why a plane is better left alone; empty for one that can be denoised."""
    values = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
    low, high = values.min(), values.max()
    if low == high:
        return "All pixels are equal, so the plane was left as it is."
    if np.isin(values, (low, high)).all():
        return f"The plane holds only the values {low} and {high}, as a mask does, so it was left as it is."
    return ""


def _unchanged(plane: npt.NDArray[Any], settings: Settings, device: torch.device, reason: str) -> Result:
    """Return a plane as its own estimate."""
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
        warnings=(reason,),
    )
