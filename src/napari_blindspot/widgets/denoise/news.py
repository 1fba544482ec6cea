"""What the fits of some planes have said since the main thread looked last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_blindspot.core.events import Finished, Preview, Started, Step
from napari_blindspot.widgets.denoise.disk_run import Opened, Writing, Written
from napari_blindspot.widgets.denoise.judged import Judged
from napari_blindspot.widgets.shared.mailbox import Standing

if TYPE_CHECKING:
    from napari_blindspot.core.events import Event
    from napari_blindspot.core.progress import Progress

__all__ = ["LayerNews"]


@dataclass(slots=True)
class LayerNews:
    """Events, merged.

    Attributes
    ----------
    progress : Progress
        The estimator, which follows all events.
    planes : int
        How many there are.
    standing : Standing
        What it says by now.
    started : Started or None
        The start of the latest plane.
    steps : list of Step
        All losses, for the curve.
    preview : Preview or None
        The latest of the plane at work.
    finished : list of Finished
        One for each plane that has a result.
    judged : list of Judged
        What is to be said of them.
    opened : Opened or None
        Where the result goes, if it goes to disk and that is news.
    written : Written or None
        The output, once it is whole.
    """

    progress: Progress
    planes: int
    standing: Standing = field(default_factory=Standing)
    started: Started | None = None
    steps: list[Step] = field(default_factory=list)
    preview: Preview | None = None
    finished: list[Finished] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    opened: Opened | None = None
    written: Written | None = None

    def add(self, event: Event) -> None:
        """Take in an event (worker thread)."""
        if isinstance(event, Judged):
            self.judged.append(event)
            return
        if isinstance(event, Opened | Writing | Written):
            self._add_of_disk(event)
            return
        self.progress.follow(event)
        if self.progress.activity:
            said = " · ".join(filter(None, (self.progress.plane(), self.progress.activity)))
            self.standing = Standing.of(self.progress, said[:1].upper() + said[1:])
        if isinstance(event, Finished):
            self.finished.append(event)
            # A preview must not cover the result of its own plane.
            self.preview = None
        elif isinstance(event, Preview):
            self.preview = event
        elif isinstance(event, Started):
            self.started = event
        elif isinstance(event, Step):
            self.steps.append(event)

    def _add_of_disk(self, event: Opened | Writing | Written) -> None:
        if isinstance(event, Opened):
            self.opened = event
            self.progress.expect(self.planes, finished=len(event.records))
        elif isinstance(event, Writing):
            self.standing = Standing.of(self.progress, f"Writing {event.output.name}")
        else:
            self.written = event

    def successor(self) -> LayerNews:
        """Return news of nothing yet."""
        return LayerNews(self.progress, self.planes, self.standing)
