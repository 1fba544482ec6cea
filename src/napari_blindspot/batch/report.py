"""What became of every file, as a table (CSV) and as one page with pictures (HTML).

Both are written anew as files finish, complete or not at all, so that there is a report whenever the batch
ends. What they say of a file is in `napari_blindspot.batch.columns`, how the page looks in `batch.page`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import time
from typing import TYPE_CHECKING

from napari_blindspot.batch.columns import COLUMNS
from napari_blindspot.batch.find import locate
from napari_blindspot.batch.page import page
from napari_blindspot.batch.thumbnail import Pictures, pictures_of
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.safe_write import atomic_path, remove_leftovers

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.batch.items import Batch, Item

__all__ = ["BatchReport"]

LEAST_SHARE = 0.02
"""At most this share of the time goes into writing the page, which grows with the number of files."""


class BatchReport:
    """The report of a batch, in the folder of its results.

    Parameters
    ----------
    batch : Batch
        Whose items are read whenever the report is written.

    Attributes
    ----------
    table, page : Path
        ``batch_report.csv`` and ``batch_report.html``.
    problem : str
        Why it could not be written the last time; empty if it was.
    """

    def __init__(self, batch: Batch) -> None:
        folder = locate(batch.options.output)
        self._batch = batch
        self._pictures: dict[int, Pictures] = {}
        self._next = 0.0
        self.table: Path = folder / "batch_report.csv"
        self.page: Path = folder / "batch_report.html"
        self.problem = ""

    def remove_leftovers(self) -> None:
        """Remove what a process killed while it wrote a report has left; nobody may write it now."""
        for path in (self.table, self.page):
            # What is wrong with the folder is said when the report is written.
            with contextlib.suppress(OSError):
                remove_leftovers(path)

    def write(self, *, last: bool = False) -> None:
        """Write the table, and the page too unless it was written a moment ago.

        A report that cannot be written ends no batch: the reason is in `problem`.

        Parameters
        ----------
        last : bool
            Whether the batch is over, so that the page is written in any case.
        """
        try:
            self.table.parent.mkdir(parents=True, exist_ok=True)
            _write(self.table, _table(self._batch.items).encode("utf-8-sig"))
            start = time.monotonic()
            if last or start >= self._next:
                self._look_at_results()
                _write(self.page, page(self._batch, self._pictures).encode())
                end = time.monotonic()
                self._next = end + (end - start) / LEAST_SHARE
        except FileError as error:
            self.problem = str(error)
        except OSError as error:
            self.problem = f"Cannot write the report {self.table}: {error.strerror or error}."
        else:
            self.problem = ""

    def _look_at_results(self) -> None:
        for number, item in enumerate(self._batch.items):
            if item.state == "done" and number not in self._pictures:
                self._pictures[number] = pictures_of(item)


def _table(items: list[Item]) -> str:
    shown = [(column.key, column.csv) for column in COLUMNS if column.csv is not None]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([key for key, _ in shown])
    writer.writerows([value(item) for _, value in shown] for item in items)
    return text.getvalue()


def _write(path: Path, content: bytes) -> None:
    try:
        with atomic_path(path, len(content)) as temporary:
            temporary.write_bytes(content)
    except FileError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        # Some file systems replace nothing; the report is written anew with the next file anyway.
        path.write_bytes(content)
