"""What the command ``noise`` measures: the channels of a file, each by some of its planes.

How the noise of planes is measured belongs to `napari_blindspot.noise.estimate`, what follows from it to
`napari_blindspot.noise.gap_choice`; printing and drawing it to `noise_table` and `noise_picture`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.words import sentence
from napari_blindspot.noise.blank_areas import without_blank_areas
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.even_lines import without_line_offsets
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.noise.processed import doubt_about
from napari_blindspot.settings import MeasuredSettings
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.files.image_file import ImageFile

__all__ = ["ChannelNoise", "measure_channels", "percent"]

MOST_PLANES = 24
"""Planes of a stack that are measured, evenly spaced: more of them hardly narrow the errors."""

MOST_PIXELS = 2**25
"""Pixels that are measured at once; of large planes fewer are taken, so that memory stays bounded."""

SAMPLE_SIZE = 200_000
"""About so many pixels are kept for the histogram in the picture."""

_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class ChannelNoise:
    """The noise of one channel.

    Attributes
    ----------
    channel : int
        Counted from 0.
    name : str
        The channel's name in the file, or its colour; empty if it has none.
    model : NoiseModel
        What was measured.
    sentence : str
        What the preset ``auto`` would do, or why nothing could be measured.
    warnings : tuple of str
        What would be wrong with a fit, because the pixels are no raw data or their lines have offsets.
    measured, planes : int
        How many planes were measured, and how many there are.
    median : float
        Of the intensities.
    sample : ndarray
        (N,) some of the intensities, for a histogram.
    """

    channel: int
    name: str
    model: NoiseModel
    sentence: str
    warnings: tuple[str, ...]
    measured: int
    planes: int
    median: float
    sample: npt.NDArray[Any]

    @property
    def label(self) -> str:
        """The channel's number, with its name if it has one."""
        return f"channel {self.channel}" + f" ({self.name})" * bool(self.name)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures of the model, the channel and the sentences, plain enough for JSON."""
        return {
            "channel": self.channel,
            **self.model.as_dict(),
            "sentence": self.sentence,
            "warnings": list(self.warnings),
        }


def measure_channels(image: ImageFile, channel: int | None = None) -> list[ChannelNoise]:
    """Measure one channel of an image, or each of them; the transparency of a colour image is left out.

    Parameters
    ----------
    image : ImageFile
        A plane or a stack; of a stack, the planes that are measured are read.
    channel : int, optional
        Counted from 0.

    Raises
    ------
    ImageError
        If there is no such channel or no plane, or one that is measured holds no intensities that could
        be denoised; in a stack the sentence says which.
    """
    if channel is not None:
        numbers = [channel]
    else:
        numbers = list(range(min(image.channels, 3) if image.is_rgb else image.channels))
    # As planes of their own, the samples of a pixel are decoded once.
    image = image.by_sample()
    return [_measure(image, number) for number in numbers]


def _measure(image: ImageFile, number: int) -> ChannelNoise:
    one = image.channel(number)
    indices = plane_indices(one.shape)
    if not indices:
        raise ImageError(f"The image is empty: its shape is {one.shape}.")
    chosen = _evenly(indices, math.prod(one.shape[-2:]))
    planes = np.stack([without_blank_areas(one.checked_plane(index)) for index in chosen])
    known = planes[np.isfinite(planes)]
    model = estimate_noise(planes)
    warnings: tuple[str, ...] = ()
    if known.size:
        # One plane tells what was done to a stack; the middle is where most signal tends to be.
        seen = planes[np.isfinite(planes).any((1, 2))]
        middle = seen[len(seen) // 2]
        warnings = tuple(sentence(notice) for notice in _doubts(middle, model))
    if model.measured:
        verdict = sentence(make_plan(middle, model, MeasuredSettings()).notice)
    else:
        verdict = _why_not(known, model)
    if image.is_rgb:
        name = _COLOURS[number] if number < len(_COLOURS) else "transparency"
    else:
        name = one.channel_names[0] if one.channel_names else ""
    return ChannelNoise(
        channel=number,
        name=name,
        model=model,
        sentence=verdict,
        warnings=warnings,
        measured=len(chosen),
        planes=len(indices),
        median=float(np.median(known)) if known.size else math.nan,
        sample=known[:: max(1, known.size // SAMPLE_SIZE)].copy(),
    )


def _doubts(plane: npt.NDArray[Any], model: NoiseModel) -> list[Notice]:
    """Return what a fit would say of the pixels of a plane, (Y, X), before it begins."""
    _, evened = without_line_offsets(plane)
    return [notice for notice in (evened, doubt_about(plane, model)) if notice is not None]


def _evenly(indices: Sequence[tuple[int, ...]], pixels: int) -> list[tuple[int, ...]]:
    """Choose planes of so many pixels, evenly spaced from the first to the last."""
    count = min(len(indices), MOST_PLANES, max(1, MOST_PIXELS // pixels))
    if count == 1:
        return [indices[len(indices) // 2]]
    return [indices[round(position)] for position in np.linspace(0, len(indices) - 1, count)]


def _why_not(known: npt.NDArray[Any], model: NoiseModel) -> str:
    if known.size == 0:
        return "Nothing could be measured: the image holds no value, only NaN."
    low, high = known.min(), known.max()
    if low == high:
        return f"Nothing could be measured: all pixels have the same value, {low:g}."
    if model.clipped_low or model.clipped_high:
        return (
            f"Nothing could be measured: {percent(model.clipped_low)} of the pixels are clipped at the "
            f"lowest value, {low:g}, and {percent(model.clipped_high)} at the highest, {high:g}."
        )
    return "Nothing could be measured: hardly any part of the image is free of NaN and varies."


def percent(fraction: float) -> str:
    """Write a fraction as percentage, with two digits where it is small."""
    return f"{100 * fraction:.2g} %" if fraction < 0.1 else f"{100 * fraction:.0f} %"
