"""Numbers and warnings as people read them, in every place that shows them as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["duration", "first_line", "gather_warnings"]

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def duration(seconds: float) -> str:
    """Write a time as people read it: 42 s, 3:05 min, 1:02:10 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"


def first_line(problem: object) -> str:
    """Return the first line of an error's text without its full stop, or its kind if it has no text."""
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip().removesuffix(".") if lines else type(problem).__name__


def gather_warnings(planes: Collection[Iterable[str]]) -> list[str]:
    """Return each warning of some planes once, with the number of planes that it is about.

    Warnings that differ in their numbers alone become one, with the least and the greatest of each number.
    """
    if len(planes) == 1:
        return list(dict.fromkeys(warning for warnings in planes for warning in warnings))
    kinds: dict[tuple[str, ...], list[list[str]]] = {}
    for warnings in planes:
        for warning in warnings:
            kinds.setdefault(tuple(_NUMBER.split(warning)), []).append(_NUMBER.findall(warning))
    gathered = []
    for texts, numbers in kinds.items():
        ranges = [_range_of(values) for values in zip(*numbers, strict=True)]
        sentence = "".join(part for pair in zip(texts, [*ranges, ""], strict=True) for part in pair)
        gathered.append(f"{sentence} ({len(numbers)} of {len(planes)} planes)")
    return gathered


def _range_of(numbers: Iterable[str]) -> str:
    least, *_, greatest = sorted([*numbers, *numbers], key=float)
    return least if least == greatest else f"{least} to {greatest}"
