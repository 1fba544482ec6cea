"""Fitted networks on their own, as plain data: taken out of a run, applied to other planes.

Reading and writing them belongs to `napari_blindspot.files.model_file`, fitting and applying them to
`napari_blindspot.engine`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import ImageError, SettingsError
from napari_blindspot.settings import DEFAULT_PRESET, MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.method.inr_field import InrField, SampledImage
    from napari_blindspot.settings import PlannedSettings, Settings

    Region = tuple[int, int, int, int]

__all__ = ["BESIDE_A_MODEL", "FittedImage", "InrBase", "Model", "check_keeps_model", "check_region"]

BESIDE_A_MODEL = ("seed", "device", "precision", "output_dtype")
"""Settings that can be said of a run that applies a model; all others are the model's."""

MOST_SAMPLES = 2**26
"""Samples of the INR that are computed at once: 256 MiB of them."""


@dataclass(frozen=True, slots=True)
class InrBase:
    """What F_φ stands on, and how its values become intensities.

    Attributes
    ----------
    values : ndarray
        (Y, X) float32 on the scale of the fit, to which the network of F_φ adds; read linearly between its
        pixels.
    gain, offset : float
        Of the noise's variance, by which the plane was stabilised.
    """

    values: npt.NDArray[np.float32] = field(repr=False)
    gain: float
    offset: float


@dataclass(frozen=True, slots=True)
class FittedImage:
    """The image that a model was fitted to, as far as it is known.

    Attributes
    ----------
    name : str
        Of the file or the layer; empty for an array.
    shape : tuple of int
        (Y, X) of the plane in pixels.
    dtype : str
        Of its pixels.
    version : str
        Of the napari-blindspot that fitted it.
    run : str
        Digest of all that decided the fit, by which a batch knows its own model again; else empty.
    """

    name: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    version: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """What a fit of one plane has learned, without its pixels.

    Attributes
    ----------
    settings : PlannedSettings
        Of the run, with everything filled in that the noise decided.
    weights : mapping of str to ndarray
        float32 arrays, named ``blind.…`` (D_θ after the blind fit), ``refined.…`` (after the refinement;
        the same as before where there was none) and ``inr.…`` (F_φ), which are missing where the INR is
        fitted later: `napari_blindspot.engine.inr_of_image.with_inr` adds them.
    mean, scale : float
        What was subtracted from the stabilised plane, and what it was divided by: the networks are only
        right on this scale. Stabilised noise has a standard deviation of 1, which became 1 / scale.
    noise : NoiseModel
        The measured noise of the plane.
    plane : tuple of int
        Index of the plane in its stack; empty if it was alone.
    inr_base : InrBase or None
        What F_φ stands on, so that it can be sampled; None for a model without one.
    fitted_to : FittedImage
        Which image that was.
    """

    settings: PlannedSettings
    weights: Mapping[str, npt.NDArray[np.float32]] = field(repr=False)
    mean: float
    scale: float
    noise: NoiseModel
    plane: tuple[int, ...] = ()
    inr_base: InrBase | None = None
    fitted_to: FittedImage = field(default_factory=FittedImage)

    @property
    def in_words(self) -> str:
        """What the model was fitted to, and how, in one sentence."""
        image, noise = self.fitted_to, self.noise
        size = "×".join(str(side) for side in image.shape)
        seen = "its noise was not measured"
        if noise.measured:
            seen = f"noise σ {noise.sigma:.3g}, next pixels correlate {noise.neighbour_correlation:.2f}"
        said = ", ".join(part for part in (f"{size} {image.dtype}".strip(), seen) if part)
        by = f", by version {image.version}" if image.version else ""
        return f"Fitted to {image.name or 'a plane'} ({said}) with the preset {self.settings.preset}{by}."

    def applied_settings(self, given: Settings | None = None) -> MeasuredSettings:
        """Return the settings of a run that applies the model.

        Parameters
        ----------
        given : Settings, optional
            What a user has said: of it, the settings of `BESIDE_A_MODEL` are taken.

        Raises
        ------
        SettingsError
            If it says something else than the model's settings do.
        """
        kept: dict[str, object] = {"device": "auto", "precision": "auto"}
        if given is not None:
            said = given.overrides()
            if given.preset != self.settings.preset and given.preset != DEFAULT_PRESET:
                said["preset"] = given.preset
            for name in said.keys() - set(BESIDE_A_MODEL):
                if said[name] != getattr(self.settings, name, None):
                    raise SettingsError(
                        f"A model brings its settings along: its {name} is "
                        f"{getattr(self.settings, name, None)}, but {said[name]} was given; leave it out, "
                        "or fit anew without the model."
                    )
            kept |= {name: getattr(given, name) for name in BESIDE_A_MODEL}
        values = self.settings.model_dump(mode="json") | kept
        return MeasuredSettings.model_validate(values)

    @property
    def has_inr(self) -> bool:
        """Whether F_φ is fitted."""
        return any(name.startswith("inr.") for name in self.weights)

    @property
    def inr(self) -> InrField:
        """F_φ of the plane that was fitted, as a function of position.

        Raises
        ------
        ImageError
            If the model does not hold what F_φ stands on.
        """
        from napari_blindspot.method.inr_field import field_of_weights

        base, settings = self.inr_base, self.settings
        if base is None or not self.has_inr:
            raise ImageError("This model holds no INR that can be sampled; fit the plane again.")
        return field_of_weights(
            {name.removeprefix("inr."): x for name, x in self.weights.items() if name.startswith("inr.")},
            base.values,
            features=settings.inr_features,
            octaves=settings.inr_octaves,
            omega=settings.inr_omega,
            layers=len(settings.inr_dropout),
            mean=self.mean,
            scale=self.scale,
            gain=base.gain,
            offset=base.offset,
        )

    def sample(self, zoom: float = 1.0, region: Region | None = None) -> SampledImage:
        """Return the INR's image of the plane that was fitted, at any resolution.

        Parameters
        ----------
        zoom : float
            Samples a pixel, along y and along x.
        region : tuple of int, optional
            (first row, first column, row after the last, column after the last); the whole plane if not
            given.

        Returns
        -------
        SampledImage
            The samples divide the pixels of the region evenly, and cover the same area.

        Raises
        ------
        ImageError
            If the model holds no INR, the region does not lie within its plane, or the samples are too
            many.
        """
        field = self.inr
        return field.sample(zoom, check_region(field.shape, region, zoom))


