"""Ctrl-C during a fit: the first one stops and keeps the best so far, the second one cancels."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from napari_blindspot.control import Control

__all__ = ["interrupts"]


@contextlib.contextmanager
def interrupts(control: Control, tell: Callable[[str], None]) -> Iterator[None]:
    """Turn Ctrl-C into a stop, then into a cancel, while the block runs.

    Parameters
    ----------
    control : Control
        The switches of the fit.
    tell : callable
        Shows the user a sentence.
    """

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        if control.stopping:
            control.cancel()
            tell("Cancelling; nothing will be written.")
        else:
            control.stop()
            tell("Stopping; the best result so far is kept (press Ctrl-C again to discard it).")

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
