"""The files of the batch widget: what was added, what is planned, and what their headers say.

Nothing is denoised here. What the user does to the list arrives from the widget; the table shows it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_blindspot.batch import Batch, Input, plan_batch
from napari_blindspot.batch.contents import Contents, contents_of
from napari_blindspot.batch.items import OPEN, files_of
from napari_blindspot.widgets.batch.looker import Looker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from napari_blindspot.batch import BatchOptions, Item
    from napari_blindspot.files.read_options import ReadOptions
    from napari_blindspot.widgets.batch.table import BatchModel

    Key = tuple[Path, ReadOptions]

__all__ = ["FileList"]


class FileList:
    """Replans whenever the list changes, and looks at files that are new behind the screen.

    Parameters
    ----------
    model : BatchModel
        Shows the items.
    options : callable
        Returns what the fields of the widget say by now.

    Attributes
    ----------
    inputs : list of Input
        What was added, a file each.
    batch : Batch or None
        The plan; None as long as there is nothing to do.
    frozen : bool
        Whether a run is going on, so that the headers of files are its own business.
    """

    changed = Signal()

    def __init__(self, model: BatchModel, options: Callable[[], BatchOptions]) -> None:
        self._model = model
        self._options = options
        self._looked: dict[Key, Item] = {}
        self._contents: dict[Path, Contents] = {}
        self._looker: Looker | None = None
        self.inputs: list[Input] = []
        self.batch: Batch | None = None
        self.frozen = False

    @property
    def items(self) -> list[Item]:
        """The files as the table shows them."""
        return [] if self.batch is None else list(self.batch.items)

    @property
    def looking(self) -> bool:
        """Whether there are files at which nobody has looked yet."""
        return self._looker is not None

    def add(self, inputs: Iterable[Input]) -> None:
        """Add files; raises as `replan`."""
        self.inputs += inputs
        self.replan()

    def remove(self, rows: Sequence[int]) -> None:
        """Take files out of the list; raises as `replan`."""
        if self.batch is not None:
            files = files_of(self.batch)
            self.inputs = [entry for row, entry in enumerate(files) if row not in set(rows)]
            self.replan()

    def set_axes(self, row: int, axes: str) -> None:
        """Believe the user about the axes of a file; an empty text the file. Raises as `replan`."""
        if self.batch is not None:
            self.inputs = files_of(self.batch)
            self.inputs[row] = self.inputs[row].model_copy(update={"axes": axes or None})
            self.replan()

    def replan(self, *, anew: bool = False) -> None:
        """Find out what there is to do, and keep what is known.

        Parameters
        ----------
        anew : bool
            Whether a run begins: then nothing has been done yet, and what could not be read may be better.

        Raises
        ------
        BlindspotError
            If there is no plan; the list stays as it was.
        """
        before = {} if anew else {(_key_of(item), item.output): item for item in self.items}
        if anew:
            self._looked = {key: seen for key, seen in self._looked.items() if seen.state != "failed"}
        look = contents_of if anew else self._known
        batch = plan_batch(self.inputs, self._options(), look=look) if self.inputs else None
        if batch is not None:
            batch.items = [
                self._with_header(item, before.get((_key_of(item), item.output))) for item in batch.items
            ]
        self.batch = batch
        self._model.show(self.items)
        self.changed.emit()
        if not anew:
            self._look()

    def show(self, number: int, item: Item, share: float | None) -> None:
        """Show an item as a run reports it."""
        if self.batch is not None:
            self.batch.items[number] = item
            self._model.update(number, item, share)

    def quit(self) -> None:
        """Look at no more files."""
        if self._looker is not None:
            self._looker.quit()
            self._looker = None

    def _look(self) -> None:
        """Read the headers of files that nobody has looked at yet."""
        if self._looker is not None or self.batch is None or self.frozen:
            return
        fresh = [item for item in self.items if item.state in OPEN and _key_of(item) not in self._looked]
        if fresh:
            self._looker = looker = Looker(fresh, self.batch.options)
            looker.looked.connect(self._on_looked)
            looker.ended.connect(self._on_looked_all)
            looker.start()

    def _with_header(self, item: Item, known: Item | None = None) -> Item:
        """Return an item as it was known to be, or else with what its header says."""
        if known is not None and known.state not in OPEN:
            return known
        seen = self._looked.get(_key_of(item))
        return item if seen is None or item.state not in OPEN else replace(seen, output=item.output)

    def _known(self, path: Path) -> Contents:
        """Return what is known of a file by now, without opening it."""
        return self._contents.get(path, Contents())

    def _on_looked(self, item: Item, contents: Contents) -> None:
        self._looked[_key_of(item)] = item
        is_news = contents != self._known(item.source) and (contents.images > 1 or contents.members)
        self._contents[item.source] = contents
        if self.batch is None or self.frozen:
            return
        if is_news:
            # The file becomes several rows, or others are denoised with it.
            self.replan()
            return
        for number, shown in enumerate(self.items):
            if _key_of(shown) == _key_of(item) and shown.state in OPEN:
                self.show(number, self._with_header(shown), None)

    def _on_looked_all(self) -> None:
        self._looker = None
        self._look()


def _key_of(item: Item) -> Key:
    return item.source, item.read