def check_keeps_model(settings: Settings, planes: int = 1) -> None:
    """Make sure that fits leave a model that can be kept.

    Parameters
    ----------
    settings : Settings
        Of the fits.
    planes : int
        How many planes are fitted.

    Raises
    ------
    SettingsError
        If they do not.
    """
    if not isinstance(settings, MeasuredSettings):
        raise SettingsError(
            "The preset 'paper' has no model to keep, because its INR holds one plane; "
            "choose the preset auto, fast or best.",
            setting="preset",
        )
    if planes > 1 and settings.stack_start == "anew":
        raise SettingsError(
            f"Each of the {planes} planes is fitted anew, so there is not one model to save; let planes "
            "start from the one before (warm) or from one fit (shared).",
            setting="stack_start",
        )


def check_region(shape: tuple[int, int], region: Region | None, zoom: float = 1.0) -> Region:
    """Return a region, or the whole plane if there is none, if it lies within a plane.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the plane.
    region : tuple of int or None
        (first row, first column, row after the last, column after the last).
    zoom : float
        Samples a pixel.

    Raises
    ------
    ImageError
        If it is empty or reaches beyond the plane, or the samples would be too many.
    """
    height, width = shape
    top, left, bottom, right = (0, 0, height, width) if region is None else region
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise ImageError(
            f"The region (rows {top} to {bottom}, columns {left} to {right}) does not lie within the plane "
            f"of {height}×{width} pixels."
        )
    if not zoom > 0:
        raise ImageError(f"The zoom is {zoom}, but must be greater than 0.")
    if (bottom - top) * (right - left) * float(zoom) ** 2 > MOST_SAMPLES:
        raise ImageError(
            f"A zoom of {zoom:g} would take more than {MOST_SAMPLES // 2**20} million samples: choose a "
            "smaller region or zoom."
        )
    return top, left, bottom, right
