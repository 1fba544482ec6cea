"""How others speak to a running batch: pause, resume, stop after this plane, cancel."""

from __future__ import annotations

import threading

from napari_blindspot.core.control import Control

__all__ = ["BatchControl"]


class BatchControl:
    """The switches of a batch; any thread may call them at any time.

    A batch never keeps a plane that was ended early, so that a resumed run has the pixels of one that was
    never interrupted. Its stop is therefore not that of `Control`: the plane at work is finished first.

    Attributes
    ----------
    fit : Control
        The switches of the fit at work.
    """

    def __init__(self) -> None:
        self.fit = Control()
        self._stop = threading.Event()

    def pause(self) -> None:
        """Hold the fit after the step it is in."""
        self.fit.pause()

    def resume(self) -> None:
        """Let a paused fit go on."""
        self.fit.resume()

    def stop(self) -> None:
        """Finish the plane at work and begin no other; also ends a pause."""
        self._stop.set()
        self.fit.resume()

    def cancel(self) -> None:
        """Discard the plane at work and end; planes that are finished stay on the disk."""
        self._stop.set()
        self.fit.cancel()

    @property
    def paused(self) -> bool:
        """Whether the fit is to wait."""
        return self.fit.paused

    @property
    def stopping(self) -> bool:
        """Whether no other plane is to be begun."""
        return self._stop.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether the plane at work is to be discarded."""
        return self.fit.cancelled
