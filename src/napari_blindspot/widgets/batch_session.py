"""One run of a batch in napari: its worker thread, its lifetime, and how it ended."""

from __future__ import annotations

import functools
import gc
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from napari.qt.threading import create_worker
from psygnal import Signal

from napari_blindspot.batch import Batch, BatchControl
from napari_blindspot.batch.plan import OPEN
from napari_blindspot.batch.report import Report
from napari_blindspot.widgets.batch_work import BatchMailbox, BatchPost, look_quietly, work

if TYPE_CHECKING:
    from napari_blindspot.batch import BatchOptions, Item

__all__ = ["BatchOutcome", "BatchSession", "Looker"]

_live: set[Any] = set()
"""Sessions and lookers whose worker has not ended: Qt's signals alone would not keep them."""


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
        self.control = BatchControl()
        self.report = Report(batch)
        self._batch = batch
        self._mailbox = BatchMailbox(batch)
        self._error: Exception | None = None
        self._abandoned = False
        self._worker: Any = None

    @property
    def running(self) -> bool:
        """Whether the worker has not ended yet."""
        return self in _live

    def start(self) -> None:
        """Begin; returns at once."""
        call = _titled("Denoising a batch", work, self._batch, self.control, self.report, self._mailbox)
        self._worker = create_worker(call, _start_thread=False, _ignore_errors=True)
        for signal, slot in self._connections():
            signal.connect(slot)
        # A full search for garbage holds all threads; see `Session`.
        gc.freeze()
        _live.add(self)
        self._worker.start()

    def _connections(self) -> list[tuple[Any, Any]]:
        worker = self._worker
        return [
            (worker.yielded, self._on_yielded),
            (worker.errored, self._on_errored),
            (worker.aborted, self._on_aborted),
            (worker.finished, self._on_finished),
        ]

    def _on_yielded(self, _: object = None) -> None:
        if not self._worker.abort_requested:
            self.changed.emit(self._mailbox.empty())

    def _on_errored(self, error: Exception) -> None:
        self._error = error

    def _on_aborted(self) -> None:
        self._abandoned = True
        self.control.cancel()

    def _on_finished(self) -> None:
        for signal, slot in self._connections():
            signal.disconnect(slot)
        _live.discard(self)
        gc.unfreeze()
        if self._abandoned:
            self.ended.emit(BatchOutcome("abandoned", ""))
            return
        post = self._mailbox.empty()
        # The last changes are made after the last event.
        post.items = dict(enumerate(self._batch.items))
        self.changed.emit(post)
        self.ended.emit(self._outcome())

    def _outcome(self) -> BatchOutcome:
        words = f"{self._batch.in_words}."
        if self._error is not None:
            return BatchOutcome("failed", f"{self._error} {words}")
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

    looked = Signal(object, dict)
    ended = Signal()

    def __init__(self, items: list[Item], options: BatchOptions) -> None:
        call = _titled("Looking at the files of a batch", look_quietly, items, options)
        self._worker = create_worker(call, _start_thread=False, _ignore_errors=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._worker.yielded.connect(self._on_yielded)
        self._worker.finished.connect(self._on_finished)
        _live.add(self)
        self._worker.start()

    def quit(self) -> None:
        """End after the file at hand, and say no more."""
        self._worker.yielded.disconnect(self._on_yielded)
        self._worker.quit()

    def _on_yielded(self, found: tuple[Item, dict[str, Any]]) -> None:
        self.looked.emit(*found)

    def _on_finished(self) -> None:
        _live.discard(self)
        self.ended.emit()


def _titled(title: str, function: Any, *arguments: Any) -> Any:
    """Return a call with a name that napari can show when it asks before closing."""

    class Titled(functools.partial):  # type: ignore[type-arg]
        def __str__(self) -> str:
            return title

    return Titled(function, *arguments)
