"""What a batch says while it runs: small frozen records, the same for the command line and the widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_blindspot.batch.items import Item
    from napari_blindspot.core.events import Event

__all__ = ["BatchEvent", "ItemChanged", "ModelWork", "PlaneWork"]


@dataclass(frozen=True, slots=True)
class BatchEvent:
    """Base of all events of a batch.

    Attributes
    ----------
    number : int
        Of the item in the batch, from 0.
    """

    number: int


@dataclass(frozen=True, slots=True)
class ItemChanged(BatchEvent):
    """An item has another state, or one more finished plane; the batch holds it already.

    Attributes
    ----------
    item : Item
        As it is now.
    """

    item: Item


@dataclass(frozen=True, slots=True)
class PlaneWork(BatchEvent):
    """What the fit of a plane has to say; only of a batch that runs in this process.

    Attributes
    ----------
    event : Event
        Of the engine, with the index of the plane.
    """

    event: Event


@dataclass(frozen=True, slots=True)
class ModelWork(BatchEvent):
    """What the fit of the model has to say that is to be applied to all files.

    Attributes
    ----------
    event : Event
        Of the engine, with the index of the plane.
    """

    event: Event
