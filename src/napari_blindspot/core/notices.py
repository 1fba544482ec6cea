"""Findings of a run or of a reader, as data: a kind and its values. Faces make sentences of them.

Which kinds there are and what they mean in words is in `napari_blindspot.core.words`.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 (pydantic reads the annotations, for records)
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Notice", "Value"]

Value = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user ought to know.

    Attributes
    ----------
    kind : str
        One of the kinds that `napari_blindspot.core.words` has words for.
    values : mapping of str to number, str or bool
        What the sentence is about, by name.
    is_warning : bool
        Whether it belongs to the result; False for mere news at the start of a run.
    """

    kind: str
    values: Mapping[str, Value] = field(default_factory=dict)
    is_warning: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, "values": dict(self.values), "is_warning": self.is_warning}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Notice:
        """Return what `as_dict` has described."""
        return cls(str(values["kind"]), dict(values["values"]), bool(values["is_warning"]))
