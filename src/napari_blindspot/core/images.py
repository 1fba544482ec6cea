"""The images of a result: what a run computes, layers show and files hold.

An image that is added here is shown, kept and written wherever images of a result are; a run must give it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IMAGES", "ImageKind"]


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
    """

    name: str
    label: str
    description: str


IMAGES: dict[str, ImageKind] = {
    image.name: image
    for image in (
        ImageKind("denoised", "denoised", "the final estimate"),
        ImageKind("inr", "INR", "the INR's own image"),
    )
}
"""By name; the first is what was asked for, the others are beside it."""
