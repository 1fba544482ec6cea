"""Several results of one field of view as the channels of one file, with one record.

How a single layer becomes an image belongs to `napari_blindspot.widgets.shared.layer_image`, and how its
axes are found to `napari_blindspot.widgets.denoise.writer`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_blindspot.files.door import ImageFile
    from napari_blindspot.widgets.shared.layer_image import Planes

__all__ = ["as_channels", "as_one_record"]

BY_THE_NOISE = ("gap", "visible_fraction", "refine_iterations")
"""Settings that the noise of each channel decides, where the user has not."""


def as_channels(layers: Sequence[tuple[str, ImageFile, Planes]]) -> tuple[ImageFile, Planes]:
    """Return images, each with its name and planes, as the channels of one.

    Raises
    ------
    ImageError
        If they have other axes, sizes, types, voxel sizes or places, or channels of their own.
    """
    (first_name, first, _), *others = layers
    for name, image, _ in layers:
        if set(image.axes) & set("CS"):
            raise ImageError(f"“{name}” has several channels already; save it by itself.")
    for name, image, _ in others:
        for what, mine, theirs in (
            ("size", (first.axes, first.shape), (image.axes, image.shape)),
            ("type", first.dtype, image.dtype),
            ("voxel size", first.spacing, image.spacing),
            ("place", first.origin, image.origin),
        ):
            if mine != theirs:
                raise ImageError(
                    f"“{name}” has another {what} than “{first_name}”, so that they are no channels of one "
                    "image; select one result to save it by itself."
                )
    at = 1 if first.axes.startswith("T") else 0
    shape = (*first.shape[:at], len(layers), *first.shape[at:])

    def planes(index: tuple[int, ...]) -> Any:
        return layers[index[at]][2]((*index[:at], *index[at + 1 :]))

    image = replace(
        first,
        array=np.broadcast_to(np.zeros((), first.dtype), shape),
        axes=f"{first.axes[:at]}C{first.axes[at:]}",
        channel_names=tuple(name for name, _, _ in layers),
        channel_colors=tuple(next(iter(image.channel_colors), "") for _, image, _ in layers),
    )
    return image, planes


def as_one_record(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the record of a run over several layers, with the planes of each.

    Raises
    ------
    ImageError
        If they were made with other settings.
    """
    settings = [dict(record["settings"]) for record in records]
    for name in BY_THE_NOISE:
        if any(one.get(name) != settings[0].get(name) for one in settings):
            for one in settings:
                one[name] = None
    other = next((name for one in settings[1:] for name in one if one[name] != settings[0].get(name)), None)
    if other is not None:
        raise ImageError(
            f"The selected results were made with other settings ({other}), so that one file cannot say "
            "how to repeat them; select one result to save it by itself."
        )
    planes = [dict(entry) for record in records for entry in record.get("planes", [record])]
    names = " + ".join(str(record["source"]) for record in records)
    return {**records[0], "source": names, "settings": settings[0], "planes": planes}
