"""Zero-shot denoising of fluorescence images: one noisy image in, a clean one out.

The public names are loaded when they are first used, so that importing the package (which napari does
at start-up) loads neither torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_blindspot.api import denoise, fit
    from napari_blindspot.core.control import Control
    from napari_blindspot.core.errors import BlindspotError
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.model import load_model as load
    from napari_blindspot.core.result import Result
    from napari_blindspot.noise.estimate import estimate_noise
    from napari_blindspot.settings import PRESETS, Settings

__all__ = [
    "PRESETS",
    "BlindspotError",
    "Control",
    "Model",
    "Result",
    "Settings",
    "__version__",
    "denoise",
    "estimate_noise",
    "fit",
    "load",
]

__version__ = version("napari-blindspot")

_HOME = {
    "PRESETS": ("settings", "PRESETS"),
    "BlindspotError": ("core.errors", "BlindspotError"),
    "Control": ("core.control", "Control"),
    "Model": ("core.model", "Model"),
    "Result": ("core.result", "Result"),
    "Settings": ("settings", "Settings"),
    "denoise": ("api", "denoise"),
    "estimate_noise": ("noise.estimate", "estimate_noise"),
    "fit": ("api", "fit"),
    "load": ("core.model", "load_model"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    value = getattr(import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
