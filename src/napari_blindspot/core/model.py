"""Fitted networks on their own: taken out of a run, kept in one file, applied to other planes.

A file is a safetensors file: weights, and in its header the settings and what was measured as JSON. Loading
one executes nothing. How networks are fitted belongs to `napari_blindspot.engine`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import CancelledError, FileError, SettingsError
from napari_blindspot.core.events import Cancelled, Finished
from napari_blindspot.files.safe_write import atomic_path
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.result import Result
    from napari_blindspot.settings import DeviceName

__all__ = ["Model", "load_model"]

FORMAT = "napari-blindspot model 1"


@dataclass(frozen=True, slots=True)
class Model:
    """What a fit of one plane has learned, without its pixels.

    Attributes
    ----------
    settings : Settings
        Of the run, with everything filled in that the noise decided.
    weights : mapping of str to ndarray
        float32 arrays, named ``blind.…`` (D_θ after the blind fit), ``refined.…`` (after the refinement;
        the same as before where there was none) and ``inr.…`` (F_φ).
    mean, scale : float
        What was subtracted from the stabilised plane, and what it was divided by: the networks are only
        right on this scale. Stabilised noise has a standard deviation of 1, which became 1 / scale.
    noise : dict
        The measured noise, as `napari_blindspot.noise.estimate.NoiseModel.as_dict` has it.
    plane : tuple of int
        Index of the plane in its stack; empty if it was alone.
    """

    settings: Settings
    weights: Mapping[str, npt.NDArray[np.float32]] = field(repr=False)
    mean: float
    scale: float
    noise: dict[str, Any]
    plane: tuple[int, ...] = ()

    def apply(
        self,
        image: npt.ArrayLike,
        *,
        neighbours: npt.ArrayLike | None = None,
        device: DeviceName = "auto",
        on_event: Callable[[Event], object] | None = None,
        control: Control | None = None,
    ) -> Result:
        """Denoise another plane with these weights as they are; only its noise is measured.

        Right for planes of the same kind: same instrument and settings, same sort of structure. The INR's
        image is F_φ fitted to the estimate for a moment, because F_φ by itself holds the old plane.

        Parameters
        ----------
        image : array_like
            (Y, X), as for `napari_blindspot.denoise`.
        neighbours : array_like, optional
            (N, Y, X), for a model that was fitted with neighbouring planes: as many as it saw.
        device : str
            Where to compute.
        on_event : callable, optional
            Called with every event.
        control : Control, optional
            Lets another thread pause, stop or cancel.

        Raises
        ------
        ImageError
            If the image is not a plane of intensities, or the neighbours do not fit.
        CancelledError
            If `control` cancelled.
        DeviceError, OutOfMemoryError
            If the device is not there, fails or is too small.
        DivergedError
            If the fit does not converge.
        """
        from napari_blindspot.engine.fit_plane import fit_plane

        settings = self.settings.model_copy(update={"device": device, "precision": "auto"})
        events = fit_plane(image, settings, control=control, start=self, train=False, neighbours=neighbours)
        for event in events:
            if on_event is not None:
                on_event(event)
            if isinstance(event, Finished):
                return event.result
            if isinstance(event, Cancelled):
                break
        raise CancelledError("The run was cancelled, so there is no result.")

    def check(self, settings: Settings) -> None:
        """Make sure that a run with these settings can use the weights.

        Raises
        ------
        SettingsError
            If the networks are built differently.
        """
        if not settings.measures_noise:
            raise SettingsError(
                "The preset 'paper' cannot start from a model, because its INR holds one plane; "
                "choose the preset auto, fast or best."
            )
        for name in ("unet_width", "inr_features", "inr_octaves", "inr_omega", "inr_dropout"):
            mine, theirs = getattr(self.settings, name), getattr(settings, name)
            if mine != theirs:
                raise SettingsError(
                    f"The model was fitted with {name} {mine}, but the settings say {theirs}; "
                    "they must be the same."
                )

    def to_bytes(self) -> bytes:
        """Return the content of the file that `save` writes."""
        from safetensors.numpy import save

        header = {
            "format": FORMAT,
            "settings": self.settings.model_dump_json(),
            "standardisation": json.dumps({"mean": self.mean, "scale": self.scale}),
            "noise": json.dumps(self.noise),
            "plane": json.dumps(self.plane),
        }
        return save({name: np.ascontiguousarray(x) for name, x in self.weights.items()}, header)

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "The data") -> Model:
        """Read what `to_bytes` returned.

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

        from napari_blindspot.engine.warm_start import check_weights

        other = f"{source} is not a model of napari-blindspot, which `Model.save` writes"
        try:
            weights = load(data)
            length = int.from_bytes(data[:8], "little")
            header = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        except (SafetensorError, ValueError) as error:
            raise FileError(f"{other}: {error}.") from None
        if header.get("format") != FORMAT:
            raise FileError(f"{other}: its header says {header.get('format')!r}, not {FORMAT!r}.")
        try:
            standard = json.loads(header["standardisation"])
            model = cls(
                settings=Settings.parse(header["settings"]),
                weights=weights,
                mean=float(standard["mean"]),
                scale=float(standard["scale"]),
                noise=dict(json.loads(header["noise"])),
                plane=tuple(int(i) for i in json.loads(header["plane"])),
            )
            check_weights(model.settings, weights)
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(f"{source} is a damaged model: {str(error).rstrip('.')}.") from None
        finite = all(np.isfinite(x).all() for x in weights.values())
        if not (finite and math.isfinite(model.mean) and math.isfinite(model.scale) and model.scale > 0):
            raise FileError(f"{source} is a damaged model: it holds numbers that are not finite.")
        return model

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file; under its own name it is never incomplete.

        Parameters
        ----------
        path : path-like
            By convention ending in ``.safetensors``. A file of that name is replaced.

        Raises
        ------
        FileError
            If the operating system refuses.
        """
        data = self.to_bytes()
        with atomic_path(path, len(data)) as temporary:
            temporary.write_bytes(data)


def load_model(path: str | os.PathLike[str]) -> Model:
    """Load a model that `Model.save` wrote.

    Raises
    ------
    FileError
        If the file cannot be read or is something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"Cannot read the model {path}: {error.strerror or error}.") from error
    return Model.from_bytes(data, f"The file {path}")
