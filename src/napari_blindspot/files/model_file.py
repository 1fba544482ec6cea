"""Models on disk: one safetensors file with weights, and in its header settings and measurements as JSON.

Loading one executes nothing. What a model is belongs to `napari_blindspot.core.model`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.model import FittedImage, InrBase, Model
from napari_blindspot.core.noise_model import NoiseModel
from napari_blindspot.core.words import first_line
from napari_blindspot.files.safe_write import atomic_path
from napari_blindspot.settings import PlannedSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["ENDING", "digest_of_model", "load_model", "model_from_bytes", "model_to_bytes", "save_model"]

ENDING = ".safetensors"

_FORMAT = "napari-blindspot model "

MODEL_FORMAT = f"{_FORMAT}1"

_BASE = "inr_base"
"""Name of the array that F_φ stands on, beside those of the weights."""


def save_model(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model as one safetensors file; under its own name it is never incomplete.

    Parameters
    ----------
    model : Model
        What `napari_blindspot.fit` returned.
    path : path-like
        By convention ending in ``.safetensors``. A file of that name is replaced.

    Raises
    ------
    FileError
        If the operating system refuses.
    """
    data = model_to_bytes(model)
    with atomic_path(path, len(data)) as temporary:
        temporary.write_bytes(data)


def load_model(path: str | os.PathLike[str]) -> Model:
    """Load a model that `save_model` wrote.

    Raises
    ------
    FileError
        If the file cannot be read or is something else.
    """
    return model_from_bytes(_read(path), f"The file {path}")


def digest_of_model(path: str | os.PathLike[str]) -> str:
    """Return a short text that is the same for the same content of a model file.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    return hashlib.sha256(_read(path)).hexdigest()[:32]


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"Cannot read the model {path}: {error.strerror or error}.") from error


def model_to_bytes(model: Model) -> bytes:
    """Return the content of the file that `save_model` writes."""
    from safetensors.numpy import save

    header = {
        "format": MODEL_FORMAT,
        "settings": model.settings.model_dump_json(),
        "standardisation": json.dumps({"mean": model.mean, "scale": model.scale}),
        "noise": json.dumps(model.noise.as_dict()),
        "plane": json.dumps(model.plane),
        "fitted_to": json.dumps(dataclasses.asdict(model.fitted_to)),
    }
    arrays = dict(model.weights)
    if model.inr_base is not None:
        arrays[_BASE] = model.inr_base.values
        header["stabilisation"] = json.dumps({"gain": model.inr_base.gain, "offset": model.inr_base.offset})
    return save({name: np.ascontiguousarray(x) for name, x in arrays.items()}, header)


def model_from_bytes(data: bytes, source: str = "The data") -> Model:
    """Read what `model_to_bytes` returned.

    Parameters
    ----------
    data : bytes
        The content of a model file.
    source : str
        What to call it when it is something else.

    Raises
    ------
    FileError
        If it is no model of this package, or one with a value missing or out of range.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    from napari_blindspot.method.weights import check_weights

    other = f"{source} is not a model of napari-blindspot, which `napari_blindspot.save` writes"
    header = _header(data)
    try:
        weights = load(data)
    except KeyError as error:
        raise FileError(f"{other}: it has weights of the type {first_line(error)}.") from None
    except (SafetensorError, ValueError) as error:
        if _says_format(header):
            raise FileError(
                f"{source} is a torn model: it ends before its last number, after {len(data)} bytes; save "
                "or copy it again."
            ) from None
        raise FileError(f"{other}: {first_line(error)}.") from None
    if header.get("format") != MODEL_FORMAT and _says_format(header):
        raise FileError(
            f"{source} is a model of another version of napari-blindspot ({header['format']!r}, and this "
            f"one reads {MODEL_FORMAT!r}); fit it again."
        )
    if header.get("format") != MODEL_FORMAT:
        raise FileError(f"{other}: its header says {header.get('format')!r}, not {MODEL_FORMAT!r}.")
    try:
        standard = json.loads(header["standardisation"])
        settings = PlannedSettings.model_validate_json(header["settings"])
        base = weights.pop(_BASE, None)
        model = Model(
            settings=settings,
            weights=weights,
            mean=float(standard["mean"]),
            scale=float(standard["scale"]),
            noise=NoiseModel.from_dict(json.loads(header["noise"])),
            plane=tuple(int(i) for i in json.loads(header["plane"])),
            inr_base=None if base is None else _read_base(base, json.loads(header["stabilisation"])),
            fitted_to=_fitted_to(json.loads(header["fitted_to"])),
        )
        check_weights(
            weights,
            unet_width=settings.unet_width,
            inr_features=settings.inr_features,
            inr_octaves=settings.inr_octaves,
            inr_dropout=settings.inr_dropout,
            inr_omega=settings.inr_omega,
        )
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise FileError(f"{source} is a damaged model: its settings are wrong ({reason}).") from None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise FileError(f"{source} is a damaged model: {first_line(error)}.") from None
    finite = all(np.isfinite(x).all() for x in (*weights.values(), *([] if base is None else [base])))
    if not (finite and math.isfinite(model.mean) and math.isfinite(model.scale) and model.scale > 0):
        raise FileError(f"{source} is a damaged model: it holds numbers that are not finite.")
    return model


def _header(data: bytes) -> dict[str, str]:
    """Return what the head of a safetensors file says beside its arrays; nothing if it is none."""
    length = int.from_bytes(data[:8], "little")
    try:
        said = json.loads(data[8 : 8 + min(length, len(data))]).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _says_format(header: Mapping[str, str]) -> bool:
    return str(header.get("format", "")).startswith(_FORMAT)


def _fitted_to(values: Mapping[str, Any]) -> FittedImage:
    """Return the image that a model was fitted to.

    Raises
    ------
    TypeError
        If a value is missing or unknown.
    """
    return FittedImage(**{**values, "shape": tuple(int(side) for side in values["shape"])})


def _read_base(values: Any, stabilisation: Mapping[str, float]) -> InrBase:
    """Return what F_φ stands on.

    Raises
    ------
    ValueError
        If it is no plane.
    """
    if values.ndim != 2 or values.dtype != np.float32:
        raise ValueError(
            f"{_BASE} is {values.dtype} of shape {values.shape}, but should be a float32 plane"
        )
    return InrBase(values, float(stabilisation["gain"]), float(stabilisation["offset"]))
