"""What a run gives back: the images, and what is needed to explain and repeat them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.settings import Settings

__all__ = ["History", "Result", "Start"]

Start = Literal["anew", "warm", "model"]


@dataclass(frozen=True, slots=True)
class History:
    """The three losses of every iteration that was run.

    Attributes
    ----------
    denoising, inr, consistency : ndarray
        (iterations,) float32: L_dn, L_inr and L_mc; NaN where a loss was switched off. Where the INR takes
        fewer steps than the U-Net, its last loss is repeated.
    """

    denoising: npt.NDArray[np.float32]
    inr: npt.NDArray[np.float32]
    consistency: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.denoising)


@dataclass(frozen=True, slots=True)
class Result:
    """A denoised plane with its record.

    Attributes
    ----------
    denoised : ndarray
        (Y, X), the final estimate on the input's own scale; float32, or the input's dtype on request.
    inr : ndarray
        (Y, X), the INR's own image, likewise.
    settings : Settings
        All that decided the pixels, with device and precision resolved.
    history : History
        The losses of every iteration.
    iterations, passes : int
        What was really run: fewer than the settings say when the run was stopped.
    seconds : float
        Wall time without pauses.
    device : str
        Human-readable name of the device.
    stopped : bool
        Whether someone stopped the run before its end.
    warnings : tuple of str
        What the user ought to know, one sentence each.
    noise : dict or None
        The measured noise (`napari_blindspot.noise.estimate.NoiseModel.as_dict`); None for the preset
        ``paper``, which does not look at it.
    start : {"anew", "warm", "model"}
        Where the weights came from: a random start, the network of another plane fitted further, or a
        fitted network applied as it was.
    """

    denoised: npt.NDArray[Any]
    inr: npt.NDArray[Any]
    settings: Settings
    history: History
    iterations: int
    passes: int
    seconds: float
    device: str
    stopped: bool = False
    warnings: tuple[str, ...] = ()
    noise: dict[str, Any] | None = None
    start: Start = "anew"
