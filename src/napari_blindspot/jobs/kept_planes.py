"""The planes of one file, opened, fitted and kept one by one: what the commands denoise and batch share.

Memory does not grow with the length of a stack, and whatever ends a run, finished planes are on the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Finished
from napari_blindspot.core.model import Model
from napari_blindspot.fallback import fit_stack_or_fall_back
from napari_blindspot.files.door import open_image
from napari_blindspot.jobs.record import plane_record
from napari_blindspot.stack import channel_of, plane_indices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.jobs.plane_store import PlaneStore
    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["fit_and_keep", "open_planes"]


def open_planes(path: Path, *, series: int | None, axes: str | None, channel: int | None) -> ImageFile:
    """Open an image that has planes to denoise, without reading more than its format needs.

    Parameters
    ----------
    path : Path
        The file.
    series, axes
        As for `napari_blindspot.files.door.open_image`.
    channel : int or None
        The colour sample or channel to take; all channels if not given.

    Raises
    ------
    FileError
        If it cannot be read.
    ImageError
        If it has no plane, no such channel, or is in colour and no channel is chosen.
    """
    image = open_image(path, series=series, axes=axes)
    if channel is not None:
        image = image.channel(channel)
    if image.is_rgb:
        raise ImageError(
            f"The image is RGB, of shape {image.shape}, but one channel at a time can be denoised: "
            "pick one with --channel 0 (red), 1 (green) or 2 (blue)."
        )
    if not plane_indices(image.shape):
        raise ImageError(f"The image is empty: its shape is {image.shape}.")
    return image


def fit_and_keep(
    image: ImageFile,
    settings: Settings,
    store: PlaneStore,
    planes: list[Index],
    control: Control,
    *,
    inr: bool = False,
    preview_interval: float | None = None,
) -> Iterator[Event]:
    """Fit some planes, each from what the store keeps of its channel, and keep each as soon as it is done.

    Parameters
    ----------
    image : ImageFile
        Whose planes; see `open_planes`.
    settings : Settings
        Of every fit.
    store : PlaneStore
        Where they are kept.
    planes : list of tuple of int
        Which ones; those that are kept already would be fitted again.
    control : Control
        A stop ends after the plane at work and keeps what it has; a cancel ends at once.
    inr : bool
        Whether the INR's image is kept as well.
    preview_interval : float, optional
        As in `napari_blindspot.engine.fit_plane.fit_plane`.

    Yields
    ------
    Event
        Of every fit; when a `Finished` arrives, its plane is on the disk.

    Raises
    ------
    BlindspotError
        If a plane cannot be denoised or kept; those before it are on the disk.
    """
    chains = {_chain(index, image.axes) for index in planes}
    models = [model for chain in sorted(chains) if (model := store.model(chain)) is not None]
    events = fit_stack_or_fall_back(
        image.array,
        settings,
        axes=image.axes,
        planes=planes,
        control=control,
        preview_interval=preview_interval,
        start=[Model.from_bytes(content, "The model beside the finished planes") for _, content in models],
    )
    for event in events:
        if isinstance(event, Finished):
            follows = event.model is not None and len(plane_indices(image.shape)) > 1
            store.keep(
                event.plane,
                event.result.denoised,
                plane_record(event.result),
                inr=event.result.inr if inr else None,
                model=event.model.to_bytes() if event.model is not None and follows else None,
                chain=_chain(event.plane, image.axes),
            )
        yield event


def _chain(index: Index, axes: str) -> str:
    """Name the planes that share networks: those of one channel."""
    return "-".join(map(str, channel_of(index, axes)))
