"""How a sentence quotes a value that was wrong: in full, or of a long one the beginning."""

from __future__ import annotations

import reprlib

__all__ = ["shown"]

_MOST = 200
"""Characters; a longer quotation hides the sentence that it is in."""

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxtuple = 3, 4, 10, 10
_SHORT.maxstring = _SHORT.maxother = 100


def shown(value: object) -> str:
    """Return a value as an error quotes it; of a long one, or one that nests without end, the beginning."""
    text = _SHORT.repr(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
