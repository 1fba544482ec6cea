"""The fit of one plane as a generator of events, with pause, stop-and-keep and cancel.

Widget, command line and batch all consume this generator, so that the same settings and seed give the
same pixels in each. It knows nothing of screens or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.core.images import IMAGES, with_derived
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import cast_like, check_neighbours, check_plane
from napari_blindspot.core.result import History, Result
from napari_blindspot.engine.hardware.backends import (
    choose_device,
    choose_precision,
    describe_device,
    release_memory,
)
from napari_blindspot.engine.hardware.failures import readable_errors
from napari_blindspot.engine.hardware.memory import shortage
from napari_blindspot.engine.hardware.torch_state import computing, scoped
from napari_blindspot.engine.measured_run import measured_run
from napari_blindspot.engine.model_run import model_run
from napari_blindspot.engine.paper_run import paper_run
from napari_blindspot.engine.run import RunInput, Watch
from napari_blindspot.engine.warm_start import check_model
from napari_blindspot.method.masks import MASKS
from napari_blindspot.settings import MeasuredSettings, PaperSettings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any

    import numpy.typing as npt
    import torch

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.settings import Settings

__all__ = ["fit_plane"]


def fit_plane(
    image: npt.ArrayLike,
    settings: Settings,
    *,
    control: Control | None = None,
    preview_interval: float | None = None,
    initial_model: Model | None = None,
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
    initial_model : Model, optional
        Networks of another plane to start from; if they turn out to be no help here, the plane is fitted
        anew. Not for the preset ``paper``.
    train : bool
        False applies `initial_model` as it is.
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
        If `initial_model` does not fit the settings, or something that they name does not exist.
    DeviceError, OutOfMemoryError
        If the device is not there, fails or is too small.
    DivergedError
        If the fit does not converge, which takes a learning rate that is far too high.
    InternalError
        If this package has a fault.
    """
    plane = check_plane(image)
    beside = check_neighbours(plane, neighbours)
    if initial_model is not None:
        check_model(initial_model, settings)
    if isinstance(settings, MeasuredSettings) and settings.mask not in MASKS:
        raise SettingsError(f"There is no mask {settings.mask!r}; choose one of: {', '.join(MASKS)}.")
    device = choose_device(settings.device)
    precision = choose_precision(settings, device)
    settings = settings.model_copy(update={"device": device.type, "precision": precision})
    reason = _nothing_to_denoise(plane)
    if reason is not None:
        yield from _unchanged(plane, settings, device, reason)
        return
    height, width = plane.shape
    watch = Watch(control or Control(), preview_interval)
    news = shortage((height, width), settings, device)
    events: Generator[Event, None, None]
    with computing(device):
        if isinstance(settings, PaperSettings):
            events = paper_run(RunInput(plane, settings, device, watch, beside, news))
        elif isinstance(settings, MeasuredSettings):
            run = RunInput(plane, settings, device, watch, beside, news)
            if initial_model is not None and not train:
                events = model_run(run, initial_model)
            else:
                events = measured_run(run, initial_model)
        else:
            raise TypeError(f"{type(settings).__name__} belongs to no method.")
    try:
        with readable_errors(device, (height, width)):
            rounded = isinstance(settings, MeasuredSettings) and precision == "bfloat16"
            yield from scoped(events, device, rounded_products=rounded)
    finally:
        release_memory(device)


def _nothing_to_denoise(plane: npt.NDArray[Any]) -> Notice | None:
    """Say why a plane, (Y, X), is better left alone; None for one that can be denoised."""
    values = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
    low, high = values.min(), values.max()
    if low == high:
        return Notice("all-equal")
    if np.isin(values, (low, high)).all():
        return Notice("two-values", {"low": str(low), "high": str(high)})
    return None


def _unchanged(
    plane: npt.NDArray[Any], settings: Settings, device: torch.device, reason: Notice
) -> Iterator[Event]:
    """Give a plane, (Y, X), back as its own estimate."""
    height, width = plane.shape
    dtype = plane.dtype if settings.output_dtype == "input" else np.dtype(np.float32)
    name = describe_device(device)
    yield Started(settings=settings, shape=(height, width), device=name, parameters=0, notices=(reason,))
    given = [name for name, image in IMAGES.items() if image.derive is None]
    yield Finished(
        result=Result(
            images=with_derived(plane, {image: cast_like(plane, dtype) for image in given}),
            settings=settings,
            history=History({}),
            iterations=0,
            planned_iterations=0,
            passes=0,
            seconds=0.0,
            device=name,
            notices=(reason,),
        )
    )
