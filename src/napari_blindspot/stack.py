"""The planes of a stack one after another: their order, what each starts from, and their events.

Arrays stay where they are: only the plane at work and its neighbours are held, so dask and zarr arrays may
be larger than memory, and each plane is read once. Where results go (a layer, a file) is the caller's
business. What a plane starts from is in `napari_blindspot.stack_start`.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import ImageError, OutOfMemoryError, SettingsError
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.plane import naming_plane
from napari_blindspot.core.plane_window import PlaneWindow
from napari_blindspot.settings import MeasuredSettings
from napari_blindspot.stack_neighbours import NeighbourPlanes
from napari_blindspot.stack_start import GivenModel, start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.engine.first_look import FirstLook
    from napari_blindspot.settings import Settings
    from napari_blindspot.stack_start import StackStart

    Index = tuple[int, ...]

__all__ = ["chains", "channel_of", "fit_stack", "fits_inr_later", "plane_indices"]


def plane_indices(shape: tuple[int, ...]) -> list[Index]:
    """Return the index of every plane of an array (…, Y, X); a plane by itself has the index ()."""
    return list(np.ndindex(*shape[:-2]))


def fits_inr_later(shape: tuple[int, ...], settings: Settings, *, wants_inr: bool = True) -> bool:
    """Tell whether the INR of each plane of an array (…, Y, X) is fitted when its image is first read.

    It is so wherever there are several planes or nobody wants it; not with ``paper``, whose U-Net needs it.
    """
    return isinstance(settings, MeasuredSettings) and (math.prod(shape[:-2]) > 1 or not wants_inr)


def chains(indices: Iterable[Index], axes: str | None = None) -> list[list[Index]]:
    """Group planes into those that may share networks: of one channel and position, in their order.

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
    indices: Iterable[Index] | None = None,
    control: Control | None = None,
    preview_interval: float | None = None,
    initial_models: Iterable[Model] = (),
    models: Sequence[Model] = (),
    fall_back_to_cpu: bool = True,
    wants_inr: bool = True,
) -> Iterator[Event]:
    """Denoise the planes of a stack one after another.

    ``settings.stack_start`` says what a plane starts from. In a ``warm`` stack every plane starts from the
    last `Finished.model` of its channel, and is fitted anew where that is no help. In a ``shared`` one the
    plane with most structure is fitted, and comes first; its networks are applied to the others. A stack
    that goes on with the last model of every channel in `initial_models` and with the planes that are left
    gives the same pixels as one that was not interrupted.

    Parameters
    ----------
    array : array-like
        (…, Y, X); anything that numpy can index and convert: numpy, dask, zarr.
    settings : Settings
        The same for every plane.
    axes : str, optional
        One letter an axis, such as ``"TCZYX"``. Planes that differ in C, or in anything else but T and Z,
        such as positions, never share a network; neighbours are taken along Z or T, where there are both
        along the one whose planes have more in common. Without it all planes are of one channel, and
        neighbours are taken along the last leading axis.
    indices : iterable of tuple of int, optional
        Which planes, as indices into the leading axes; all of them if not given.
    control : Control, optional
        A stop ends after the plane at work and keeps what it has; a cancel ends at once.
    preview_interval : float, optional
        As in `napari_blindspot.engine.fit_plane.fit_plane`.
    initial_models : iterable of Model
        For each channel the model to start from, known by its ``plane``; a model that comes from no stack
        can start one that has a single channel.
    models : sequence of Model
        Applied as they are, whatever ``stack_start`` says: one to all planes, or one to each channel, in
        the order of the channels. Nothing is fitted then but the INR.
    fall_back_to_cpu : bool
        Whether the rest goes on with the CPU once the memory of a GPU does not suffice for a plane, which
        then begins again; every plane that the CPU denoised has a notice that says so.
    wants_inr : bool
        Whether somebody looks at the INR of a plane by itself; if not, it is fitted as late as in a stack.

    Yields
    ------
    Event
        Those of every fit, with `plane` set; one `Finished` for each plane that has a result. Planes come
        channel by channel.

    Raises
    ------
    ImageError
        If `axes` do not fit the array, or, when its turn comes, a plane cannot be denoised; in a stack the
        sentence says which.
    SettingsError
        If a model does not fit the settings, or there are neither one model nor one for each channel.
    BlindspotError
        As `fit_plane`; planes that had finished before are already with the caller.
    """
    axes = _check_axes(axes, array.shape)
    fits = _PlaneFits(
        array,
        settings,
        axes,
        control or Control(),
        preview_interval,
        falls_back=fall_back_to_cpu,
        wants_inr=wants_inr,
    )
    groups = chains(plane_indices(array.shape) if indices is None else indices, axes)
    applied = _applied(models, array.shape, axes)
    for chain, model in zip(groups, _models_of(initial_models, groups, axes), strict=True):
        given = applied.get(channel_of(chain[0], axes))
        start = start_of(settings, model) if given is None else GivenModel(given)
        yield from _fit_chain(fits, chain, start)
        if fits.control.ending:
            return


