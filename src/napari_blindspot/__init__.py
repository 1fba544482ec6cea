"""Zero-shot denoising of fluorescence images: one noisy image in, a clean one out.

The public names are loaded when they are first used, so that importing the package (which napari does
at start-up) loads neither torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_blindspot.api import denoise, denoise_stack, fit, measure_resolution, save
    from napari_blindspot.comparison import Comparison, Contender, compare
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
    from napari_blindspot.core.result import History, Result, StackResult
    from napari_blindspot.core.words import sentence
    from napari_blindspot.engine.inr_of_image import fit_inr, fit_volume
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
    from napari_blindspot.files.write_options import WriteOptions
    from napari_blindspot.inspection.blind_score import BlindScore
    from napari_blindspot.inspection.resolution import RingCorrelation
    from napari_blindspot.inspection.uncertainty import error_sigma
    from napari_blindspot.inspection.verdict import Verdict, judge
    from napari_blindspot.method.inr_field import InrField, SampledImage
    from napari_blindspot.method.inr_volume import InrVolume, SampledVolume
    from napari_blindspot.model_zoo import export_model
    from napari_blindspot.noise.estimate import estimate_noise
    from napari_blindspot.settings import PRESETS, Settings
    from napari_blindspot.stack import fit_stack

__all__ = [
    "PRESETS",
    "BlindScore",
    "BlindspotError",
    "Cancelled",
    "CancelledError",
    "Comparison",
    "Contender",
    "Control",
    "DeviceError",
    "DivergedError",
    "Event",
    "FileError",
    "Finished",
    "History",
    "ImageError",
    "ImageFile",
    "InrField",
    "InrVolume",
    "InternalError",
    "Model",
    "NoiseModel",
    "Notice",
    "OutOfMemoryError",
    "Paused",
    "Predicting",
    "Preview",
    "Result",
    "RingCorrelation",
    "SampledImage",
    "SampledVolume",
    "Settings",
    "SettingsError",
    "StackResult",
    "Started",
    "Step",
    "Verdict",
    "WriteOptions",
    "__version__",
    "compare",
    "denoise",
    "denoise_stack",
    "error_sigma",
    "estimate_noise",
    "export_model",
    "fit",
    "fit_inr",
    "fit_stack",
    "fit_volume",
    "judge",
    "list_series",
    "load",
    "measure_resolution",
    "open_image",
    "read_image",
    "read_record",
    "read_settings",
    "save",
    "sentence",
    "write_image",
]

_HOMES: dict[str, tuple[str, ...]] = {
    "api": ("denoise", "denoise_stack", "fit", "measure_resolution", "save"),
    "comparison": ("Comparison", "Contender", "compare"),
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
    "core.result": ("History", "Result", "StackResult"),
    "core.words": ("sentence",),
    "engine.inr_of_image": ("fit_inr", "fit_volume"),
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
    "inspection.blind_score": ("BlindScore",),
    "inspection.resolution": ("RingCorrelation",),
    "inspection.uncertainty": ("error_sigma",),
    "inspection.verdict": ("Verdict", "judge"),
    "method.inr_field": ("InrField", "SampledImage"),
    "method.inr_volume": ("InrVolume", "SampledVolume"),
    "model_zoo": ("export_model",),
    "noise.estimate": ("estimate_noise",),
    "settings": ("PRESETS", "Settings"),
    "stack": ("fit_stack",),
}

_OTHER_NAMES = {
    "load": ("files.model_file", "load_model"),
}

_HOME = {name: (home, name) for home, names in _HOMES.items() for name in names} | _OTHER_NAMES


def __getattr__(name: str) -> Any:
    if name == "__version__":
        # Looking it up takes longer than all else here.
        from importlib.metadata import version

        value: Any = version("napari-blindspot")
    elif name in _HOME:
        module, attribute = _HOME[name]
        value = getattr(import_module(f"{__name__}.{module}"), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
