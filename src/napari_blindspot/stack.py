"""A fit for every plane of a stack: which planes there are, and their events one after another.

Arrays stay where they are: only the plane at work is read, so dask and zarr arrays may be larger than
memory. Where results go (a layer, a file) is the caller's business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.control import Control
from napari_blindspot.events import Cancelled, Finished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_blindspot.events import Event
    from napari_blindspot.settings import Settings

__all__ = ["fit_stack", "plane_indices"]


def plane_indices(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the index of every plane of an array (…, Y, X); a plane by itself has the index ()."""
    return list(np.ndindex(*shape[:-2]))


def fit_stack(
    array: Any,
    settings: Settings,
    *,
    planes: Iterable[tuple[int, ...]] | None = None,
    control: Control | None = None,
    preview_interval: float | None = None,
) -> Iterator[Event]:
    """Denoise the planes of a stack one after another, each by a fit of its own.

    Parameters
    ----------
    array : array-like
        (…, Y, X); anything that numpy can index and convert: numpy, dask, zarr.
    settings : Settings
        The same for every plane.
    planes : iterable of tuple of int, optional
        Which planes, as indices into the leading axes; all of them if not given.
    control : Control, optional
        A stop ends after the plane at work and keeps what it has; a cancel ends at once.
    preview_interval : float, optional
        As in `napari_blindspot.engine.fit.fit_plane`.

    Yields
    ------
    Event
        Those of every fit, with `plane` set; one `Finished` for each plane that has a result.

    Raises
    ------
    BlindspotError
        As `fit_plane`; planes that had finished before are already with the caller.
    """
    from napari_blindspot.engine.fit import fit_plane

    control = control or Control()
    indices = plane_indices(array.shape) if planes is None else list(planes)
    for index in indices:
        plane = np.asarray(array[index])
        for event in fit_plane(plane, settings, control=control, preview_interval=preview_interval):
            yield replace(event, plane=index)
            if isinstance(event, Cancelled):
                return
            if isinstance(event, Finished) and control.stopping:
                return
