"""Fitted networks on their own, as plain data: taken out of a run, applied to other planes.

Reading and writing them belongs to `napari_blindspot.files.model_file`, fitting and applying them to
`napari_blindspot.engine`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.method.inr_field import InrField, SampledImage
    from napari_blindspot.settings import PlannedSettings

    Region = tuple[int, int, int, int]

__all__ = ["InrBase", "Model", "check_region"]

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
class Model:
    """What a fit of one plane has learned, without its pixels.

    Attributes
    ----------
    settings : PlannedSettings
        Of the run, with everything filled in that the noise decided.
    weights : mapping of str to ndarray
        float32 arrays, named ``blind.…`` (D_θ after the blind fit), ``refined.…`` (after the refinement;
        the same as before where there was none) and ``inr.…`` (F_φ).
    mean, scale : float
        What was subtracted from the stabilised plane, and what it was divided by: the networks are only
        right on this scale. Stabilised noise has a standard deviation of 1, which became 1 / scale.
    noise : NoiseModel
        The measured noise of the plane.
    plane : tuple of int
        Index of the plane in its stack; empty if it was alone.
    inr_base : InrBase or None
        What F_φ stands on, so that it can be sampled; None for a model without one.
    """

    settings: PlannedSettings
    weights: Mapping[str, npt.NDArray[np.float32]] = field(repr=False)
    mean: float
    scale: float
    noise: NoiseModel
    plane: tuple[int, ...] = ()
    inr_base: InrBase | None = None

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
        if base is None:
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
