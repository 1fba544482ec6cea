"""Reads the headers of files behind the screen, so that the table shows what is in them before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_blindspot.batch.contents import contents_of
from napari_blindspot.batch.run import look_at
from napari_blindspot.widgets.shared.background import Background

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_blindspot.batch import BatchOptions, Item
    from napari_blindspot.batch.contents import Contents

__all__ = ["Looker"]


class Looker:
    """Looks at some files, one after another.

    Parameters
    ----------
    items : list of Item
        The files.
    options : BatchOptions
        Those of their batch.

    Attributes
    ----------
    looked : Signal
        An item with what its header says, or with the reason why it cannot be denoised; and the `Contents`
        of its file.
    ended : Signal
        There are no more.
    """

    looked = Signal(object, object)
    ended = Signal()

    def __init__(self, items: list[Item], options: BatchOptions) -> None:
        def look() -> Generator[tuple[Item, Contents], None, None]:
            for item in items:
                yield look_at(item, options), contents_of(item.source)

        self._background = Background(
            "Looking at the files of a batch",
            look,
            yielded=lambda found: self.looked.emit(*found),
            ended=self.ended.emit,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._background.start()

    def quit(self) -> None:
        """End after the file at hand, and say no more."""
        self._background.quit()
