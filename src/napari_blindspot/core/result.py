"""What a run gives back: the images, and what is needed to explain and repeat them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.words import sentence, sentences_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.inspection.verdict import Verdict
    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["History", "Origin", "Result", "StackResult"]

Origin = Literal["anew", "warm", "model"]


@dataclass(frozen=True, slots=True)
class History:
    """The losses of every iteration that was run.

    Attributes
    ----------
    losses : mapping of str to ndarray
        (iterations,) float32, by their names in `napari_blindspot.method.losses`; NaN where a loss was
        switched off. Where the INR takes fewer iterations than the U-Net, its last loss is repeated.
    iterations : int
        How many there are.
    """

    losses: Mapping[str, npt.NDArray[np.float32]]
    iterations: int = 0

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        return self.losses[name]

    def __len__(self) -> int:
        return self.iterations


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A denoised plane with its record.

    Attributes
    ----------
    images : mapping of str to ndarray
        (Y, X) on the input's own scale, by their names in `napari_blindspot.core.images`; float32, or the
        input's dtype on request.
    settings : Settings
        All that decided the pixels, with device and precision resolved.
    history : History
        The losses of every iteration.
    iterations, planned_iterations, passes : int
        What was really run, and what would have been if nobody had stopped it; passes are visible sets or
        symmetries that the estimate is the mean of.
    seconds : float
        Wall time without pauses.
    phases : mapping of str to float
        Seconds of each phase, by its name; they add up to `seconds` but for what lies between them.
    device : str
        Human-readable name of the device.
    stopped : bool
        Whether someone stopped the run before its end.
    notices : tuple of Notice
        What the user ought to know about the result.
    noise : NoiseModel or None
        The measured noise; None for the preset ``paper``, which does not look at it, and for a plane that
        was left as it was.
    neighbours : int
        How many neighbouring planes the network has seen.
    shared_noise : float or None
        Correlation of the noise with that of neighbouring planes; None where there were none to look at.
    origin : {"anew", "warm", "model"}
        Where the initial weights came from: pretrained or random ones, the network of another plane fitted
        further, or a fitted network applied as it was.
    noisy : ndarray or None
        (Y, X), the plane that was denoised, as it was given; None where it is not kept, as in the records
        of a stack.
    """

    images: Mapping[str, npt.NDArray[Any]]
    settings: Settings
    history: History
    iterations: int
    planned_iterations: int
    passes: int
    seconds: float
    device: str
    phases: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False
    notices: tuple[Notice, ...] = ()
    noise: NoiseModel | None = None
    neighbours: int = 0
    shared_noise: float | None = None
    origin: Origin = "anew"
    noisy: npt.NDArray[Any] | None = field(default=None, repr=False)

    @property
    def denoised(self) -> npt.NDArray[Any]:
        """(Y, X), the final estimate."""
        return self.images["denoised"]

    @property
    def inr(self) -> npt.NDArray[Any]:
        """(Y, X), the INR's own image."""
        return self.images["inr"]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user ought to know, one sentence each."""
        return tuple(sentence(notice) for notice in self.notices if notice.is_warning)

    @property
    def residual(self) -> npt.NDArray[np.float32]:
        """(Y, X) float32, what was removed: the noisy plane less the final estimate.

        Raises
        ------
        ImageError
            If the noisy plane is not kept with this result.
        """
        return np.asarray(self._kept_noisy().astype(np.float64) - self.denoised, np.float32)

    @property
    def verdict(self) -> Verdict:
        """Whether structure was removed or noise was left, on the whole and in windows.

        Raises
        ------
        ImageError
            If the noisy plane is not kept with this result, or its noise was not measured.
        """
        from napari_blindspot.inspection.verdict import judge

        return judge(self._kept_noisy(), self.denoised, self._measured_noise())

    @property
    def uncertainty(self) -> npt.NDArray[np.float32]:
        """(Y, X) float32, the standard deviation of the error that is to be expected, in intensities.

        Raises
        ------
        ImageError
            As for `verdict`.
        """
        from napari_blindspot.inspection.uncertainty import error_sigma

        return error_sigma(self._kept_noisy(), self.denoised, self._measured_noise())

    def _kept_noisy(self) -> npt.NDArray[Any]:
        if self.noisy is None:
            raise ImageError(
                "The noisy plane is not kept with this result; give both planes to "
                "napari_blindspot.judge or napari_blindspot.error_sigma."
            )
        return self.noisy

    def _measured_noise(self) -> NoiseModel:
        if self.noise is None or not self.noise.measured:
            raise ImageError(
                "The noise of this plane was not measured, so nothing can be said of what was removed."
            )
        return self.noise


@dataclass(frozen=True, slots=True)
class StackResult:
    """The denoised planes of a stack with their records.

    Attributes
    ----------
    images : mapping of str to ndarray
        (…, Y, X), by their names in `napari_blindspot.core.images`; NaN, or 0 where integers were asked
        for, where a plane has no result because the run was stopped. The INRs are fitted when
        they are read.
    planes : mapping of tuple of int to Result
        The results of the planes by their index, without their images.
    """

    images: Mapping[str, npt.NDArray[Any]]
    planes: Mapping[Index, Result]

    @property
    def denoised(self) -> npt.NDArray[Any]:
        """(…, Y, X), the final estimates."""
        return self.images["denoised"]

    @property
    def inr(self) -> npt.NDArray[Any]:
        """(…, Y, X), the INR's own images."""
        return self.images["inr"]

    @property
    def warnings(self) -> list[str]:
        """What the user ought to know: each sentence once, with the number of planes that it is about."""
        return sentences_of(
            [[n for n in result.notices if n.is_warning] for result in self.planes.values()]
        )