def _fit_chain(fits: _PlaneFits, chain: list[Index], start: StackStart) -> Iterator[Event]:
    """Fit the planes of one channel."""
    order = start.order(fits.beside.order(chain), fits.window.plane_ahead)
    for index, following in itertools.zip_longest(order, order[1:]):
        for event in fits.fit(index, start.model, train=not start.applies, following=following):
            yield start.learned(event) if isinstance(event, Finished) else event
        if fits.control.ending:
            return


class _PlaneFits:
    """The fits of single planes, on the CPU from the plane on for which a GPU has too little memory."""

    def __init__(
        self,
        array: Any,
        settings: Settings,
        axes: str | None,
        control: Control,
        preview_interval: float | None,
        *,
        falls_back: bool,
        wants_inr: bool,
    ) -> None:
        self.window = PlaneWindow(array)
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.axes = axes
        self.settings = settings
        self.control = control
        self.preview_interval = preview_interval
        self.falls_back = falls_back
        self.inr_later = fits_inr_later(self.shape, settings, wants_inr=wants_inr)
        # What belongs to every plane that the CPU denoised, and what is to be said once of it.
        self._moved: tuple[Notice, ...] = ()
        self._news: tuple[Notice, ...] = ()
        self.beside = NeighbourPlanes(self.shape, axes, settings, self.window.plane)
        # Of the plane whose turn comes next.
        self._ahead: tuple[Index, Callable[[], FirstLook]] | None = None

    def fit(
        self, index: Index, model: Model | None, *, train: bool, following: Index | None
    ) -> Iterator[Event]:
        """Fit one plane; again on the CPU where that is wanted and a GPU's memory did not suffice.

        The noise of the `following` one is measured meanwhile.
        """
        try:
            yield from self._fit(index, model, train=train, following=following)
            return
        except OutOfMemoryError:
            device = self._gpu()
            if not self.falls_back or device is None:
                raise
        # Outside the except block, so that the failed fit and its tensors can be freed.
        self.settings = self.settings.model_copy(update={"device": "cpu"})
        self._ahead = None
        size = "×".join(str(side) for side in self.shape[-2:])
        self._moved = self._news = (Notice("moved-to-cpu", {"plane": size, "device": device}),)
        yield from self._fit(index, model, train=train, following=None)

    def _fit(
        self, index: Index, model: Model | None, *, train: bool, following: Index | None
    ) -> Iterator[Event]:
        from napari_blindspot.engine.fit_plane import fit_plane

        with naming_plane(index, self.axes):
            plane, beside = self._read(index)
            looked = self._looked(index) if train else None
            events = fit_plane(
                plane,
                self.settings,
                control=self.control,
                preview_interval=self.preview_interval,
                initial_model=model,
                train=train,
                neighbours=beside,
                inr_later=self.inr_later,
                looked=looked,
            )
            del plane, beside, looked
            for event in self._placed(events, index, train=train):
                yield event
                if isinstance(event, Started) and following is not None and self._looks_ahead(train=train):
                    self._look_ahead(following)

    def _read(self, index: Index) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        """Return a plane and those beside it, and let go of all others."""
        beside = self.beside.of(index)
        self.window.move(index, [near for near in beside if near is not None])
        return self.window.plane(index), self._planes(beside)

    def _looks_ahead(self, *, train: bool) -> bool:
        """Tell whether the noise of planes is measured ahead; not where one fit is shared by all."""
        from napari_blindspot.engine.first_look import looks_ahead

        fits_all = train and self.settings.stack_start != "shared"
        height, width = self.shape[-2:]
        return fits_all and looks_ahead((height, width), self.settings)

    def _look_ahead(self, following: Index) -> None:
        """Begin to measure the noise of the plane whose turn comes next."""
        from napari_blindspot.engine.first_look import look_ahead

        # Whatever is wrong with that plane is said in its turn.
        with contextlib.suppress(Exception):
            plane, beside = self._read(following)
            looked = look_ahead(plane, self.settings, beside)
            self._ahead = None if looked is None else (following, looked)

    def _looked(self, index: Index) -> Callable[[], FirstLook] | None:
        """Return what was begun for a plane, once."""
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead is not None and ahead[0] == index else None

    def _planes(self, indices: list[Index | None]) -> npt.NDArray[Any] | None:
        """Return planes, (N, Y, X), NaN where there is none; None if no plane is asked for."""
        if not any(index is not None for index in indices):
            return None
        # float32 leaves planes of 16 bits half as large as float64 would.
        absent = np.full(self.shape[-2:], np.nan, np.float32)
        return np.stack([absent if index is None else self.window.plane(index) for index in indices])

    def _placed(self, events: Iterable[Event], index: Index, *, train: bool) -> Iterator[Event]:
        """Say of the events of a fit which plane they belong to."""
        for event in events:
            if isinstance(event, Started):
                yield replace(event, plane=index, notices=(*self._news, *event.notices))
                self._news = ()
            elif isinstance(event, Finished):
                notices = (*self._moved, *event.result.notices)
                learned = event.model
                if learned is not None and train:
                    learned = replace(learned, plane=index)
                result = replace(event.result, notices=notices)
                yield replace(event, plane=index, result=result, model=learned)
            else:
                yield replace(event, plane=index)

    def _gpu(self) -> str | None:
        """Return the type of the device that the fits use if it is not the CPU."""
        from napari_blindspot.engine.hardware.backends import choose_device

        device = choose_device(self.settings.device).type
        return None if device == "cpu" else device


