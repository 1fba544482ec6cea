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
        self._stop_after_plane = threading.Event()
        self._cancel = threading.Event()

    def pause(self) -> None:
        """Hold the fit after the step it is in."""
        self._running.clear()

    def resume(self) -> None:
        """Let a paused fit go on."""
        self._running.set()

    def stop(self, *, after_plane: bool = False) -> None:
        """End the run early and keep what it has; also ends a pause.

        Parameters
        ----------
        after_plane : bool
            Whether the plane at work is finished first, so that its pixels are those of a run that was
            left alone; else its fit ends with the best result so far.
        """
        (self._stop_after_plane if after_plane else self._stop).set()
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
    def stopping_after_plane(self) -> bool:
        """Whether the plane at work is to be finished, and no other begun."""
        return self._stop_after_plane.is_set()

    @property
    def ending(self) -> bool:
        """Whether no other plane is to be begun, for one reason or another."""
        return self.stopping or self.stopping_after_plane or self.cancelled

    @property
    def cancelled(self) -> bool:
        """Whether the run is to end without a result."""
        return self._cancel.is_set()

    def wait(self, timeout: float) -> None:
        """Sleep until resumed, stopped or cancelled, but no longer than `timeout` seconds."""
        self._running.wait(timeout)
