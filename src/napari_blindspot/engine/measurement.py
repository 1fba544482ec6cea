"""A plane on the scale of a measured fit: its noise is measured and stabilised, and all that is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from napari_blindspot.engine.run import Run
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.blocks import diagonal_differences, diagonal_sigma
from napari_blindspot.noise.defects import find_defects
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.scan_lines import scan_line_offsets
from napari_blindspot.noise.shared_noise import MOST_SHARED, shared_noise

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from napari_blindspot.core.control import Control
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import Settings

__all__ = ["StabilisedRun"]

WHITE_ANCHOR, CORRELATED_ANCHOR = 16.0, 24.0
"""Sigma in pixels of what is too coarse to be noise: there the noisy image is right, the fit may wander."""


class StabilisedRun(Run):
    """What `MeasuredRun` knows of its plane before any network is there.

    Parameters
    ----------
    plane, settings, device, control, preview_interval
        As for `Run`.
    neighbours : ndarray
        (N, Y, X) float64, planes to look at as well; N may be 0.
    """

    plan: Plan
    beside: npt.NDArray[np.float64]
    observed: npt.NDArray[Any]
    """(Y, X), the plane without the offsets of its scan lines."""
    left_out: npt.NDArray[np.bool_]
    """(Y, X), pixels without a value, and those whose value is a defect."""

    def __init__(
        self,
        plane: npt.NDArray[Any],
        settings: Settings,
        device: torch.device,
        control: Control,
        preview_interval: float | None,
        neighbours: npt.NDArray[np.float64],
    ) -> None:
        super().__init__(plane, settings, device, control, preview_interval)
        self.asked = settings
        self.neighbours = neighbours
        self.looks_beside = settings.neighbours > 0 or len(neighbours) > 0
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.left_out = self.missing
        self.observed = plane

    def _measure(self) -> None:
        """Measure the noise, mend defects, and see whether the neighbours share the noise."""
        if self.settings.mend_defects:
            self._even_scan_lines()
        self.noise = estimate_noise(self.observed)
        self._stabilise(self.noise.stabiliser if self.noise.measured else self._fallback())
        if self.settings.mend_defects and self.noise.measured and not self.noise.is_correlated:
            self._leave_defects_out()
        self.shared = shared_noise(self.stabilised, self.beside)
        if self.shared > MOST_SHARED:
            self._distrust_neighbours()
        elif len(self.beside):
            planes = f"{len(self.beside)} neighbouring plane{'s' * (len(self.beside) > 1)}"
            self.notes.append(f"The network sees {planes} as well, whose noise is independent.")

    def _even_scan_lines(self) -> None:
        """Take out the offsets that the pixels of a row or of a column have in common."""
        offsets = scan_line_offsets(self.plane)
        if offsets is None:
            return
        self.observed = self.plane - offsets
        lines = "rows" if offsets.shape[1] == 1 else "columns"
        self.warnings.append(
            f"The {lines} of this plane have offsets of their own, of standard deviation "
            f"{offsets.std():.3g}, which were taken out."
        )

    def _leave_defects_out(self) -> None:
        """Treat defects as missing, but for the result, which has the network's prediction there.

        Correlated noise came about after the camera, and has spread its defects to their neighbours.
        """
        defects = find_defects(self.stabilised)
        count = int(defects.sum())
        if count == 0:
            return
        self.left_out = self.missing | defects
        self.stabilised[defects] = np.nan
        self.warnings.append(
            f"{count} isolated pixel{'s' * (count > 1)} far brighter or darker than all around "
            f"{'were' if count > 1 else 'was'} taken for defects and replaced."
        )

    def _distrust_neighbours(self) -> None:
        """Do without neighbours that would give the plane's noise away."""
        self.warnings.append(
            f"The neighbouring planes share noise with this one (correlation {self.shared:.2f}), "
            "so they were not used."
        )
        self.neighbours = self.neighbours[:0]
        self.beside = self.beside[:0]

    def _stabilise(self, stabiliser: Anscombe) -> None:
        """Give plane and neighbours noise of standard deviation 1."""
        self.stabiliser = stabiliser
        self.stabilised = stabiliser.forward(self.observed)
        self.beside = stabiliser.forward(self.neighbours)

    def _fallback(self) -> Anscombe:
        """Return a transform for a plane whose noise could not be measured: no stabilisation.

        Its strength is a guess by the finest diagonal differences.
        """
        y = np.asarray(self.observed, np.float64)
        sigma = diagonal_sigma(diagonal_differences(y)) or 1e-3 * float(np.nanstd(y))
        return Anscombe(gain=0.0, offset=sigma**2)

    def _standardise(self, mean_and_scale: tuple[float, float] | None) -> None:
        """Set the scale of the fit: a given one, or mean 0 and standard deviation 1 for this plane."""
        if mean_and_scale is None:
            values = self.stabilised[~self.left_out]
            mean_and_scale = float(values.mean()), float(values.std()) or 1.0
        self.mean, self.scale = mean_and_scale
        self.sigma = 1.0 / self.scale

    def _standardised(self, stabilised: npt.NDArray[np.float64]) -> torch.Tensor:
        """Bring stabilised planes to the scale of the fit; NaN become its zero."""
        standard = np.nan_to_num((stabilised - self.mean) / self.scale, nan=0.0)
        return torch.from_numpy(standard.astype(np.float32)).to(self.device)

    def _invert(self, standard: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Undo standardisation and stabilisation."""
        return self.stabiliser.inverse(standard.astype(np.float64) * self.scale + self.mean)

    def _anchored(self, standard: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Undo them, and give the estimate the local means of the noisy image."""
        image = self._invert(standard)
        sigma = CORRELATED_ANCHOR if self.plan.correlated else WHITE_ANCHOR
        weight = gaussian_filter((~self.left_out).astype(np.float64), sigma)
        residual = np.where(self.left_out, 0.0, self.observed - image)
        coarse: npt.NDArray[np.float64] = gaussian_filter(residual, sigma) / np.maximum(weight, 1e-6)
        return image + coarse

    @property
    def _noise_record(self) -> dict[str, Any]:
        """What was measured, as plain numbers and lists."""
        record = self.noise.as_dict()
        if self.looks_beside:
            record |= {"neighbours": len(self.beside), "shared_with_neighbours": round(self.shared, 4)}
        return record
