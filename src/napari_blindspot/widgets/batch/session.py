"""The run of a batch in napari, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.batch import run_batch
from napari_blindspot.batch.items import OPEN
from napari_blindspot.batch.progress import BatchProgress
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.words import sentence
from napari_blindspot.widgets.batch.news import BatchNews
from napari_blindspot.widgets.shared.session import Outcome, Session
from napari_blindspot.widgets.shared.terms import in_terms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.batch import Batch
    from napari_blindspot.batch.item_events import BatchEvent

__all__ = ["BatchSession"]


class BatchSession(Session[BatchNews]):
    """A run.

    Parameters
    ----------
    batch : Batch
        From `plan_batch`; from here on it belongs to the worker.
    """

    def __init__(self, batch: Batch) -> None:
        self.report = BatchReport(batch)

        def events() -> Iterator[BatchEvent]:
            return run_batch(batch, self.control, report=self.report)

        self._batch = batch
        news = BatchNews(batch, BatchProgress(batch))
        super().__init__("Denoising a batch", events, news, Control())

    def stop(self) -> None:
        """Finish the plane at work and begin no other: a batch keeps no plane that was ended early."""
        self.control.stop(after_plane=True)

    def _take(self, news: BatchNews) -> None:
        """Nothing is kept here: the files hold the results, and the table shows the news."""

    def _findings(self) -> list[str]:
        """Say what there is to know about the results as files."""
        found = [sentence(notice) for notice in self._batch.findings]
        size = self._batch.size
        if size is not None:
            setting = "output_dtype" if size.values["times"] else None
            found.append(in_terms(BlindspotError(sentence(size), setting=setting), {}))
        return found

    def _conclude(self, news: BatchNews, error: Exception | None) -> Outcome:
        # The last changes are made after the last event.
        news.items = dict(enumerate(self._batch.items))
        self.changed.emit(news)
        words = f"{self._batch.in_words}."
        if error is not None:
            return Outcome("failed", words, error)
        if self.report.problem:
            words = f"{words} {self.report.problem}"
        words = " ".join([words, *self._findings()])
        if any(item.state in OPEN for item in self._batch.items):
            return Outcome("stopped", f"{words} What is finished is kept; start again to go on.")
        if self._batch.failures:
            words = f"{words} A click on a failed file says why."
        failed = bool(self._batch.failures or self.report.problem)
        return Outcome("failed" if failed else "finished", words)
