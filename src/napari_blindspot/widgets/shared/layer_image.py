"""An image layer as an image that files can hold: its axes, voxel size, place, channel and planes.

Pixels stay where they are: a plane is read when it is asked for. What is done with the image, and which
errors are shown where, belongs to those who ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.files.door import ImageFile, Spacing
from napari_blindspot.files.spacing import make_spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    Planes = Callable[[tuple[int, ...]], npt.NDArray[Any]]

__all__ = ["layer_image"]

_STORED = "TZCYXS"


def layer_image(data: Any, attributes: Mapping[str, Any], axes: str) -> tuple[ImageFile, Planes]:
    """Describe a layer as an image.

    Parameters
    ----------
    data : array-like
        (…, Y, X), or (…, Y, X, S) in colour; of a pyramid its finest level.
    attributes : mapping
        What napari stores of the layer: name, scale, translate, units, colormap.
    axes : str
        One letter an axis, as of `napari_blindspot.widgets.shared.layer_data.layer_axes`; S for colour.

    Returns
    -------
    image : ImageFile
        Its array tells shape and dtype, but holds no pixels.
    planes : callable
        Reads the plane of an index into the axes before Y and X.

    Raises
    ------
    ImageError
        If the layer has several positions, for which a file has no axis.
    """
    name = str(attributes.get("name", "image"))
    shape = tuple(int(length) for length in data.shape)
    # An axis that no file has can be left out where there is but one plane along it.
    kept = [at for at, letter in enumerate(axes) if letter in _STORED or shape[at] > 1]
    for at in kept:
        if axes[at] not in _STORED:
            raise ImageError(
                f"“{name}” has {shape[at]} positions, but a file holds one image: take them apart with "
                "“Split Stack” in the menu of the layer, and choose one of them."
            )
    letters = "".join(axes[at] for at in kept)
    leading = len(axes.partition("Y")[0])
    spacing = _spacing(axes, attributes)
    translate = _numbers(attributes.get("translate"), len(axes), 0.0)
    color = _color(attributes.get("colormap"))

    def planes(index: tuple[int, ...]) -> npt.NDArray[Any]:
        place = dict(zip(kept, index, strict=False))
        return np.asarray(data[tuple(place.get(at, 0) for at in range(leading))])

    image = ImageFile(
        np.broadcast_to(np.zeros((), np.dtype(data.dtype).newbyteorder("=")), [shape[at] for at in kept]),
        letters,
        spacing,
        channel_names=() if set(letters) & set("CS") else (name,),
        channel_colors=() if set(letters) & set("CS") or not color else (color,),
        origin={letter: translate[axes.index(letter)] for letter in spacing},
    )
    return image, planes


def _spacing(axes: str, attributes: Mapping[str, Any]) -> dict[str, Spacing]:
    """Return the scale of a layer where it has a unit that files know."""
    scale = _numbers(attributes.get("scale"), len(axes), 1.0)
    units = attributes.get("units") or ()
    found = {}
    for letter, step, unit in zip(axes, scale, units, strict=False):
        symbol = unit if isinstance(unit, str) else f"{unit:~}"
        spacing = make_spacing(letter, step, symbol) if letter in "TZYX" else None
        if spacing is not None:
            found[letter] = spacing
    return found


def _numbers(given: Sequence[float] | None, count: int, usual: float) -> list[float]:
    """Return a number for each axis; napari has none for the samples of a colour image."""
    numbers = [] if given is None else [float(number) for number in given]
    return [*numbers, *[usual] * (count - len(numbers))]


def _color(colormap: Any) -> str:
    """Return the colour of a colormap from black to one colour, as #rrggbb; nothing for gray and others."""
    colors = colormap.get("colors") if isinstance(colormap, dict) else getattr(colormap, "colors", None)
    if colors is None or len(colors) != 2:
        return ""
    low, high = (np.asarray(color, float)[:3] for color in colors)
    if low.any() or np.ptp(high) == 0:
        return ""
    return "#" + "".join(f"{round(255 * value):02x}" for value in high)
