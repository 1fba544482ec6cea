"""How others speak to a running fit: pause, resume, stop and keep, cancel.

Any thread may call these at any time; the fit looks between two steps.
"""

from __future__ import annotations

import threading

__all__ = ["Control"]


class Control:
    """The switches of one run."""

    def __init__(self) -> None:
        self._running = threading.Event()
        self._running.set()
        self._stop = threading.Event()
        self._cancel = threading.Event()

    def pause(self) -> None:
        """Hold the fit after the step it is in."""
        self._running.clear()

    def resume(self) -> None:
        """Let a paused fit go on."""
        self._running.set()

    def stop(self) -> None:
        """End the fit early and keep the best result so far; also ends a pause."""
        self._stop.set()
        self._running.set()

    def cancel(self) -> None:
        """End the run without a result; also ends a pause."""
        self._cancel.set()
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether the fit is to wait."""
        return not self._running.is_set()

    @property
    def stopping(self) -> bool:
        """Whether the fit is to end and keep what it has."""
        return self._stop.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether the run is to end without a result."""
        return self._cancel.is_set()

    def wait(self, timeout: float) -> None:
        """Sleep until resumed, stopped or cancelled, but no longer than `timeout` seconds."""
        self._running.wait(timeout)
