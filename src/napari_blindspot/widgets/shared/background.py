"""A generator at work in a thread of napari, which outlives whoever started it.

What it computes is given to it, and what its news mean belongs to the sessions. Everything here happens on
the main thread.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Background"]

_live: set[Background] = set()
"""Those that have not ended: Qt's signals alone would not keep them, nor those who listen."""


class Background:
    """A worker thread with an end that is always told.

    Parameters
    ----------
    title : str
        What napari shows when it asks before closing.
    function : callable
        Returns the generator; with `arguments`.
    yielded : callable
        Gets what the generator yields, unless its end was asked for.
    ended : callable
        Called once when it has ended, however that was.

    Attributes
    ----------
    error : Exception or None
        What ended it early.
    abandoned : bool
        Whether napari itself ended it, because a viewer was closed.
    """

    def __init__(
        self,
        title: str,
        function: Callable[..., Generator[Any, None, None]],
        *arguments: Any,
        yielded: Callable[[Any], None],
        ended: Callable[[], None],
    ) -> None:
        self.error: Exception | None = None
        self.abandoned = False
        self._yielded = yielded
        self._ended = ended
        self._call = _Titled(_given_by, [functools.partial(function, *arguments)], [])
        self._call.title = title
        self._worker: Any = create_worker(self._call, _start_thread=False, _ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended yet."""
        return self in _live

    def start(self) -> None:
        """Begin; returns at once."""
        for signal, slot in self._connections():
            signal.connect(slot)
        _live.add(self)
        self._worker.start()

    def quit(self) -> None:
        """Ask for its end at the next thing that it yields, of which nobody is told any more."""
        self._worker.quit()

    def _connections(self) -> list[tuple[Any, Any]]:
        worker = self._worker
        return [
            (worker.yielded, self._on_yielded),
            (worker.aborted, self._on_aborted),
            (worker.finished, self._on_finished),
        ]

    def _on_yielded(self, value: Any) -> None:
        # When a viewer is being closed, there may be no layers and no widget any more.
        if not self._worker.abort_requested:
            self._yielded(value)

    def _on_aborted(self) -> None:
        self.abandoned = True

    def _on_finished(self) -> None:
        for signal, slot in self._connections():
            signal.disconnect(slot)
        _live.discard(self)
        self.error = self._call.error
        # One that was abandoned waits where it yielded, and may hold a lock on a file there.
        self._call.close()
        ended = self._ended
        # Those who listen hold this object: without the circle they go as soon as nobody needs them.
        del self._yielded, self._ended
        ended()


def _given_by(
    calls: list[Callable[[], Generator[Any, None, None]]], errors: list[Exception]
) -> Generator[Any, None, None]:
    """Yield what the generator of the one call yields, and keep neither of them afterwards.

    An error that ends it is put aside: what napari itself connects to a worker's errors fails with PySide6.
    """
    try:
        yield from calls.pop()()
    except Exception as error:
        errors.append(error)


class _Titled(functools.partial):  # type: ignore[type-arg]
    """A call with a name that can be read, which remembers the generator that it gave until it is closed.

    The signals of napari's worker keep it for good, so it must not hold what was computed.
    """

    title: str
    generator: Generator[Any, None, None] | None = None

    def __call__(self) -> Generator[Any, None, None]:
        generator: Generator[Any, None, None] = super().__call__()
        self.generator = generator
        return generator

    def __str__(self) -> str:
        return self.title

    @property
    def error(self) -> Exception | None:
        """What ended the generator early."""
        errors: list[Exception] = self.args[1]
        return errors[0] if errors else None

    def close(self) -> None:
        """End the generator, if it has not ended, and let go of it and its error."""
        if self.generator is not None:
            self.generator.close()
        self.generator = None
        for kept in self.args:
            kept.clear()
