"""Our own methods: one for each preset, ``auto`` from random weights, and a preset on a stack."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.method_protocol import Method
from napari_blindspot.benchmark.planes_alike import planes_alike
from napari_blindspot.settings import PRESETS, PaperSettings, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["fitted_preset", "fitted_stack", "our_methods", "quick_passes", "settings_of"]

RANDOM_WEIGHTS = "auto-random"
"""The preset ``auto`` with a U-Net that starts from random weights."""

MIN_QUICK_PASSES = 4
"""Visible sets or symmetries that are averaged in a quick look at least."""


def our_methods() -> list[Method]:
    """Return one method for each preset, and one from random weights."""
    return [Method(name, f"{__name__}:fitted_preset") for name in (*PRESETS, RANDOM_WEIGHTS)]


def quick_passes(passes: int, usual: int, iterations: int) -> int:
    """Shorten the averaging with the fit, so that a quick look is quick.

    Parameters
    ----------
    passes, usual : int
        Visible sets or symmetries, and iterations, of the preset.
    iterations : int
        Of the quick look.
    """
    return min(passes, max(MIN_QUICK_PASSES, round(passes * iterations / usual)))


def settings_of(request: Request) -> Settings:
    """Return the settings that a request asks for: a preset's, the overrides, and fewer iterations.

    A quick look averages over fewer visible sets or symmetries as well.
    """
    preset, changes = request.method, {"seed": request.seed, "device": request.device}
    if request.method == RANDOM_WEIGHTS:
        preset, changes = "auto", changes | {"unet_weights": "random"}
    settings = Settings.parse({**Settings.from_preset(preset, **changes).model_dump(), **request.overrides})
    if request.iterations is None:
        return settings
    averaged = "passes" if isinstance(settings, PaperSettings) else "symmetries"
    fewer = quick_passes(getattr(settings, averaged), settings.iterations, request.iterations)
    return Settings.parse({**settings.model_dump(), "iterations": request.iterations, averaged: fewer})


def fitted_preset(request: Request) -> Denoiser:
    """Return a fit with the preset that the method is named after."""
    import napari_blindspot.engine.fit_plane  # noqa: F401 (its imports must not be timed)

    settings = settings_of(request)
    return lambda image: _first_plane(image, settings)


def fitted_stack(request: Request) -> Denoiser:
    """Return a function that denoises a stack of planes like the image and gives back the first of them.

    ``length`` in the overrides is the number of planes.
    """
    import napari_blindspot.engine.fit_plane  # noqa: F401 (its imports must not be timed)

    overrides = dict(request.overrides)
    length = overrides.pop("length")
    settings = settings_of(replace(request, overrides=overrides))

    def fitted(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return _first_plane(planes_alike(image, length), settings)

    return fitted


def _first_plane(image: npt.NDArray[Any], settings: Settings) -> npt.NDArray[Any]:
    """Denoise a plane or all of a stack as the command line does where no INR is asked for.

    Returns
    -------
    ndarray
        (Y, X), the first plane.
    """
    from napari_blindspot.core.events import Finished
    from napari_blindspot.stack import fit_stack

    events = fit_stack(image, settings, wants_inr=False)
    planes = (event.result.denoised for event in events if isinstance(event, Finished))
    first = next(planes)
    deque(planes, maxlen=0)
    return first
