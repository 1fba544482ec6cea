"""What went wrong in a part of a dock, told by the part's own signal.

Which sentence a signal is shown as belongs to the docks.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from napari_blindspot.core.errors import BlindspotError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psygnal import SignalInstance

__all__ = ["failures_told"]


@contextlib.contextmanager
def failures_told(failed: SignalInstance) -> Iterator[None]:
    """Let a signal tell of an error of this package that the block raises, instead of raising it."""
    try:
        yield
    except BlindspotError as error:
        failed.emit(error)
