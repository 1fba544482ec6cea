"""What a fit leaves as it is: planes that hold nothing to denoise, and the blank areas of others.

Which areas are blank is in `napari_blindspot.noise.blank_areas`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.events import Finished, Preview, Started
from napari_blindspot.core.images import IMAGES, with_derived
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import cast_like
from napari_blindspot.core.result import History, Result
from napari_blindspot.engine.hardware.backends import describe_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    import numpy.typing as npt
    import torch

    from napari_blindspot.core.events import Event
    from napari_blindspot.settings import Settings

    Mask = npt.NDArray[np.bool_]

__all__ = ["BlankAreas", "nothing_to_denoise", "unchanged"]

FEWEST_VALUES = 64
"""Pixels with a value, or with another one than most, below which a plane is left as it is. A convention: a
quarter of the smallest plane."""


def nothing_to_denoise(plane: npt.NDArray[Any]) -> Notice | None:
    """Say why a plane, (Y, X), is better left alone; None for one that can be denoised."""
    values = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
    if values.size == 0:
        return Notice("no-values")
    low, high = values.min(), values.max()
    if low == high:
        return Notice("all-equal")
    if np.isin(values, (low, high)).all():
        return Notice("two-values", {"low": float(low), "high": float(high)})
    if values.size < FEWEST_VALUES:
        return Notice("few-values", {"count": int(values.size)})
    middle = np.median(values)
    if (off := int(np.count_nonzero(values != middle))) < FEWEST_VALUES:
        return Notice("hardly-anything", {"count": off, "value": float(middle)})
    return None


def unchanged(
    plane: npt.NDArray[Any], settings: Settings, device: torch.device, reason: Notice
) -> Iterator[Event]:
    """Give a plane, (Y, X), back as its own estimate."""
    height, width = plane.shape
    dtype = _output_dtype(plane, settings)
    name = describe_device(device)
    yield Started(settings=settings, shape=(height, width), device=name, parameters=0, notices=(reason,))
    given = [name for name, image in IMAGES.items() if image.derive is None]
    yield Finished(
        result=Result(
            images=with_derived(plane, {image: cast_like(plane, dtype) for image in given}),
            settings=settings,
            history=History({}),
            iterations=0,
            planned_iterations=0,
            passes=0,
            seconds=0.0,
            device=name,
            notices=(reason,),
            noisy=plane,
        )
    )


@dataclass(frozen=True, slots=True)
class BlankAreas:
    """Areas of a plane that are out of its fit, and come back as they were.

    Attributes
    ----------
    plane : ndarray
        (Y, X), as it was given.
    areas : ndarray
        (Y, X) bool.
    """

    plane: npt.NDArray[Any]
    areas: Mask

    @property
    def notice(self) -> Notice:
        """What to say about them."""
        values = self.plane[self.areas]
        return Notice(
            "blank-areas-left-out",
            {"share": float(self.areas.mean()), "low": float(values.min()), "high": float(values.max())},
        )

    def restored(self, events: Iterable[Event], settings: Settings) -> Iterator[Event]:
        """Put them back into the images of events, in the dtype that the settings ask for.

        Parameters
        ----------
        events : iterable of Event
            Of the fit of the plane with NaN in their place.
        settings : Settings
            Of the fit.
        """
        dtype = _output_dtype(self.plane, settings)
        for event in events:
            if isinstance(event, Preview):
                yield replace(event, images=self._put_back(event.images, np.dtype(np.float32)))
            elif isinstance(event, Finished):
                result = event.result
                notices = (*result.notices, self.notice)
                images = self._put_back(result.images, dtype)
                yield replace(event, result=replace(result, images=images, notices=notices))
            else:
                yield event

    def _put_back(self, images: Any, dtype: np.dtype[Any]) -> dict[str, npt.NDArray[Any]]:
        given = {}
        for name, image in images.items():
            if IMAGES[name].derive is None:
                whole = np.where(self.areas, self.plane, image)
                given[name] = cast_like(whole, dtype)
        return with_derived(self.plane, given)


def _output_dtype(plane: npt.NDArray[Any], settings: Settings) -> np.dtype[Any]:
    return plane.dtype if settings.output_dtype == "input" else np.dtype(np.float32)
