"""A plane before its run: the device and precision it gets, and what of it is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.engine.hardware.backends import choose_device, choose_precision
from napari_blindspot.engine.left_alone import nothing_to_denoise
from napari_blindspot.engine.run import RunInput
from napari_blindspot.noise.blank_areas import blank_areas, without_blank_areas
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    import numpy as np
    import numpy.typing as npt
    import torch

    from napari_blindspot.core.notices import Notice
    from napari_blindspot.engine.run import Watch
    from napari_blindspot.settings import Settings

__all__ = ["PreparedPlane"]


@dataclass(frozen=True, slots=True)
class PreparedPlane:
    """A plane before its run.

    Attributes
    ----------
    bare : ndarray
        (Y, X), checked, without its blank areas.
    areas : ndarray or None
        (Y, X) bool, its blank areas; None where there is none.
    reason : Notice or None
        Why it is better left alone; None for one that can be denoised.
    settings : Settings
        With device and precision resolved.
    device : torch.device
        Where to compute.
    """

    bare: npt.NDArray[Any]
    areas: npt.NDArray[np.bool_] | None
    reason: Notice | None
    settings: Settings
    device: torch.device

    @classmethod
    def of(cls, plane: npt.NDArray[Any], settings: Settings) -> PreparedPlane:
        """Prepare a plane, (Y, X), that is checked.

        Raises
        ------
        SettingsError, DeviceError
            If the device or the precision that is asked for cannot be had.
        """
        device = choose_device(settings.device)
        precision = choose_precision(settings, device)
        settings = settings.model_copy(update={"device": device.type, "precision": precision})
        reason = nothing_to_denoise(plane)
        if reason is not None or (areas := blank_areas(plane)) is None:
            return cls(plane, None, reason, settings, device)
        bare = without_blank_areas(plane, areas)
        return cls(bare, areas, nothing_to_denoise(bare), settings, device)

    @property
    def rounded_products(self) -> bool:
        """Whether its run rounds the factors of products, as `computing` takes it."""
        return isinstance(self.settings, MeasuredSettings) and self.settings.precision == "bfloat16"

    def run(
        self,
        watch: Watch,
        neighbours: Iterable[npt.NDArray[Any]],
        notices: tuple[Notice, ...] = (),
        *,
        inr_later: bool = False,
    ) -> RunInput[Any]:
        """Return what its run begins with; the parameters are those of `RunInput`."""
        beside = [without_blank_areas(other) for other in neighbours]
        blank = 0 if self.areas is None else int(self.areas.sum())
        # The paper's U-Net needs the INR for the fit.
        later = inr_later and isinstance(self.settings, MeasuredSettings)
        return RunInput(self.bare, self.settings, self.device, watch, beside, notices, blank, later)
