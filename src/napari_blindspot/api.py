"""The public functions: arrays in, results out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import CancelledError, ImageError, SettingsError
from napari_blindspot.core.events import Cancelled, Finished
from napari_blindspot.core.images import Images
from napari_blindspot.core.model import check_keeps_model
from napari_blindspot.core.result import StackResult
from napari_blindspot.settings import DEFAULT_PRESET, Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.result import Result
    from napari_blindspot.inspection.resolution import RingCorrelation

    Index = tuple[int, ...]

__all__ = ["denoise", "denoise_stack", "fit", "measure_resolution", "resolve_settings", "save"]


def denoise(
    image: npt.ArrayLike,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    model: Model | None = None,
    neighbours: npt.ArrayLike | None = None,
    on_event: Callable[[Event], object] | None = None,
    control: Control | None = None,
    **overrides: Any,
) -> Result:
    """Denoise one grayscale plane; nothing is trained beforehand.

    Parameters
    ----------
    image : array_like
        (Y, X), 16×16 or larger, integer or float, any range of values. NaN pixels are left out and stay
        NaN; a constant plane comes back unchanged, with a notice in the result.
    preset : str, optional
        One of `napari_blindspot.PRESETS`.
    settings : Settings, optional
        A complete record instead of a preset, for example of an earlier run.
    model : Model, optional
        What `fit` has learned from another plane, to be applied as it is: nothing is fitted but the INR,
        and only the noise is measured. Right for planes of the same kind: same instrument and settings,
        same sort of structure. Its settings hold, so that there is no preset then.
    neighbours : array_like, optional
        (N, Y, X), planes that show nearly the same with noise of their own, to look at as well.
    on_event : callable, optional
        Called with every event of the fit, in the thread of the caller.
    control : Control, optional
        Lets another thread pause, stop or cancel the run.
    **overrides
        Any field of the settings, such as ``seed=1`` or ``iterations=300``.

    Returns
    -------
    Result
        ``denoised`` and ``inr`` on the scale of `image`, the settings and the history.

    Raises
    ------
    ImageError
        If the image is not a plane of intensities, or the neighbours do not fit it.
    SettingsError
        If the preset or a setting does not exist or is out of range, or preset, settings and model
        disagree.
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
    resolved = _resolved(preset, settings, model, overrides)
    event = _finished(image, resolved, on_event, control, model=model, neighbours=neighbours)
    return event.result


def fit(
    image: npt.ArrayLike,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    neighbours: npt.ArrayLike | None = None,
    on_event: Callable[[Event], object] | None = None,
    control: Control | None = None,
    **overrides: Any,
) -> Model:
    """Fit one grayscale plane and return the networks, to be saved and applied to other planes.

    Parameters
    ----------
    image : array_like
        As for `denoise`, and so are the others.
    preset : str, optional
        One of `napari_blindspot.PRESETS`.
    settings : Settings, optional
        A complete record instead of a preset.
    neighbours : array_like, optional
        (N, Y, X), planes beside it.
    on_event : callable, optional
        Called with every event.
    control : Control, optional
        Lets another thread pause, stop or cancel the run.
    **overrides
        Any field of the settings.

    Returns
    -------
    Model
        For ``denoise(other, model=model)`` and `napari_blindspot.save`; `napari_blindspot.load` reads it
        again.

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
    >>> from napari_blindspot import denoise, fit, load, save
    >>> save(fit(first_image), "cells.safetensors")  # doctest: +SKIP
    >>> denoise(second_image, model=load("cells.safetensors")).denoised  # doctest: +SKIP
    """
    resolved = resolve_settings(preset, settings, overrides)
    check_keeps_model(resolved)
    event = _finished(image, resolved, on_event, control, neighbours=neighbours)
    if event.model is None:
        raise ImageError(" ".join(event.result.warnings) + " There is no model to keep.")
    return event.model


def denoise_stack(
    array: Any,
    preset: str | None = None,
    *,
    axes: str | None = None,
    settings: Settings | None = None,
    model: Model | None = None,
    on_event: Callable[[Event], object] | None = None,
    control: Control | None = None,
    **overrides: Any,
) -> StackResult:
    """Denoise the planes of a stack, one after another, into memory.

    For results that do not fit into memory, `napari_blindspot.fit_stack` gives plane after plane.

    Parameters
    ----------
    array : array-like
        (…, Y, X); anything that numpy can index and convert: numpy, dask, zarr. One plane is read at a
        time.
    preset : str, optional
        One of `napari_blindspot.PRESETS`.
    settings : Settings, optional
        A complete record instead of a preset.
    model : Model, optional
        As for `denoise`; it is applied to every plane.
    on_event : callable, optional
        Called with every event.
    control : Control, optional
        Lets another thread pause, stop or cancel the run.
    **overrides
        Any field of the settings; ``stack_start`` and ``neighbours`` say what planes have to do with one
        another.
    axes : str, optional
        One letter an axis, such as ``"TCZYX"``. Planes that differ in anything but T and Z, such
        as the channel, never share a network.

    Returns
    -------
    StackResult
        The images, and the record of each plane.

    Raises
    ------
    ImageError, SettingsError, DeviceError, OutOfMemoryError, DivergedError
        As for `denoise`.
    CancelledError
        If `control` cancelled the run.
    """
    from napari_blindspot.stack import fit_stack

    resolved = _resolved(preset, settings, model, overrides)
    images: dict[str, npt.NDArray[Any]] = {}
    planes: dict[Index, Result] = {}
    inr_later: dict[Index, Settings] = {}
    models = () if model is None else (model,)
    for event in _told(fit_stack(array, resolved, axes=axes, control=control, models=models), on_event):
        if isinstance(event, Finished):
            found = event.result.images
            for name, image in (found.ready if isinstance(found, Images) else found).items():
                if name not in images:
                    images[name] = _blank(tuple(array.shape), image.dtype)
                images[name][event.plane] = image
            planes[event.plane] = replace(event.result, images={}, noisy=None)
            if isinstance(found, Images):
                inr_later[event.plane] = event.result.settings
        elif isinstance(event, Cancelled):
            raise CancelledError("The run was cancelled, so there is no result.")
    if not inr_later:
        return StackResult(images, planes)
    others = {name: image for name, image in images.items() if name != "inr"}
    return StackResult(Images(others, {"inr": partial(_inr_of_stack, images, inr_later)}), planes)


