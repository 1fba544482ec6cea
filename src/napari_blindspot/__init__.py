"""Zero-shot denoising of fluorescence images: one noisy image in, a clean one out.

The public names are loaded when they are first used, so that importing the package (which napari does
at start-up) loads neither torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_blindspot.api import StackResult, denoise, denoise_stack, fit
    from napari_blindspot.core.control import Control
    from napari_blindspot.core.errors import (
        BlindspotError,
        CancelledError,
        DeviceError,
        DivergedError,
        FileError,
        ImageError,
        InternalError,
        OutOfMemoryError,
        SettingsError,
    )
    from napari_blindspot.core.events import (
        Cancelled,
        Event,
        Finished,
        Paused,
        Predicting,
        Preview,
        Started,
        Step,
    )
    from napari_blindspot.core.model import Model
    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.core.result import History, Result
    from napari_blindspot.core.words import sentence
    from napari_blindspot.files.door import (
        list_series,
        open_image,
        read_image,
        read_record,
        read_settings,
        write_image,
    )
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.files.model_file import load_model as load
    from napari_blindspot.files.model_file import save_model as save
    from napari_blindspot.files.write_options import WriteOptions
    from napari_blindspot.noise.estimate import estimate_noise
    from napari_blindspot.settings import PRESETS, Settings
    from napari_blindspot.stack import fit_stack

__all__ = [
    "PRESETS",
    "BlindspotError",
    "Cancelled",
    "CancelledError",
    "Control",
    "DeviceError",
    "DivergedError",
    "Event",
    "FileError",
    "Finished",
    "History",
    "ImageError",
    "ImageFile",
    "InternalError",
    "Model",
    "NoiseModel",
    "Notice",
    "OutOfMemoryError",
    "Paused",
    "Predicting",
    "Preview",
    "Result",
    "Settings",
    "SettingsError",
    "StackResult",
    "Started",
    "Step",
    "WriteOptions",
    "__version__",
    "denoise",
    "denoise_stack",
    "estimate_noise",
    "fit",
    "fit_stack",
    "list_series",
    "load",
    "open_image",
    "read_image",
    "read_record",
    "read_settings",
    "save",
    "sentence",
    "write_image",
]

_HOMES: dict[str, tuple[str, ...]] = {
    "api": ("StackResult", "denoise", "denoise_stack", "fit"),
    "core.control": ("Control",),
    "core.errors": (
        "BlindspotError",
        "CancelledError",
        "DeviceError",
        "DivergedError",
        "FileError",
        "ImageError",
        "InternalError",
        "OutOfMemoryError",
        "SettingsError",
    ),
    "core.events": (
        "Cancelled",
        "Event",
        "Finished",
        "Paused",
        "Predicting",
        "Preview",
        "Started",
        "Step",
    ),
    "core.model": ("Model",),
    "core.noise_model": ("NoiseModel",),
    "core.notices": ("Notice",),
    "core.result": ("History", "Result"),
    "core.words": ("sentence",),
    "files.door": (
        "list_series",
        "open_image",
        "read_image",
        "read_record",
        "read_settings",
        "write_image",
    ),
    "files.image_file": ("ImageFile",),
    "files.write_options": ("WriteOptions",),
    "noise.estimate": ("estimate_noise",),
    "settings": ("PRESETS", "Settings"),
    "stack": ("fit_stack",),
}

_OTHER_NAMES = {
    "load": ("files.model_file", "load_model"),
    "save": ("files.model_file", "save_model"),
}

_HOME = {name: (home, name) for home, names in _HOMES.items() for name in names} | _OTHER_NAMES


__version__ = version("napari-blindspot")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    value = getattr(import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
