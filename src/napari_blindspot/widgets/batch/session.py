"""One run of a batch in napari: its worker thread, its lifetime, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from psygnal import Signal

from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.core.control import Control
from napari_blindspot.widgets.batch.work import BatchMailbox, BatchPost, look_quietly, work
from napari_blindspot.widgets.shared.background import Background

if TYPE_CHECKING:
    from napari_blindspot.batch import Batch, BatchOptions, Item

__all__ = ["BatchOutcome", "BatchSession", "Looker"]


class BatchOutcome(NamedTuple):
    """How a batch ended.

    Attributes
    ----------
    kind : {"finished", "interrupted", "failed", "abandoned"}
        ``finished`` when every file was dealt with, ``failed`` when some or all could not be,
        ``abandoned`` when napari itself ended the worker.
    message : str
        One or two sentences for the user.
    """

    kind: Literal["finished", "interrupted", "failed", "abandoned"]
    message: str


class BatchSession:
    """A run.

    Parameters
    ----------
    batch : Batch
        From `plan_batch`; from here on it belongs to the worker.
    """

    changed = Signal(BatchPost)
    ended = Signal(BatchOutcome)

    def __init__(self, batch: Batch) -> None:
        self.control = Control()
        self.report = BatchReport(batch)
        self._batch = batch
        self._mailbox = BatchMailbox(batch)
        self._background = Background(
            "Denoising a batch",
            work,
            *(batch, self.control, self.report, self._mailbox),
            yielded=self._on_yielded,
            ended=self._on_ended,
        )

    @property
    def running(self) -> bool:
        """Whether the worker has not ended yet."""
        return self._background.running

    def start(self) -> None:
        """Begin; returns at once."""
        self._background.start()

    def _on_yielded(self, _: object) -> None:
        self.changed.emit(self._mailbox.empty())

    def _on_ended(self) -> None:
        if self._background.abandoned:
            self.ended.emit(BatchOutcome("abandoned", ""))
            return
        post = self._mailbox.empty()
        # The last changes are made after the last event.
        post.items = dict(enumerate(self._batch.items))
        self.changed.emit(post)
        self.ended.emit(self._outcome())

    def _outcome(self) -> BatchOutcome:
        words = f"{self._batch.in_words}."
        error = self._background.error
        if error is not None:
            return BatchOutcome("failed", f"{error} {words}")
        if self.report.problem:
            words = f"{words} {self.report.problem}"
        if any(item.state in OPEN for item in self._batch.items):
            return BatchOutcome("interrupted", f"{words} What is finished is kept; start again to go on.")
        if self._batch.failures:
            words = f"{words} A click on a failed file says why."
        failed = bool(self._batch.failures or self.report.problem)
        return BatchOutcome("failed" if failed else "finished", words)


class Looker:
    """Reads the headers of files behind the screen.

    Parameters
    ----------
    items : list of Item
        The files.
    options : BatchOptions
        Those of their batch.
    """

    looked = Signal(object, object)
    ended = Signal()

    def __init__(self, items: list[Item], options: BatchOptions) -> None:
        self._background = Background(
            "Looking at the files of a batch",
            look_quietly,
            *(items, options),
            yielded=self._on_yielded,
            ended=self.ended.emit,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._background.start()

    def quit(self) -> None:
        """End after the file at hand, and say no more."""
        self._background.quit()

    def _on_yielded(self, found: tuple[Item, Item]) -> None:
        self.looked.emit(*found)
