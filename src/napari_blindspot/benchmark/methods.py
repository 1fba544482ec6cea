"""Who takes part: one table of names, and the protocol that all of them follow.

A method is a factory that imports what it needs and returns a function from array to array. Importing this
module imports none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.settings import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PEERS", "Denoiser", "Method", "Request", "available_methods", "choose_methods", "quick_passes"]

Denoiser = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
"""A noisy plane in [0, 255], (Y, X) float32, to an estimate on the same scale."""

_PEERS = "napari_blindspot.benchmark.peers"


@dataclass(frozen=True, slots=True)
class Request:
    """What a factory is told.

    Attributes
    ----------
    method : str
        The name of the method, for factories that serve several.
    device : str
        ``auto``, ``cuda``, ``mps`` or ``cpu``.
    seed : int
        For everything random.
    iterations : int, optional
        In place of the method's own number; for a quick look.
    overrides : dict
        Settings in place of a preset's.
    truth : ndarray, optional
        Only for methods that say so (`Method.sees_truth`).
    """

    method: str
    device: str = "auto"
    seed: int = 0
    iterations: int | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    truth: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A name in the table.

    Attributes
    ----------
    name : str
        As in ``--methods`` and ``results.csv``.
    factory : str
        ``module:function``, called with a `Request`, returns a `Denoiser`.
    about : str
        One line for the report.
    needs : tuple of str
        Modules that must be importable.
    sees_truth : bool
        Whether the factory is given the truth: an oracle.
    extra : str
        What installs `needs`: ``pip install 'napari-blindspot[EXTRA]'``.
    """

    name: str
    factory: str
    about: str
    needs: tuple[str, ...] = ()
    sees_truth: bool = False
    extra: str = "bench"

    def missing(self) -> list[str]:
        """Return the modules of `needs` that are not installed."""
        return [module for module in self.needs if importlib.util.find_spec(module) is None]

    def build(self, request: Request) -> Denoiser:
        """Import the method and return its function."""
        module, name = self.factory.split(":")
        denoiser: Denoiser = getattr(importlib.import_module(module), name)(request)
        return denoiser


PEERS: tuple[Method, ...] = (
    Method("noisy", f"{_PEERS}.classical:noisy", "the image as it is"),
    Method(
        "gaussian-oracle",
        f"{_PEERS}.classical:gaussian_oracle",
        "Gaussian blur with the sigma that is best against the truth, an image at a time",
        sees_truth=True,
    ),
    Method("nlm", f"{_PEERS}.classical:nlm", "non-local means (scikit-image)", ("pywt",)),
    Method("tv", f"{_PEERS}.classical:tv", "total variation, Chambolle (scikit-image)", ("pywt",)),
    Method("wavelet", f"{_PEERS}.classical:wavelet", "BayesShrink, cycle-spun (scikit-image)", ("pywt",)),
    Method("bm3d", f"{_PEERS}.bm3d:plain", "BM3D with one sigma", ("bm3d",)),
    Method(
        "bm3d-vst",
        f"{_PEERS}.bm3d:stabilised",
        "BM3D with generalised Anscombe and its exact unbiased inverse",
        ("bm3d",),
    ),
    Method("bm3d-vst-psd", f"{_PEERS}.bm3d:spectrum", "the same with the noise's spectrum", ("bm3d",)),
    Method(
        "n2v", f"{_PEERS}.n2v:noise2void", "Noise2Void (CAREamics), trained on the image", ("careamics",)
    ),
    Method("dip", f"{_PEERS}.dip:deep_image_prior", "Deep Image Prior on our U-Net", ("torch",)),
    Method("self2self", f"{_PEERS}.self2self:self2self", "Self2Self on our U-Net", ("torch",)),
    Method("mash", f"{_PEERS}.mash:mash", "MASH on our U-Net", ("torch",)),
    Method("zsn2n", f"{_PEERS}.zsn2n:zsn2n", "ZS-N2N with its own network", ("torch",)),
)
"""Everything that is not ours, in the order of the tables."""


FROM_NOTHING = "auto-random"
"""The preset ``auto`` with a U-Net that starts from random weights."""


def available_methods() -> dict[str, Method]:
    """Return all methods by name: the peers, then ours, one a preset and one from random weights."""
    factory = "napari_blindspot.benchmark.methods:ours"
    ours = [Method(preset, factory, f"this project, preset {preset}") for preset in PRESETS]
    ours.append(Method(FROM_NOTHING, factory, "the same as auto, but from random weights"))
    return {method.name: method for method in (*PEERS, *ours)}


def choose_methods(names: Iterable[str] | None) -> list[Method]:
    """Look methods up by name; all of them if none are named.

    Raises
    ------
    SettingsError
        If there is no such method.
    """
    known = available_methods()
    if names is None:
        return list(known.values())
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise SettingsError(f"There is no method {name!r}; choose from: {', '.join(known)}.")
    return [known[name] for name in wanted]


def quick_passes(passes: int, usual: int, iterations: int) -> int:
    """Shorten the averaging with the fit, so that a quick look is quick."""
    return min(passes, max(4, round(passes * iterations / usual)))


def ours(request: Request) -> Denoiser:
    """Return this project's `denoise` with what the method is named after."""
    from napari_blindspot.core.events import Finished
    from napari_blindspot.engine.fit_plane import fit_plane
    from napari_blindspot.settings import Settings

    preset, changes = request.method, {"seed": request.seed, "device": request.device}
    if request.method == FROM_NOTHING:
        preset, changes = "auto", changes | {"unet_start": "random"}
    settings = Settings.parse({**Settings.from_preset(preset, **changes).model_dump(), **request.overrides})
    if request.iterations is not None:
        usual = settings.iterations
        settings = Settings.parse(
            {
                **settings.model_dump(),
                "iterations": request.iterations,
                "passes": quick_passes(settings.passes, usual, request.iterations),
            }
        )

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        for event in fit_plane(image, settings):
            if isinstance(event, Finished):
                return event.result.denoised
        raise AssertionError("a fit that nobody cancels finishes")

    return denoise
