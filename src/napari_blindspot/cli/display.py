"""What every display of a running command has: plain lines for a log, a bar for a terminal.

What is shown belongs to the commands. All of it goes to standard error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from napari_blindspot.cli.exits import say

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["LINE_INTERVAL", "Bar", "Display", "Lines"]

LINE_INTERVAL = 10.0
"""Seconds between two lines about the same thing when standard error is not a terminal."""

E = TypeVar("E")


class Display(ABC, Generic[E]):
    """Shows events; a context manager, so that a bar is always taken down."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    @abstractmethod
    def show(self, event: E) -> None:
        """Take note of an event."""

    @abstractmethod
    def tell(self, text: str) -> None:
        """Show a sentence without spoiling the bar."""


class Lines(Display[E]):
    """One line now and then; nothing has to be taken down."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def tell(self, text: str) -> None:
        """Show a sentence."""
        say(text)


class Bar(Display[E]):
    """A bar between what is at work and the time left.

    Parameters
    ----------
    text : str
        What is said at first about the work.
    """

    def __init__(self, text: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.fields[where]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[text]}"),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, where="", text=text, left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, fraction: float, **fields: Any) -> None:
        """Move the bar; `fields` are ``where``, ``text`` and ``left``, as far as they change."""
        self._bar.update(self._task, completed=fraction, **fields)

    def tell(self, text: str) -> None:
        """Show a sentence above the bar."""
        self._bar.console.print(text, markup=False)
