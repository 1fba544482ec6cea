"""What a fit says while it runs: small frozen records, the same for widget, command line and batch.

The engine yields them in this order: one `Started`; then `Step` and, when due, `Preview`, with `Paused`
while a pause lasts; then `Predicting`; and at last either `Finished` or `Cancelled`. Arrays in events are
float32 copies on the scale of the input, so a consumer may keep them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.core.model import Model
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.core.result import Result
    from napari_blindspot.settings import Settings

    FloatImage = npt.NDArray[np.float32]

__all__ = [
    "Cancelled",
    "Event",
    "Finished",
    "Paused",
    "Predicting",
    "Preview",
    "Started",
    "Step",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events.

    Attributes
    ----------
    plane : tuple of int
        Index of the plane in its stack, without the two last axes; empty for a single plane.
    """

    plane: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The fit is about to begin.

    Attributes
    ----------
    settings : Settings
        What the run uses, with device and precision resolved.
    shape : tuple of int
        (Y, X) of the plane in pixels.
    device : str
        Human-readable name of the device.
    parameters : int
        Trainable numbers of both networks.
    notices : tuple of Notice
        What was chosen and seen by then.
    """

    settings: Settings
    shape: tuple[int, int]
    device: str
    parameters: int
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Event):
    """An iteration has ended; not every iteration is reported.

    Attributes
    ----------
    iteration, iterations : int
        How many are done, and how many there will be.
    losses : mapping of str to float
        The losses of that iteration, by their names in `napari_blindspot.method.losses`; without those that
        are switched off or have no value yet.
    elapsed, remaining : float
        Seconds since the start without pauses, and the estimate of what is left, prediction included.
    """

    iteration: int
    iterations: int
    losses: Mapping[str, float]
    elapsed: float
    remaining: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(Event):
    """How the images look by now.

    Attributes
    ----------
    iteration : int
        After how many iterations.
    images : mapping of str to ndarray
        (Y, X) float32 on the scale of the input, by their names in `napari_blindspot.core.images`.
    """

    iteration: int
    images: Mapping[str, FloatImage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """Nothing happens until someone resumes; repeated several times a second."""

    iteration: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicting(Event):
    """The fit is over and the final estimate is being averaged.

    Attributes
    ----------
    done, passes : int
        Visible sets averaged so far, and in all.
    elapsed, remaining : float
        Seconds since the start without pauses, and the estimate of what is left.
    """

    done: int
    passes: int
    elapsed: float
    remaining: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(Event):
    """The run has ended, by itself or because it was asked to stop and keep what it had.

    Attributes
    ----------
    result : Result
        The images and their record.
    model : Model or None
        The fitted networks. None for the preset ``paper`` and for a plane that was left as it was. From
        `napari_blindspot.stack.fit_stack`: what the next plane may start from, so None also where that is
        the model of an earlier plane.
    """

    result: Result
    model: Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Event):
    """The run was cancelled; there is no result."""
