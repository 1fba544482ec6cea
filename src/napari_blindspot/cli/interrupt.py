"""Ctrl-C during a fit: the first one stops and keeps the best so far, the second one cancels."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["interrupts"]


class Switches(Protocol):
    """What Ctrl-C needs of a `Control` or a `BatchControl`."""

    @property
    def stopping(self) -> bool: ...

    def stop(self) -> None: ...

    def cancel(self) -> None: ...


@contextlib.contextmanager
def interrupts(
    control: Switches,
    tell: Callable[[str], None],
    *,
    stopping: str = "Stopping; the best result so far is kept (press Ctrl-C again to discard it).",
    cancelling: str = "Cancelling; nothing will be written.",
) -> Iterator[None]:
    """Turn Ctrl-C into a stop, then into a cancel, while the block runs.

    Parameters
    ----------
    control : Control or BatchControl
        The switches of the fit, or of the batch.
    tell : callable
        Shows the user a sentence.
    stopping, cancelling : str
        The sentence after the first Ctrl-C, and after the second.
    """

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        if control.stopping:
            control.cancel()
            tell(cancelling)
        else:
            control.stop()
            tell(stopping)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