def measure_resolution(
    noisy: npt.ArrayLike,
    denoised: npt.ArrayLike,
    noise: NoiseModel,
    settings: Settings | None = None,
    *,
    model: Model | None = None,
    seed: int = 0,
    control: Control | None = None,
) -> dict[str, RingCorrelation]:
    """Measure how finely a plane resolves before and after denoising, by Fourier ring correlation.

    Two images with independent noise are made of the one, each as of half the exposure, and denoised.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X).
    noise : NoiseModel
        Measured on the noisy plane.
    settings, model : Settings or Model, optional
        Of the two fits, or to be applied instead; with neither only the noisy plane is measured.
    seed : int
        Draws the noise that parts the halves.
    control : Control, optional
        Lets another thread cancel the fits.

    Returns
    -------
    dict of str to RingCorrelation
        ``"before"``, and ``"after"`` where settings or a model were given.

    Raises
    ------
    ImageError, SettingsError, DeviceError, OutOfMemoryError, DivergedError, CancelledError
        As for `denoise`; also if the noise was not measured.
    """
    from napari_blindspot.inspection.resolution import ring_correlation, split_noise

    if not noise.measured:
        raise ImageError("The noise was not measured, so it cannot be parted into halves.")
    halves = split_noise(noisy, denoised, noise, seed)
    found = {"before": ring_correlation(*halves)}
    if settings is not None or model is not None:
        settings = settings if model is None else None
        first, second = (denoise(y, settings=settings, model=model, control=control) for y in halves)
        found["after"] = ring_correlation(first.denoised, second.denoised)
    return found


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model as one safetensors file; under its own name it is never incomplete.

    Parameters
    ----------
    model : Model
        What `fit` returned; to that of a plane of a stack, its INR is fitted first.
    path : path-like
        By convention ending in ``.safetensors``. A file of that name is replaced.

    Raises
    ------
    FileError
        If the operating system refuses.
    """
    from napari_blindspot.engine.inr_of_image import with_inr
    from napari_blindspot.files.model_file import save_model

    save_model(with_inr(model), path)


def _inr_of_stack(images: dict[str, npt.NDArray[Any]], later: Mapping[Index, Any]) -> npt.NDArray[Any]:
    """Return the INR's images of a stack, (…, Y, X), of which some are to be fitted now."""
    from napari_blindspot.engine.inr_of_image import inr_at_pixels

    whole = images.get("inr", _blank(images["denoised"].shape, images["denoised"].dtype))
    for plane, settings in later.items():
        whole[plane] = inr_at_pixels(images["denoised"][plane], settings)
    return whole


def _blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return an array without results."""
    return np.full(shape, np.nan, dtype) if dtype.kind == "f" else np.zeros(shape, dtype)


def _finished(
    image: npt.ArrayLike,
    settings: Settings,
    on_event: Callable[[Event], object] | None,
    control: Control | None,
    *,
    model: Model | None = None,
    neighbours: npt.ArrayLike | None = None,
) -> Finished:
    """Fit a plane to the end.

    Raises
    ------
    CancelledError
        If `control` cancelled the run.
    """
    from napari_blindspot.engine.fit_plane import fit_plane

    events = fit_plane(
        image,
        settings,
        control=control,
        initial_model=model,
        train=model is None,
        neighbours=neighbours,
    )
    for event in _told(events, on_event):
        if isinstance(event, Finished):
            return event
        if isinstance(event, Cancelled):
            break
    raise CancelledError("The run was cancelled, so there is no result.")


def _told(events: Iterable[Event], on_event: Callable[[Event], object] | None) -> Iterator[Event]:
    """Give events on, and tell each of them."""
    for event in events:
        if on_event is not None:
            on_event(event)
        yield event


def _resolved(
    preset: str | None, settings: Settings | None, model: Model | None, overrides: Mapping[str, Any]
) -> Settings:
    """Combine what was given, or take the settings of a model.

    Raises
    ------
    SettingsError
        If both or something invalid is given.
    """
    if model is not None:
        if preset is not None or settings is not None:
            raise SettingsError("A model brings its settings along; give no preset or settings beside it.")
        settings = model.applied_settings()
    return resolve_settings(preset, settings, overrides)


def resolve_settings(
    preset: str | None, settings: Settings | None, overrides: Mapping[str, Any]
) -> Settings:
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
    return Settings.parse({**settings.model_dump(), **given}) if given else settings
