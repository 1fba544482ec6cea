"""How a running command looks: plain lines for a log, a bar for a terminal.

What is said belongs to the commands, each of which has a `Teller`. All of it goes to standard error.
"""

from __future__ import annotations

import math
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_blindspot.cli.exits import printable, say
from napari_blindspot.core.words import duration

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["LINE_INTERVAL", "Display", "Status", "Teller", "display_of", "time_left"]

LINE_INTERVAL = 10.0
"""Seconds between two lines about the same thing when standard error is not a terminal."""

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Status:
    """How far a command is.

    Attributes
    ----------
    fraction : float
        How much is done, 0 to 1.
    where, text, left : str
        Before the bar, behind it, and the time left; may be empty.
    line : str
        The same for a log; empty if there is nothing to say of it there.
    topic : str
        What the line is about: another topic is worth a line at once.
    """

    fraction: float
    where: str = ""
    text: str = ""
    left: str = ""
    line: str = ""
    topic: str = ""


class Teller(ABC, Generic[E]):
    """What a command has to say about its events."""

    beginning = "starting"

    @abstractmethod
    def sentences(self, event: E) -> list[str]:
        """Take in an event and return what is to be said about it, whatever the display."""

    @abstractmethod
    def status(self, event: E) -> Status:
        """Return how far the command is after the event."""


class Display(ABC, Generic[E]):
    """Shows events; a context manager, so that a bar is always taken down.

    Parameters
    ----------
    teller : Teller
        Says what is to be shown.
    """

    def __init__(self, teller: Teller[E]) -> None:
        self.teller = teller

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, event: E) -> None:
        """Show an event."""
        for sentence in self.teller.sentences(event):
            self.tell(sentence)
        self.follow(self.teller.status(event))

    @abstractmethod
    def tell(self, text: str) -> None:
        """Show a sentence without spoiling the bar."""

    @abstractmethod
    def follow(self, status: Status) -> None:
        """Show how far it is."""


def display_of(teller: Teller[E]) -> Display[E]:
    """Return a bar for a terminal, and lines for everything else."""
    return _Bar(teller) if sys.stderr.isatty() else _Lines(teller)


def time_left(seconds: float) -> str:
    """Say how long it will take; nothing while nobody knows."""
    return "" if math.isnan(seconds) else f"{duration(seconds)} left"


class _Lines(Display[E]):
    """One line now and then; nothing has to be taken down."""

    def __init__(self, teller: Teller[E]) -> None:
        super().__init__(teller)
        self._topic, self._when = "", -math.inf

    def tell(self, text: str) -> None:
        say(text)

    def follow(self, status: Status) -> None:
        now = time.monotonic()
        if status.line and (status.topic != self._topic or now - self._when >= LINE_INTERVAL):
            self._topic, self._when = status.topic, now
            say(status.line)


class _Bar(Display[E]):
    """A bar between what is at work and the time left."""

    def __init__(self, teller: Teller[E]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(teller)
        self._bar = Progress(
            TextColumn("{task.fields[where]}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[text]}", markup=False),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._text = teller.beginning
        self._task = self._bar.add_task("", total=1.0, where="", text=self._text, left="")

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

    def tell(self, text: str) -> None:
        self._bar.console.print(printable(text), markup=False)

    def follow(self, status: Status) -> None:
        self._text = printable(status.text) or self._text
        self._bar.update(
            self._task, completed=status.fraction, where=status.where, text=self._text, left=status.left
        )
