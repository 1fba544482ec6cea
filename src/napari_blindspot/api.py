"""The public functions: arrays in, results out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import CancelledError, ImageError, SettingsError
from napari_blindspot.core.events import Cancelled, Finished
from napari_blindspot.settings import DEFAULT_PRESET, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.result import Result

__all__ = ["denoise", "fit", "resolve_settings"]


def denoise(
    image: npt.ArrayLike,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    on_event: Callable[[Event], object] | None = None,
    control: Control | None = None,
    **overrides: Any,
) -> Result:
    """Denoise one grayscale plane; nothing is trained beforehand.

    Parameters
    ----------
    image : array_like
        (Y, X), 16×16 or larger, integer or float, any range of values. NaN pixels are left out and stay
        NaN; a constant plane comes back unchanged, with a warning in the result.
    preset : str, optional
        One of `napari_blindspot.PRESETS`.
    settings : Settings, optional
        A complete record instead of a preset, for example of an earlier run.
    on_event : callable, optional
        Called with every event of the fit, in the thread of the caller.
    control : Control, optional
        Lets another thread pause, stop or cancel the run.
    **overrides
        Any field of `Settings`, such as ``seed=1`` or ``iterations=300``.

    Returns
    -------
    Result
        ``denoised`` and ``inr`` on the scale of `image`, the settings and the history.

    Raises
    ------
    ImageError
        If the image is not a plane of intensities.
    SettingsError
        If the preset or a setting does not exist or is out of range, or preset and settings disagree.
    CancelledError
        If `control` cancelled the run.
    DeviceError, OutOfMemoryError
        If the device is not there, fails or is too small.
    DivergedError
        If the fit does not converge.

    Examples
    --------
    >>> from napari_blindspot import denoise
    >>> result = denoise(image, preset="paper", seed=0)  # doctest: +SKIP
    >>> result.denoised  # doctest: +SKIP
    """
    return _finished(image, resolve_settings(preset, settings, overrides), on_event, control).result


def fit(
    image: npt.ArrayLike,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    on_event: Callable[[Event], object] | None = None,
    control: Control | None = None,
    **overrides: Any,
) -> Model:
    """Fit one grayscale plane and return the networks, to be saved and applied to other planes.

    Parameters
    ----------
    image, preset, settings, on_event, control, **overrides
        As for `denoise`.

    Returns
    -------
    Model
        With ``apply`` for another plane, and ``save``; `load` reads it again.

    Raises
    ------
    ImageError
        If the image is not a plane of intensities, or there is nothing in it to fit.
    SettingsError
        As for `denoise`, and for the preset ``paper``, whose INR holds this one plane.
    CancelledError
        If `control` cancelled the run.
    DeviceError, OutOfMemoryError
        If the device is not there, fails or is too small.
    DivergedError
        If the fit does not converge.

    Examples
    --------
    >>> from napari_blindspot import fit, load
    >>> fit(first_image).save("cells.safetensors")  # doctest: +SKIP
    >>> load("cells.safetensors").apply(second_image).denoised  # doctest: +SKIP
    """
    resolved = resolve_settings(preset, settings, overrides)
    if not resolved.measures_noise:
        raise SettingsError(
            "The preset 'paper' has no model to keep, because its INR holds one plane; "
            "choose the preset auto, fast or best."
        )
    event = _finished(image, resolved, on_event, control)
    if event.model is None:
        raise ImageError(" ".join(event.result.warnings) + " There is no model to keep.")
    return event.model


def _finished(
    image: npt.ArrayLike,
    settings: Settings,
    on_event: Callable[[Event], object] | None,
    control: Control | None,
) -> Finished:
    """Fit a plane to the end.

    Raises
    ------
    CancelledError
        If `control` cancelled the run.
    """
    from napari_blindspot.engine.fit_plane import fit_plane

    for event in fit_plane(image, settings, control=control):
        if on_event is not None:
            on_event(event)
        if isinstance(event, Finished):
            return event
        if isinstance(event, Cancelled):
            break
    raise CancelledError("The run was cancelled, so there is no result.")


def resolve_settings(preset: str | None, settings: Settings | None, overrides: dict[str, Any]) -> Settings:
    """Combine a preset or a complete record with overrides.

    Raises
    ------
    SettingsError
        If both or something invalid is given.
    """
    if settings is None:
        return Settings.from_preset(preset or DEFAULT_PRESET, **overrides)
    if preset is not None and preset != settings.preset:
        raise SettingsError(
            f"Both the preset {preset!r} and settings of the preset {settings.preset!r} were given; "
            "give one of them."
        )
    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings.parse({**settings.model_dump(), **given})
