"""How others speak to a running fit or batch: pause, resume, stop, cancel.

Any thread may call these at any time; the fit looks between two steps.
"""

from __future__ import annotations

import threading

__all__ = ["Control"]


class Control:
    """The switches of one run, of one plane or of many files."""

    def __init__(self) -> None:
        self._running = threading.Event()
        self._running.set()
        self._stop = threading.Event()
        self._stop_after_plane = threading.Event()
        self._cancel = threading.Event()

    def pause(self) -> None:
        """Hold the fit after the step it is in."""
        self._running.clear()

    def resume(self) -> None:
        """Let a paused fit go on."""
        self._running.set()

    def stop(self, *, after_plane: bool = False) -> None:
        """End early; also ends a pause.

        Parameters
        ----------
        after_plane : bool
            Finish the plane at work and begin no other, so that a run that goes on later has the pixels of
            one that was never interrupted. Otherwise the plane is kept as good as it is by now.
        """
        (self._stop_after_plane if after_plane else self._stop).set()
        self._running.set()

    def cancel(self) -> None:
        """End without a result of the plane at work; also ends a pause."""
        self._cancel.set()
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether the fit is to wait."""
        return not self._running.is_set()

    @property
    def stopping(self) -> bool:
        """Whether the fit at work is to end and keep what it has."""
        return self._stop.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether the fit at work is to end without a result."""
        return self._cancel.is_set()

    @property
    def ending(self) -> bool:
        """Whether no other plane is to be begun."""
        return self._stop.is_set() or self._stop_after_plane.is_set() or self._cancel.is_set()

    def wait(self, timeout: float) -> None:
        """Sleep until resumed, stopped or cancelled, but no longer than `timeout` seconds."""
        self._running.wait(timeout)
