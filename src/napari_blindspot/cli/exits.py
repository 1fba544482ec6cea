"""Exit codes, and every error as one sentence on standard error instead of a traceback.

Errors from below name the setting that could be changed; the option of the command line that says it is
added here. What a sentence says otherwise belongs to whoever raises the error.
"""

from __future__ import annotations

import contextlib
import traceback
import unicodedata
from contextvars import ContextVar
from typing import TYPE_CHECKING

import typer

from napari_blindspot.core.errors import (
    BlindspotError,
    CancelledError,
    DeviceError,
    InternalError,
    OutOfMemoryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.core.notices import Notice

__all__ = [
    "BAD_INPUT",
    "DEVICE_FAILED",
    "INTERRUPTED",
    "OUR_FAULT",
    "TRACEBACK_VARIABLE",
    "notice_with_flag",
    "printable",
    "say",
    "sentences",
    "show_traceback",
    "with_flag",
]

DEVICE_FAILED = 1
BAD_INPUT = 2
OUR_FAULT = 70
"""What BSD's sysexits.h calls EX_SOFTWARE: the program itself is wrong."""
INTERRUPTED = 130
"""What shells give a program that Ctrl-C ended."""

TRACEBACK_VARIABLE = "BLINDSPOT_TRACEBACK"
"""The environment variable that asks for tracebacks, as the option ``--traceback`` does."""

_show_traceback: ContextVar[bool] = ContextVar("show_traceback", default=False)


def printable(text: str) -> str:
    """Return a text without the characters that steer a terminal, which names in a file could hold."""
    return "".join(
        "�" if unicodedata.category(sign) == "Cc" and sign not in "\n\t" else sign for sign in text
    )


def say(text: str) -> None:
    """Write a line to standard error, where everything goes that is not a result."""
    typer.echo(printable(text), err=True)


def show_traceback(wanted: bool) -> None:
    """Decide whether the traceback of an error is shown above its sentence."""
    _show_traceback.set(wanted)


def with_flag(error: BlindspotError) -> str:
    """Return the sentence of an error, with the option that would mend it in brackets before its end.

    An error without a setting, or with one that no command has an option for, keeps its sentence.
    """
    from napari_blindspot.cli.groups import flag_of

    sentence = str(error)
    flag = None if error.setting is None else flag_of(error.setting)
    if flag is None or flag.split()[0] in sentence:
        return sentence
    return f"{sentence.removesuffix('.')} ({flag})."


def notice_with_flag(notice: Notice) -> str:
    """Return the sentence of a notice, with the option that would change what it tells of."""
    from napari_blindspot.core.words import sentence

    text, flag = sentence(notice), ""
    if notice.kind == "output-size" and notice.values["times"]:
        flag = "--dtype input"
    elif notice.kind == "channels-in-turn":
        flag = f"--split {notice.values['count']}:C"
    return f"{text.removesuffix('.')} ({flag})." if flag else text


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """End the program with one sentence and the fitting exit code when an error arrives.

    Raises
    ------
    typer.Exit
        With `BAD_INPUT`, `DEVICE_FAILED`, `INTERRUPTED` or, for what nobody foresaw, `OUR_FAULT`.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        # The first two end the program as somebody decided; the third is for whoever reads our output.
        raise
    except (Exception, KeyboardInterrupt) as error:
        code, sentence = _verdict(error)
        if _show_traceback.get():
            say("".join(traceback.format_exception(error)).rstrip())
        say(sentence)
        raise typer.Exit(code) from None


def _verdict(error: Exception | KeyboardInterrupt) -> tuple[int, str]:
    """Return the exit code of an error, and what is said about it."""
    from napari_blindspot.core.words import error_sentence

    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "Cancelled before the fit began; nothing was written."
    if isinstance(error, CancelledError):
        return INTERRUPTED, str(error)
    code = _code(error)
    text = with_flag(error) if isinstance(error, BlindspotError) else error_sentence(error)
    hint = f" The traceback is shown after {TRACEBACK_VARIABLE}=1." if code == OUR_FAULT else ""
    return code, f"Error: {text}{hint}"


def _code(error: Exception) -> int:
    if isinstance(error, DeviceError | OutOfMemoryError | MemoryError):
        return DEVICE_FAILED
    is_ours = isinstance(error, InternalError) or not isinstance(error, BlindspotError | OSError)
    return OUR_FAULT if is_ours else BAD_INPUT
