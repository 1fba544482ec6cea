"""What tifffile logs while it reads: kept from the screen, and looked at for signs of damage."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet"]


_MOST = 100
"""Messages that are kept: a file may have one for each of its thousands of pages."""


class _Collector(logging.Filter):
    """Gives each message to the list of the thread that reads, if it reads for us."""

    def __init__(self) -> None:
        super().__init__()
        self.lists = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the messages of a thread that collects them, and let all others through."""
        problems = getattr(self.lists, "problems", None)
        if problems is None:
            return True
        if record.levelno >= logging.WARNING:
            # A tag that cannot be read is quoted in the message, at any length.
            problems.append(record.getMessage()[:500])
        if len(problems) > _MOST:
            del problems[_MOST // 2]
        return False


_COLLECTOR = _Collector()


@contextlib.contextmanager
def quiet() -> Iterator[list[str]]:
    """Collect the warnings that tifffile logs in this thread, instead of showing them."""
    logger = logging.getLogger("tifffile")
    if _COLLECTOR not in logger.filters:
        logger.addFilter(_COLLECTOR)
    before = getattr(_COLLECTOR.lists, "problems", None)
    problems: list[str] = []
    _COLLECTOR.lists.problems = problems
    try:
        yield problems
    finally:
        _COLLECTOR.lists.problems = before
