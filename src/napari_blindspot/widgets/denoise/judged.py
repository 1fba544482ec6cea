"""The verdict on each finished plane, looked for in the worker thread while the pixels are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.events import Event, Finished
from napari_blindspot.core.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Judged", "with_verdicts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Event):
    """What the residual of a plane says of its result.

    Attributes
    ----------
    verdict : Notice
        Of a kind of `napari_blindspot.inspection.verdict.Verdict`.
    """

    verdict: Notice


def with_verdicts(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events of a run, and after each result what is to be said of it, if anything is."""
    for event in events:
        yield event
        if isinstance(event, Finished) and not event.result.stopped:
            try:
                found = event.result.verdict
            except ImageError:
                # Noise that was not measured leaves nothing to compare with.
                continue
            notice = Notice(found.kind, found.values, is_warning=False)
            yield Judged(plane=event.plane, verdict=notice)
