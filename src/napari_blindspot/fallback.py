"""The planes of a stack when a GPU has too little memory for them: the rest goes on with the CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.stack import channel_of, fit_stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_blindspot.core.control import Control
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.model import Model
    from napari_blindspot.settings import Settings

    Index = tuple[int, ...]

__all__ = ["fit_stack_or_fall_back"]


def fit_stack_or_fall_back(
    array: Any,
    settings: Settings,
    *,
    planes: Iterable[Index],
    axes: str | None = None,
    control: Control | None = None,
    preview_interval: float | None = None,
    start: Iterable[Model] = (),
) -> Iterator[Event]:
    """Do what `napari_blindspot.stack.fit_stack` does; on the CPU once a GPU's memory did not suffice.

    Parameters
    ----------
    array, settings, planes, axes, control, preview_interval, start
        As for `fit_stack`.

    Yields
    ------
    Event
        As `fit_stack`; a plane that has begun on the GPU begins again. The sentence that says so is in the
        note of the `Started` of that plane, and among the warnings of every plane that the CPU denoised.

    Raises
    ------
    OutOfMemoryError
        If the memory of the machine does not suffice either.
    BlindspotError
        As `fit_stack`.
    """
    left = list(planes)
    models = list(start)
    latest: dict[Index, Model] = {}

    def fit(settings: Settings) -> Iterator[Event]:
        return fit_stack(
            array,
            settings,
            axes=axes,
            planes=list(left),
            control=control,
            preview_interval=preview_interval,
            start=[*models, *latest.values()],
        )

    try:
        for event in fit(settings):
            if isinstance(event, Finished):
                left.remove(event.plane)
                if event.model is not None:
                    latest[channel_of(event.plane, axes and axes.upper())] = event.model
            yield event
        return
    except OutOfMemoryError as error:
        if not _on_a_gpu(settings):
            raise
        problem = str(error).split(":")[0].rstrip(".")
    # Outside the except block, so that the failed fit and its tensors can be freed.
    sentence = f"{problem}, so the fit goes on with the CPU."
    news = sentence
    for event in fit(settings.model_copy(update={"device": "cpu"})):
        if isinstance(event, Started) and news:
            yield replace(event, note=" ".join(filter(None, [news, event.note])))
            news = ""
        elif isinstance(event, Finished):
            warnings = (sentence, *event.result.warnings)
            yield replace(event, result=replace(event.result, warnings=warnings))
        else:
            yield event


def _on_a_gpu(settings: Settings) -> bool:
    """Tell whether a run with these settings computes elsewhere than on the CPU."""
    from napari_blindspot.engine.hardware.backends import choose_device

    return choose_device(settings.device).type != "cpu"