def channel_of(index: Index, axes: str | None) -> Index:
    """Return the part of an index that says the channel, and the position or whatever is not T and Z."""
    return tuple(i for i, letter in zip(index, axes or "", strict=False) if letter not in "TZ")


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


def _applied(models: Sequence[Model], shape: tuple[int, ...], axes: str | None) -> dict[Index, Model]:
    """Return the model of each channel, by what `channel_of` gives; nothing where there are none.

    Raises
    ------
    SettingsError
        If there are neither one nor as many as channels.
    """
    if not models:
        return {}
    channels = list(dict.fromkeys(channel_of(index, axes) for index in plane_indices(shape)))
    if len(models) not in (1, len(channels)):
        raise SettingsError(
            f"There are models for {len(models)} channels, but the image has {len(channels)}: fit one to "
            "an image with as many, or apply a single one."
        )
    return {channel: models[min(at, len(models) - 1)] for at, channel in enumerate(channels)}


def _models_of(models: Iterable[Model], groups: list[list[Index]], axes: str | None) -> list[Model | None]:
    """Give every chain the last model of its own channel, if there is one."""
    given = list(models)
    chosen: list[Model | None] = []
    for chain in groups:
        fits = [m for m in given if _belongs(m, chain[0], axes, alone=len(groups) == 1)]
        chosen.append(fits[-1] if fits else None)
    return chosen


def _belongs(model: Model, index: Index, axes: str | None, *, alone: bool) -> bool:
    if not model.plane:
        return alone
    return channel_of(model.plane, axes) == channel_of(index, axes)
