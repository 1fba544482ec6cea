"""The Advanced part of the docks: fields that are made from the settings, so that they never disagree.

A field shows what the preset has, and only what the user changes is passed on as an override. Which
settings are shown, under which name and in which range, is written at the settings themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox, SpinBox

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.settings import Settings
from napari_blindspot.widgets.shared.fields import Fields
from napari_blindspot.widgets.shared.knobs import Knob, knobs_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from magicgui.widgets.bases import Widget

__all__ = ["SettingsForm"]

MEASURED = "measured"
"""Shown where a preset sets a value by the noise that it measures."""

KEPT = ("seed", "device", "precision", "output_dtype")
"""Fields that are no part of a method: they stand last, and another preset leaves them as they are."""


FEW = 8
"""So many whole numbers are a list to choose from."""


class SettingsForm(Fields):
    """Fields for the settings that a user may want to change.

    Parameters
    ----------
    preset : str
        Whose values to show first.

    Attributes
    ----------
    more : dict of str to Any
        Settings without a field that were taken with others; another preset leaves them out.
    """

    def __init__(self, preset: str) -> None:
        self._knobs: dict[str, Knob] = {}
        self._shown: dict[str, Any] = {}
        self._preset = preset
        self._filling = False
        # What was taken and has no field.
        self.more: dict[str, Any] = {}
        super().__init__()
        self._build()
        self.changed.connect(self._follow)

    @property
    def preset(self) -> str:
        """The preset whose values the fields start from; setting it makes and fills its fields."""
        return self._preset

    @preset.setter
    def preset(self, preset: str) -> None:
        said = {name: value for name, value in self.overrides().items() if name in KEPT}
        self._preset = preset
        self.more = {}
        self._build()
        for name, value in said.items():
            self[name].value = value

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that have a field, in the order of the fields."""
        return tuple(self._knobs)

    def overrides(self) -> dict[str, Any]:
        """Return the settings that differ from what the preset had filled in."""
        return {name: self._said(name) for name in self._knobs if self[name].value != self._shown[name]}

    def settings(self) -> Settings:
        """Return the preset with the user's changes, and what was taken that has no field.

        Raises
        ------
        SettingsError
            If they do not fit together.
        """
        return Settings.from_preset(self._preset, **{**self.more, **self.overrides()})

    def take(self, settings: Settings) -> dict[str, Any]:
        """Show what other settings have, and return those that differ from their preset without a field."""
        self._preset = settings.preset
        self._build()
        changed = settings.overrides()
        # Twice, since one may change what another one starts from.
        for name in 2 * [name for name in self._knobs if changed.get(name) is not None]:
            self[name].value = changed[name]
        self.more = {name: value for name, value in changed.items() if name not in self._knobs}
        return self.more

    def _build(self) -> None:
        """Make the fields of the preset and fill them; those of another method go."""
        knobs = knobs_of(self._preset)
        ordered = sorted(knobs, key=lambda name: name in KEPT and 1 + KEPT.index(name))
        self._filling = True
        if self._knobs != knobs:
            while len(self):
                self.pop(0).close()
            self._knobs = {name: knobs[name] for name in ordered}
            self.extend(_field(knob) for knob in self._knobs.values())
        usual = Settings.from_preset(self._preset)
        for name in self._knobs:
            self._fill(name, getattr(usual, name))
        self._filling = False

    def _fill(self, name: str, value: Any) -> None:
        field = self[name]
        field.value = field.min if value is None and isinstance(field, FloatSpinBox) else value
        # What the field makes of the value: a spin box rounds to its last digit.
        self._shown[name] = field.value

    def _said(self, name: str) -> Any:
        """Return what a field says; None where it stands for what the preset measures."""
        field, knob = self[name], self._knobs[name]
        unset = isinstance(field, FloatSpinBox) and knob.measured and field.value == field.min
        return None if unset else field.value

    def _follow(self) -> None:
        """Show what the others start from after one was changed: random weights take more iterations."""
        if self._filling:
            return
        self._filling = True
        said = self.overrides()
        for name in self._knobs:
            others = {other: value for other, value in said.items() if other != name}
            try:
                value = getattr(Settings.from_preset(self._preset, **others), name)
            except SettingsError:
                # It is said when a run is to begin.
                continue
            before = self[name].value
            self._fill(name, value)
            if name in said:
                self[name].value = before
        self._filling = False


class _Ticks(Container[Any]):
    """Some of several choices: a box to tick for each.

    Parameters
    ----------
    choices : mapping of str to str
        What can be chosen, with its words.
    """

    def __init__(self, choices: Mapping[str, str], **options: Any) -> None:
        boxes = [CheckBox(name=name, text=text) for name, text in choices.items()]
        super().__init__(widgets=boxes, labels=False, **options)
        self.margins = (0, 0, 0, 0)

    @property
    def value(self) -> tuple[str, ...]:
        """What is chosen, in the order of the boxes."""
        return tuple(box.name for box in self if box.value)

    @value.setter
    def value(self, chosen: Collection[str]) -> None:
        for box in self:
            box.value = box.name in chosen


def _field(knob: Knob) -> Widget:
    """Return the widget that a setting asks for."""
    options: dict[str, Any] = {
        "name": knob.name,
        "label": knob.title,
        "tooltip": knob.description,
    }
    if knob.kind is bool:
        return CheckBox(**options)
    if knob.kind is tuple:
        return _Ticks(knob.choices, **options)
    if knob.choices:
        return ComboBox(choices=[(text, value) for value, text in knob.choices.items()], **options)
    if knob.kind is int and knob.high - knob.low < FEW:
        numbers = [(str(n), n) for n in range(int(knob.low), int(knob.high) + 1)]
        return ComboBox(choices=[*([(MEASURED, None)] if knob.measured else []), *numbers], **options)
    if knob.kind is int:
        # A spin box of Qt holds 32 bits.
        return SpinBox(min=int(knob.low), max=int(min(knob.high, 2**31 - 1)), **options)
    # A spin box shows its special text instead of its least value.
    low = knob.low - knob.step if knob.measured else knob.low
    field = FloatSpinBox(min=low, max=knob.high, step=knob.step, **options)
    field.native.setSpecialValueText(MEASURED if knob.measured else "")
    return field
