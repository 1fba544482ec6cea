"""The images of a result: what a run computes, layers show and files hold.

An image that is added here is shown, kept and written wherever images of a result are. It is either one
that a run gives by that name, or derived from those and the noisy plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Image = npt.NDArray[Any]

__all__ = ["IMAGES", "ImageKind", "Images", "with_derived"]


@dataclass(frozen=True, slots=True)
class ImageKind:
    """One image of a result.

    Attributes
    ----------
    name : str
        In `Result.images`, `Preview.images` and records.
    label : str
        In the name of a layer, after that of its source.
    description : str
        What it shows, in a few words.
    derive : callable or None
        Makes it, (Y, X), of the noisy plane, (Y, X), and the images that a run has given, by name; None for
        one of those.
    """

    name: str
    label: str
    description: str
    derive: Callable[[Image, dict[str, Image]], Image] | None = None


class Images(Mapping[str, "Image"]):
    """Images of a result by name, some of which are made when they are first read.

    Parameters
    ----------
    ready : mapping of str to ndarray
        Those that there are.
    later : mapping of str to callable
        What makes each of the others; called once, when it is asked for.
    """

    def __init__(self, ready: Mapping[str, Image], later: Mapping[str, Callable[[], Image]]) -> None:
        self._ready = dict(ready)
        self._later = dict(later)

    @property
    def ready(self) -> Mapping[str, Image]:
        """Those that are made by now."""
        return dict(self._ready)

    def __getitem__(self, name: str) -> Image:
        if name not in self._ready:
            self._ready[name] = self._later[name]()
        return self._ready[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._ready, **self._later})

    def __len__(self) -> int:
        return len(self._ready.keys() | self._later.keys())


IMAGES: dict[str, ImageKind] = {
    image.name: image
    for image in (
        ImageKind("denoised", "denoised", "the final estimate"),
        ImageKind("inr", "INR", "the INR's own image"),
    )
}
"""By name; the first is what was asked for, the others are beside it."""


def with_derived(plane: Image, images: dict[str, Image]) -> dict[str, Image]:
    """Return the images of a run together with those that are derived from them.

    Parameters
    ----------
    plane : ndarray
        (Y, X), the noisy one.
    images : dict of str to ndarray
        (Y, X) each, what the run gives.
    """
    derived = {
        name: image.derive(plane, images) for name, image in IMAGES.items() if image.derive is not None
    }
    return images | derived
