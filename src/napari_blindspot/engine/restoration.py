"""From the scale of a measured fit back to intensities that agree with the noisy ones on average.

What the intensities of a plane are compared with is in `napari_blindspot.engine.calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot.engine.calibration import calibrate

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.engine.measurement import Measurement

    Floats = npt.NDArray[np.float64]

__all__ = ["FitScale", "Restoration"]

WHITE_ANCHOR, CORRELATED_ANCHOR = 16.0, 24.0
"""Sigma in pixels of what is too coarse to be noise: there the noisy image is right, the fit may wander."""

FEWEST_PHOTONS = 0.001
"""Photons of a pixel below which it does not matter how many fewer they are. A convention."""

STEP_OF_A_PHOTON = (2 * (1 + 3 / 8) ** 0.5 - 2 * (3 / 8) ** 0.5) ** 2
"""Square of the difference between no photon and one, stabilised."""


@dataclass(frozen=True, slots=True)
class FitScale:
    """The scale on which networks learn: stabilised intensities with mean 0 and standard deviation 1.

    Attributes
    ----------
    mean, scale : float
        What is subtracted from stabilised intensities, and what they are divided by.
    """

    mean: float
    scale: float

    @classmethod
    def of(cls, measurement: Measurement) -> FitScale:
        """Return the scale of a plane."""
        values = measurement.stabilised[~measurement.left_out]
        return cls(float(values.mean()), float(values.std()) or 1.0)

    @property
    def sigma(self) -> float:
        """The noise's standard deviation on this scale."""
        return 1.0 / self.scale

    def apply(self, stabilised: Floats) -> npt.NDArray[np.float32]:
        """Bring stabilised planes, (…, Y, X), to this scale."""
        standard = np.empty(stabilised.shape, np.float32)
        # One after another, because each takes float64 meanwhile.
        for plane in np.ndindex(stabilised.shape[:-2]):
            standard[plane] = (stabilised[plane] - self.mean) / self.scale
        return standard

    def invert(self, standard: npt.NDArray[Any]) -> Floats:
        """Return stabilised planes."""
        return standard.astype(np.float64) * self.scale + self.mean


@dataclass(frozen=True, slots=True)
class Restoration:
    """The way back to the intensities of one plane.

    Attributes
    ----------
    measurement : Measurement
        Of the plane.
    scale : FitScale
        Of its fit.
    correlated : bool
        Whether its noise is taken to be correlated.
    """

    measurement: Measurement
    scale: FitScale
    correlated: bool

    @property
    def correlation(self) -> Floats | None:
        """The noise's autocorrelation, (2L+1, 2L+1); None where it is taken to be white."""
        return self.measurement.noise.correlation if self.correlated else None

    def invert(self, standard: npt.NDArray[Any]) -> Floats:
        """Undo standardisation and stabilisation of (Y, X)."""
        return self.measurement.stabiliser.inverse(self.scale.invert(standard))

    def slope(self, standard: torch.Tensor) -> torch.Tensor:
        """Return by how much intensities change with an estimate, (Y, X), on the scale of the fit."""
        middle, step = standard.double().cpu().numpy(), self.scale.sigma / 2
        rise = self.invert(middle + step) - self.invert(middle - step)
        return torch.from_numpy(rise / (2 * step)).to(standard.device, standard.dtype)

    def excess_kurtosis(self, standard: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor | None:
        """Return that of the noise at an estimate.

        It is 1 over the photons of a pixel, read noise counted as photons. Where they are fewer than one,
        the stabilised noise tells how few: its standard deviation is then no longer 1.

        Parameters
        ----------
        standard, sigma : Tensor
            (1, 1, Y, X), the estimate and the standard deviation of its noise, on the scale of the fit.

        Returns
        -------
        Tensor or None
            (1, 1, Y, X). None where noise is correlated, and so made of many pixels', or does not grow with
            intensity.
        """
        noise = self.measurement.noise
        if self.correlated or not noise.measured or noise.gain <= 0:
            return None
        intensity = self.invert(standard[0, 0].float().cpu().numpy())
        photons = torch.from_numpy(noise.variance(intensity) / noise.gain**2).to(sigma)[None, None]
        by_noise = (sigma / self.scale.sigma) ** 2 / STEP_OF_A_PHOTON
        photons = torch.where(photons < 1, torch.minimum(photons, by_noise), photons)
        return 1 / photons.clamp_min(FEWEST_PHOTONS)

    def restore(self, standard: npt.NDArray[Any], hidden: npt.NDArray[Any]) -> Floats:
        """Return an estimate, (Y, X), as intensities that agree with the noisy ones on average.

        Parameters
        ----------
        standard : ndarray
            (Y, X), the estimate on the scale of the fit.
        hidden : ndarray
            (Y, X), every pixel as predicted while it was hidden, likewise.
        """
        image = self._anchored(standard)
        measurement = self.measurement
        if self.correlated or not measurement.noise.measured:
            return image
        return calibrate(image, self.invert(hidden), measurement.observed, measurement.left_out)

    def _anchored(self, standard: npt.NDArray[Any]) -> Floats:
        """Return intensities with the local means of the noisy image, (Y, X)."""
        image = self.invert(standard)
        left_out = self.measurement.left_out
        sigma = CORRELATED_ANCHOR if self.correlated else WHITE_ANCHOR
        residual = np.where(left_out, 0.0, self.measurement.observed - image)
        coarse: Floats = gaussian_filter(residual, sigma)
        if left_out.any():
            coarse /= np.maximum(gaussian_filter((~left_out).astype(np.float64), sigma), 1e-6)
        return image + coarse
