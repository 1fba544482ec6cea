"""The fit of one plane as a generator of events, with pause, stop-and-keep and cancel.

Widget, command line and batch all consume this generator, so that the same settings and seed give the
same pixels in each. It knows nothing of screens or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.plane import check_neighbours, check_plane
from napari_blindspot.engine.hardware.backends import passed_over, release_memory
from napari_blindspot.engine.hardware.failures import readable_errors
from napari_blindspot.engine.hardware.memory import shortage
from napari_blindspot.engine.hardware.torch_state import computing, scoped
from napari_blindspot.engine.inr_of_image import with_inr_later
from napari_blindspot.engine.left_alone import BlankAreas, unchanged
from napari_blindspot.engine.measured_run import measured_run
from napari_blindspot.engine.model_run import model_run
from napari_blindspot.engine.paper_run import paper_run
from napari_blindspot.engine.prepared import PreparedPlane
from napari_blindspot.engine.run import Watch
from napari_blindspot.engine.warm_start import check_model
from napari_blindspot.method.masks import MASKS
from napari_blindspot.settings import MeasuredSettings, PaperSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import numpy.typing as npt

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.engine.first_look import FirstLook
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
    inr_later: bool = False,
    looked: Callable[[], FirstLook] | None = None,
) -> Iterator[Event]:
    """Denoise one plane, and say how it goes.

    Parameters
    ----------
    image : array_like
        (Y, X), 16×16 or larger, integer or float. NaN pixels and blank areas, such as the borders that a
        registration leaves, stay out of both sets and stay as they are; so does a plane that holds nothing
        else, or a constant.
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
        (N, Y, X), planes that show nearly the same with noise of their own, in their order, half of them
        before this one; NaN all over where one is missing. N is at most 8.
    inr_later : bool
        Whether the INR is not fitted beside the U-Net, but to the final estimate when its image is first
        read; previews, history and model do without it then. ``paper`` needs its INR for the fit.
    looked : callable, optional
        What `napari_blindspot.engine.first_look.look_ahead` returned for the same plane, settings and
        neighbours.

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
    beside = list(check_neighbours(plane, neighbours))
    del neighbours
    if initial_model is not None:
        check_model(initial_model, settings)
    if isinstance(settings, MeasuredSettings) and settings.mask not in MASKS:
        raise SettingsError(f"There is no mask {settings.mask!r}; choose one of: {', '.join(MASKS)}.")
    prepared = PreparedPlane.of(plane, settings)
    device = prepared.device
    passed = passed_over(settings.device, device.type)
    settings = prepared.settings
    if prepared.reason is not None:
        yield from unchanged(plane, settings, device, prepared.reason)
        return
    left_alone = BlankAreas(plane, prepared.areas) if prepared.areas is not None else None
    height, width = plane.shape
    watch = Watch(control or Control(), preview_interval)
    looks_beside = isinstance(settings, MeasuredSettings) and len(beside) > 0
    needs = settings if looks_beside else settings.model_copy(update={"neighbours": 0})
    news = (*passed, *shortage((height, width), needs, device))
    events: Generator[Event, None, None]
    with computing(device):
        run = prepared.run(watch, beside, news, inr_later=inr_later)
        if isinstance(settings, PaperSettings):
            events = paper_run(run)
        elif isinstance(settings, MeasuredSettings):
            if initial_model is not None and not train:
                events = model_run(run, initial_model)
            else:
                events = measured_run(run, initial_model, looked)
                # It holds the pixels of the neighbours.
                del looked
        else:
            raise TypeError(f"{type(settings).__name__} belongs to no method.")
    try:
        with readable_errors(device, (height, width)):
            rounded = prepared.rounded_products
            # The paper's network sees the whole plane at once, in one piece.
            whole = isinstance(settings, PaperSettings)
            fitted = scoped(events, device, rounded_products=rounded, shared_operations=whole)
            if left_alone is not None:
                fitted = left_alone.restored(fitted, settings)
            if inr_later and isinstance(settings, MeasuredSettings):
                fitted = with_inr_later(fitted, settings)
            yield from fitted
    finally:
        release_memory(device)
