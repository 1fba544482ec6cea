"""Options in groups, and the group of those that are made from the fields of `Settings`.

A command has one parameter for a group, and `with_groups` puts the options of the group in its place. Name,
type, range, help and default of a setting's option come from its field, so that a new setting is written in
`napari_blindspot.settings` alone. Groups that are written by hand are in `napari_blindspot.cli.groups`.
What the commands do with the values does not belong here.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field, fields
from inspect import Parameter
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import typer

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.engine.hardware.backends import BACKENDS
from napari_blindspot.settings import DEFAULT_PRESET, PRESETS, Settings, setting_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from pydantic.fields import FieldInfo

__all__ = ["OptionGroup", "SettingsOptions", "with_groups"]

T = TypeVar("T")

_SET = "--set"


@dataclass(frozen=True)
class OptionGroup:
    """Options that belong together: a subclass has one field for each, annotated as typer wants it."""

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return the options as parameters of a command."""
        hints = get_type_hints(cls, include_extras=True)
        return [
            Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
            for one in fields(cls)
        ]

    @classmethod
    def gather(cls, values: Mapping[str, Any]) -> Self:
        """Return the group with the values that the options were given, by name."""
        return cls(**values)

    @property
    def given(self) -> dict[str, Any]:
        """The values that were given, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class SettingsOptions(OptionGroup):
    """Everything that decides the pixels of a result, as far as it was given.

    Attributes
    ----------
    preset : str or None
        What the values start from.
    file : Path or None
        An earlier run, or a JSON file of settings.
    overrides : mapping of str to value
        Settings that were given by an option of their own or by ``--set``.
    """

    preset: str | None = None
    file: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return ``--preset``, ``--settings``, an option for each marked field, and ``--set``."""
        preset = typer.Option(
            metavar="|".join(PRESETS), help=f"What the settings start from  [default: {DEFAULT_PRESET}]"
        )
        settings = typer.Option(
            metavar="FILE", help="Repeat an earlier run: what it wrote, or a JSON file of settings."
        )
        more = typer.Option(
            _SET, metavar="NAME=VALUE", help="Any other setting, such as unet_width=32; may be repeated."
        )
        return [
            _optional("preset", str, preset),
            _optional("settings", Path, settings),
            *(_setting_option(name, one) for name, one in _marked_fields().items()),
            _optional("set", list[str], more),
        ]

    @classmethod
    def gather(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that were given.

        Raises
        ------
        SettingsError
            If ``--set`` is not followed by NAME=VALUE, or a setting is given twice.
        """
        overrides = {name: values[name] for name in _marked_fields() if values[name] is not None}
        preset = values["preset"]
        for name, value in map(_assignment, values["set"] or []):
            if name in overrides or (name == "preset" and preset is not None):
                raise SettingsError(f"The setting {name!r} was given twice; give it once.")
            if name == "preset":
                preset = value
            else:
                overrides[name] = value
        return cls(preset, values["settings"], overrides)


def with_groups(command: Callable[..., T]) -> Callable[..., T]:
    """Replace each parameter of a command that is an `OptionGroup` by the options of the group.

    Parameters
    ----------
    command : callable
        Annotated for typer; its groups have no defaults.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[Parameter] = []
    groups: dict[str, type[OptionGroup]] = {}
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and issubclass(kind, OptionGroup):
            groups[parameter.name] = kind
            parameters += kind.parameters()
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=kind))

    def run(**values: Any) -> T:
        gathered = {
            name: group.gather({option.name: values.pop(option.name) for option in group.parameters()})
            for name, group in groups.items()
        }
        return command(**values, **gathered)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    # This is where typer looks for the options.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _optional(name: str, kind: Any, option: Any) -> Parameter:
    return Parameter(
        name,
        Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Union[kind, None], option],  # noqa: UP007
    )


def _marked_fields() -> dict[str, FieldInfo]:
    """Return the fields of the settings that have an option of their own, in their order."""
    return {name: one for name, one in setting_fields().items() if "cli" in _extra(one)["shown"]}


def _extra(one: FieldInfo) -> dict[str, Any]:
    return one.json_schema_extra if isinstance(one.json_schema_extra, dict) else {"shown": [], "flag": ""}


def _setting_option(name: str, one: FieldInfo) -> Parameter:
    """Return the option of a field; None stands for "as the preset has it"."""
    kind = _kind(one.annotation)
    flags = _extra(one)["flag"] or _usual_flags(name, kind)
    notes = "; ".join([*_limits(one), f"default: {_default(name, flags)}"])
    option = typer.Option(flags, metavar=_metavar(name, one), help=f"{one.description}  [{notes}]")
    return _optional(name, kind, option)


def _usual_flags(name: str, kind: type) -> str:
    flag = name.replace("_", "-")
    return f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}"


def _kind(annotation: Any) -> type:
    """Return the type that a command line is read as: that of a number or a switch, or else text."""
    kinds = _alternatives(annotation)
    return kinds[0] if len(kinds) == 1 and kinds[0] in (bool, int, float) else str


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [kind for kind in get_args(annotation) if kind is not NoneType]
    return [annotation]


def _metavar(name: str, one: FieldInfo) -> str | None:
    """Return what stands for the value in the help: all choices where they are few."""
    if name == "device":
        return "|".join(("auto", *BACKENDS))
    kind = _alternatives(one.annotation)[0]
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return None if kind is bool else "NUMBER" if kind in (int, float) else "TEXT"


def _limits(one: FieldInfo) -> list[str]:
    """Return the range of a number, where both of its ends are worth saying."""
    lower = [limit.ge for limit in one.metadata if hasattr(limit, "ge")]
    upper = [limit.le for limit in one.metadata if hasattr(limit, "le")]
    return [f"{lower[0]} to {upper[0]}"] if lower and upper else []


def _default(name: str, flags: str) -> str:
    """Say what a setting is in the preset that is used by default, and in which others it differs."""
    presets: dict[str, list[str]] = {}
    for preset in sorted(PRESETS, key=lambda preset: preset != DEFAULT_PRESET):
        values = dict(Settings.from_preset(preset))
        spelled = _spelled(values[name], flags) if name in values else "not"
        presets.setdefault(spelled, []).append(preset)
    (usual, _), *others = presets.items()
    differing = [f"{value} in {' and '.join(names)}" for value, names in others]
    return "; ".join([usual, ", ".join(differing)] if differing else [usual])


def _spelled(value: Any, flags: str) -> str:
    if isinstance(value, bool):
        on, off = flags.split("/")
        return (on if value else off).removeprefix("--")
    return "measured" if value is None else str(value)


def _assignment(text: str) -> tuple[str, Any]:
    """Split NAME=VALUE; the value is JSON, or text where it is no JSON, or several of them with commas."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise SettingsError(f"There is no NAME=VALUE in {_SET} {text!r}, such as unet_width=32.")
    name = name.strip().replace("-", "_")
    one = setting_fields().get(name)
    if one is None or not _is_list(one) or value.startswith("["):
        return name, _value(value)
    return name, [_value(part) for part in value.split(",") if part]


def _is_list(one: FieldInfo) -> bool:
    return any(get_origin(kind) is tuple for kind in _alternatives(one.annotation))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
