"""What runs in the threads of the batch widget: looking at files, and denoising them.

No Qt object is touched here. What happens is merged in a `BatchMailbox` until the main thread looks.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_blindspot.batch.item_events import ItemChanged, PlaneWork
from napari_blindspot.batch.progress import BatchProgress
from napari_blindspot.batch.run import look_at, run_batch
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.widgets.shared.preload import warm_up

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_blindspot.batch import Batch, BatchOptions, Item
    from napari_blindspot.batch.item_events import BatchEvent
    from napari_blindspot.batch.report import BatchReport
    from napari_blindspot.core.control import Control

__all__ = ["BatchMailbox", "BatchPost", "look_quietly", "work"]

SHOW_INTERVAL = 0.1
"""Seconds between two posts: faster than this nobody reads."""


@dataclass(slots=True)
class BatchPost:
    """What has happened since the mailbox was emptied.

    Attributes
    ----------
    items : dict of int to Item
        As they are now, those that have changed.
    shares : dict of int to float
        How much of each running item is done.
    fraction : float
        How much of all is done, 0 to 1.
    remaining : float
        Seconds that are left; NaN if nobody can know.
    activity : str
        What is done with which plane.
    paused : bool
        Whether nothing is done at present.
    """

    items: dict[int, Item] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)
    fraction: float = 0.0
    remaining: float = math.nan
    activity: str = ""
    paused: bool = False


class BatchMailbox:
    """Hands what a batch says from the worker to the main thread."""

    def __init__(self, batch: Batch) -> None:
        self._lock = threading.Lock()
        self._batch = batch
        self._progress = BatchProgress(batch)
        self._post = BatchPost()

    def put(self, event: BatchEvent) -> None:
        """Add an event (worker thread)."""
        self._progress.follow(event)
        with self._lock:
            post = self._post
            if isinstance(event, ItemChanged):
                post.items[event.number] = event.item
            elif isinstance(event, PlaneWork):
                post.shares[event.number] = self._progress.total.file_fraction(event.number)
                text = self._progress.activity(event.number)
                name = self._batch.items[event.number].source.name
                post.activity = f"{name}: {text}" if text else post.activity
            post.paused = self._progress.total.paused
            post.fraction = self._progress.total.fraction
            post.remaining = self._progress.total.remaining

    def empty(self) -> BatchPost:
        """Take everything (main thread)."""
        with self._lock:
            post = self._post
            self._post = BatchPost(
                fraction=post.fraction,
                remaining=post.remaining,
                activity=post.activity,
                paused=post.paused,
            )
            return post


def work(
    batch: Batch, control: Control, report: BatchReport, mailbox: BatchMailbox
) -> Generator[None, None, None]:
    """Run a batch; yield nothing, several times a second, so that the main thread looks into the mailbox.

    Raises
    ------
    BlindspotError
        For whatever ends all of it. Never a RuntimeError: napari's worker would take it for an abort.
    """
    told = 0.0
    loading = warm_up()
    while loading.is_alive():
        loading.join(SHOW_INTERVAL)
        yield
    try:
        for event in run_batch(batch, control, report=report):
            mailbox.put(event)
            now = time.perf_counter()
            if now - told >= SHOW_INTERVAL:
                told = now
                # A yield is also where napari asks a worker to leave.
                yield
    except BlindspotError:
        raise
    except Exception as error:
        raise BlindspotError(f"The batch ended unexpectedly: {type(error).__name__}: {error}") from error


def look_quietly(items: list[Item], options: BatchOptions) -> Generator[tuple[Item, Item], None, None]:
    """Read the headers of files, and give each item as it was and as it is known now."""
    for item in items:
        yield item, look_at(item, options)
