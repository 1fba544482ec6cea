"""What a batch has said since the main thread looked last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_blindspot.batch.item_events import ItemChanged, ModelWork, PlaneWork
from napari_blindspot.widgets.shared.mailbox import Standing

if TYPE_CHECKING:
    from napari_blindspot.batch import Batch, Item
    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.progress import BatchProgress

__all__ = ["BatchNews"]


@dataclass(slots=True)
class BatchNews:
    """Events, merged.

    Attributes
    ----------
    batch : Batch
        The files.
    progress : BatchProgress
        The estimator, which follows all events.
    standing : Standing
        What it says by now.
    items : dict of int to Item
        As they are now, those that have changed.
    shares : dict of int to float
        How much of each running item is done.
    """

    batch: Batch
    progress: BatchProgress
    standing: Standing = field(default_factory=lambda: Standing(activity="Looking at the files"))
    items: dict[int, Item] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)

    def add(self, event: BatchEvent) -> None:
        """Take in an event (worker thread)."""
        self.progress.follow(event)
        activity = ""
        if isinstance(event, ItemChanged):
            self.items[event.number] = event.item
        elif isinstance(event, ModelWork):
            activity = f"Fitting the model for all files to {self.batch.items[event.number].source.name}"
        elif isinstance(event, PlaneWork):
            self.shares[event.number] = self.progress.total.file_fraction(event.number)
            said = self.progress.activity(event.number)
            name = self.batch.items[event.number].source.name
            activity = f"{name}: {said}" if said else ""
        self.standing = Standing.of(self.progress.total, activity or self.standing.activity)

    def successor(self) -> BatchNews:
        """Return news of nothing yet."""
        return BatchNews(self.batch, self.progress, self.standing)
