"""The planes of a stack one after another: their order, what each starts from, and their events.

Arrays stay where they are: only the plane at work and its neighbours are read, so dask and zarr arrays may
be larger than memory. Where results go (a layer, a file) is the caller's business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Finished
from napari_blindspot.noise.shared_noise import nearest_planes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["chains", "channel_of", "fit_stack", "plane_indices"]

CANDIDATES = 9
"""How many planes are looked at for the one that a shared fit learns from."""

BLOCK = 16
"""Side of the blocks whose means tell how much structure a plane has, in pixels."""


def plane_indices(shape: tuple[int, ...]) -> list[Index]:
    """Return the index of every plane of an array (…, Y, X); a plane by itself has the index ()."""
    return list(np.ndindex(*shape[:-2]))


def chains(indices: Iterable[Index], axes: str | None = None) -> list[list[Index]]:
    """Group planes into those that may share networks: the planes of one channel, in their order.

    Parameters
    ----------
    indices : iterable of tuple of int
        Indices into the leading axes.
    axes : str, optional
        One letter an axis of the whole array, such as ``"TCZYX"``; without it all planes are of one
        channel.
    """
    groups: dict[Index, list[Index]] = {}
    for index in indices:
        groups.setdefault(channel_of(index, axes), []).append(index)
    return list(groups.values())


def fit_stack(
    array: Any,
    settings: Settings,
    *,
    axes: str | None = None,
    planes: Iterable[Index] | None = None,
    control: Control | None = None,
    preview_interval: float | None = None,
    start: Model | Iterable[Model] | None = None,
) -> Iterator[Event]:
    """Denoise the planes of a stack one after another.

    ``settings.planes`` says what a plane starts from. In a ``warm`` stack every plane starts from the last
    `Finished.model` of its channel, and is fitted anew where that is no help. In a ``shared`` one the plane
    with most structure is fitted, and comes first; its networks are applied to the others. A stack that
    goes on with the last model of every channel in `start` and with the planes that are left gives the
    same pixels as one that was not interrupted.

    Parameters
    ----------
    array : array-like
        (…, Y, X); anything that numpy can index and convert: numpy, dask, zarr.
    settings : Settings
        The same for every plane.
    axes : str, optional
        One letter an axis, such as ``"TCZYX"``. Planes that differ in C never share a network; neighbours
        are taken along Z, or along T where there is no Z. Without it all planes are of one channel, and
        neighbours are taken along the last leading axis.
    planes : iterable of tuple of int, optional
        Which planes, as indices into the leading axes; all of them if not given.
    control : Control, optional
        A stop ends after the plane at work and keeps what it has; a cancel ends at once.
    preview_interval : float, optional
        As in `napari_blindspot.engine.fit_plane.fit_plane`.
    start : Model or iterable of Model, optional
        For each channel the model to start from, known by its ``plane``; a model that comes from no stack
        can start one that has a single channel.

    Yields
    ------
    Event
        Those of every fit, with `plane` set; one `Finished` for each plane that has a result. Planes come
        channel by channel.

    Raises
    ------
    ImageError
        If `axes` do not fit the array, or a plane cannot be denoised.
    SettingsError
        If a model does not fit the settings.
    BlindspotError
        As `fit_plane`; planes that had finished before are already with the caller.
    """
    axes = _check_axes(axes, array.shape)
    stack = _Stack(array, settings, axes, control or Control(), preview_interval)
    indices = plane_indices(array.shape) if planes is None else list(planes)
    groups = chains(indices, axes)
    starts = _assign(start, groups, axes)
    for chain, model in zip(groups, starts, strict=True):
        yield from stack.fit_chain(chain, model)
        if stack.control.stopping or stack.control.cancelled:
            return


class _Stack:
    """What is the same for all planes."""

    def __init__(
        self,
        array: Any,
        settings: Settings,
        axes: str | None,
        control: Control,
        preview_interval: float | None,
    ) -> None:
        self.array = array
        self.settings = settings
        self.control = control
        self.preview_interval = preview_interval
        leading = array.ndim - 2 if hasattr(array, "ndim") else len(array.shape) - 2
        # Along which axis neighbours lie.
        self.along = leading - 1 if axes is None else max(axes.find("Z"), -1)
        if axes is not None and self.along < 0:
            self.along = axes.find("T")

    def fit_chain(self, chain: list[Index], model: Model | None) -> Iterator[Event]:
        """Fit the planes of one channel."""
        settings = self.settings
        if settings.planes == "shared" and model is None and len(chain) > 1:
            richest = self._richest(chain)
            chain = [richest, *(index for index in chain if index != richest)]
        carried = settings.measures_noise and settings.planes != "anew"
        for index in chain:
            shared = settings.planes == "shared" and model is not None
            for event in self._fit(index, model if carried else None, train=not shared):
                if isinstance(event, Finished):
                    usable = event.model is not None and event.model.noise["measured"]
                    carry = carried and usable and not event.result.stopped
                    event = replace(event, model=event.model if carry else None)
                    model = event.model or model
                yield event
            if self.control.stopping or self.control.cancelled:
                return

    def _fit(self, index: Index, start: Model | None, *, train: bool) -> Iterator[Event]:
        from napari_blindspot.engine.fit_plane import fit_plane

        for event in fit_plane(
            self._plane(index),
            self.settings,
            control=self.control,
            preview_interval=self.preview_interval,
            start=start,
            train=train,
            neighbours=self._neighbours(index),
        ):
            if isinstance(event, Finished) and event.model is not None and train:
                event = replace(event, model=replace(event.model, plane=index))
            yield replace(event, plane=index)

    def _plane(self, index: Index) -> Any:
        return np.asarray(self.array[index])

    def _neighbours(self, index: Index) -> Any:
        """Read the planes beside one; None where there are to be none."""
        if not self.settings.neighbours or self.along < 0 or not index:
            return None
        before, here, after = index[: self.along], index[self.along], index[self.along + 1 :]
        near = nearest_planes(here, self.array.shape[self.along], self.settings.neighbours)
        return np.stack([self._plane((*before, at, *after)) for at in near]) if near else None

    def _richest(self, chain: list[Index]) -> Index:
        """Return the plane with most structure among a few spread evenly: the first is often empty."""
        picks = np.unique(np.linspace(0, len(chain) - 1, CANDIDATES).round().astype(int))
        return max((chain[i] for i in picks), key=lambda index: _structure(self._plane(index)))


def _structure(plane: Any) -> float:
    """Return how much the local means of a plane vary; noise adds next to nothing."""
    side = min(BLOCK, *plane.shape)
    rows, columns = (length // side for length in plane.shape)
    blocks = plane[: rows * side, : columns * side].astype(np.float64)
    means = blocks.reshape(rows, side, columns, side).mean((1, 3))
    means = means[np.isfinite(means)]
    return float(means.std()) if means.size else 0.0


def channel_of(index: Index, axes: str | None) -> Index:
    """Return the part of an index that says the channel."""
    return tuple(i for i, letter in zip(index, axes or "", strict=False) if letter == "C")


def _check_axes(axes: str | None, shape: tuple[int, ...]) -> str | None:
    """Return axes in capitals if they fit the array.

    Raises
    ------
    ImageError
        If there are more or fewer of them, one comes twice, or the last two are not Y and X.
    """
    if axes is None:
        return None
    letters = axes.upper()
    if len(letters) != len(shape) or len(set(letters)) != len(letters) or not letters.endswith("YX"):
        raise ImageError(
            f"The axes {axes!r} do not fit an array of shape {shape}: one letter for each axis is needed, "
            "none twice, and Y and X must come last."
        )
    return letters


def _assign(
    start: Model | Iterable[Model] | None, groups: list[list[Index]], axes: str | None
) -> list[Model | None]:
    """Give every chain the last model of its own channel, if there is one."""
    from napari_blindspot.core.model import Model

    models = [start] if isinstance(start, Model) else list(start or ())
    chosen: list[Model | None] = []
    for chain in groups:
        fits = [m for m in models if _belongs(m, chain[0], axes, alone=len(groups) == 1)]
        chosen.append(fits[-1] if fits else None)
    return chosen


def _belongs(model: Model, index: Index, axes: str | None, *, alone: bool) -> bool:
    if not model.plane:
        return alone
    return channel_of(model.plane, axes) == channel_of(index, axes)
