"""Exit codes, and errors as one sentence on standard error instead of a traceback."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import typer

from napari_blindspot.core.errors import BlindspotError, CancelledError, DeviceError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BAD_INPUT", "DEVICE_FAILED", "INTERRUPTED", "say", "sentences"]

DEVICE_FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
"""What shells give a program that Ctrl-C ended."""


def say(text: str) -> None:
    """Write a line to standard error, where everything goes that is not a result."""
    typer.echo(text, err=True)


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """End the program with a sentence and the fitting exit code when one of our errors arrives.

    Raises
    ------
    typer.Exit
        With `BAD_INPUT`, `DEVICE_FAILED` or `INTERRUPTED`.
    """
    try:
        yield
    except CancelledError as error:
        say(str(error))
        raise typer.Exit(INTERRUPTED) from None
    except (DeviceError, OutOfMemoryError) as error:
        say(f"Error: {error}")
        raise typer.Exit(DEVICE_FAILED) from None
    except BlindspotError as error:
        say(f"Error: {error}")
        raise typer.Exit(BAD_INPUT) from None
    except MemoryError:
        say("Error: The image does not fit into the memory of this machine; choose a smaller region.")
        raise typer.Exit(DEVICE_FAILED) from None
    except KeyboardInterrupt:
        say("Cancelled before the fit began; nothing was written.")
        raise typer.Exit(INTERRUPTED) from None
