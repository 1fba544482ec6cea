"""What a form needs to know of a setting: its kind, its range, its choices, and whether it may be measured.

All of it is read from the settings and from the registries that they name; nothing is shown here.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from napari_blindspot.engine.hardware.backends import BACKENDS
from napari_blindspot.method.losses import LOSSES
from napari_blindspot.settings import setting_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

__all__ = ["Knob", "is_in_form", "knob_of", "knobs_of"]

_REGISTRIES: dict[str, Mapping[str, str]] = {
    "device": {name: name for name in ("auto", *BACKENDS)},
    "losses": {name: loss.label for name, loss in LOSSES.items()},
}
"""What can be chosen where that is more than the type of a setting says, with the words for it."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting.

    Attributes
    ----------
    name, title, description : str
        As in the settings.
    kind : type
        Of its values: bool, int, float, str, or tuple for some of the choices.
    choices : mapping of str or int to str
        What can be chosen, with its words; empty for numbers and switches.
    low, high : float
        The least and greatest value that is accepted.
    step : float
        What a click adds.
    measured : bool
        Whether None leaves it to the noise of the image.
    """

    name: str
    title: str
    description: str
    kind: type
    choices: Mapping[Any, str]
    low: float
    high: float
    step: float
    measured: bool


def knobs_of(preset: str) -> dict[str, Knob]:
    """Return the settings of a preset that a form shows, by name."""
    return {name: _knob(name, field) for name, field in setting_fields(preset).items() if is_in_form(field)}


def knob_of(name: str, preset: str | None = None) -> Knob | None:
    """Return a setting, whether a form shows it or not; None if the preset has no such setting."""
    field = setting_fields(preset).get(name)
    return None if field is None else _knob(name, field)


def is_in_form(field: FieldInfo) -> bool:
    """Tell whether a form shows a setting."""
    extra = field.json_schema_extra
    shown = extra.get("shown") if isinstance(extra, dict) else None
    return isinstance(shown, list) and "form" in shown


def _knob(name: str, field: FieldInfo) -> Knob:
    hint: Any = field.annotation
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else ()
    measured = type(None) in parts
    if measured:
        hint = next(part for part in parts if part is not type(None))
    kind = get_origin(hint) or hint
    choices = _REGISTRIES.get(name, {})
    if kind is Literal:
        kind, choices = type(get_args(hint)[0]), {value: str(value) for value in get_args(hint)}
    step = 1.0 if kind is int else 0.01
    low, high = _range(field, step)
    return Knob(
        name, field.title or name, field.description or "", kind, choices, low, high, step, measured
    )


def _range(field: FieldInfo, step: float) -> tuple[float, float]:
    """Return the least and greatest value that is accepted, in multiples of a step."""
    low, high = 0.0, 1e9
    for bound in field.metadata:
        if isinstance(bound, Ge):
            low = float(bound.ge)  # type: ignore[arg-type]
        elif isinstance(bound, Gt):
            low = float(bound.gt) + step  # type: ignore[arg-type]
        elif isinstance(bound, Le):
            high = float(bound.le)  # type: ignore[arg-type]
        elif isinstance(bound, Lt):
            high = float(bound.lt) - step  # type: ignore[arg-type]
    return low, high
