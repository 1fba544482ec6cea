"""Ctrl-C during a fit: the first one stops and keeps the best so far, the second one cancels."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from napari_blindspot.core.control import Control

__all__ = ["interrupts"]


@contextlib.contextmanager
def interrupts(
    control: Control,
    tell: Callable[[str], None],
    *,
    after_plane: bool = False,
    stopping: str = "Stopping; the best result so far is kept (press Ctrl-C again to discard it).",
    cancelling: str = "Cancelling; nothing will be written.",
) -> Iterator[None]:
    """Turn Ctrl-C into a stop, then into a cancel, while the block runs.

    Parameters
    ----------
    control : Control
        The switches of the run.
    tell : callable
        Shows the user a sentence.
    after_plane : bool
        Whether a stop finishes the plane at work.
    stopping, cancelling : str
        The sentence after the first Ctrl-C, and after the second.
    """

    def say(sentence: str) -> None:
        try:
            tell(sentence)
        except RuntimeError:
            # Ctrl-C came in the middle of a write, into which nothing can be written; it ends first.
            threading.Thread(target=tell, args=(sentence,)).start()

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        if control.ending:
            control.cancel()
            say(cancelling)
        else:
            control.stop(after_plane=after_plane)
            say(stopping)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
