"""The choice of what the planes of a stack start from, which depends on the preset."""

from __future__ import annotations

from typing import Any, get_args

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.settings import Settings, setting_fields
from napari_blindspot.widgets.shared.fields import Choice

__all__ = ["StackStartChoice"]

_STARTS = {
    "warm": ("Warm start", "Each plane of a stack starts from the network of the plane before."),
    "shared": (
        "One fit for all",
        "One plane is fitted, its network applied to all planes of the channel.",
    ),
    "anew": ("Each anew", "Each plane is fitted by itself."),
}


class StackStartChoice(Choice):
    """Offers what the fits of a stack can start from.

    Parameters
    ----------
    preset : str
        With which.
    """

    def __init__(self, preset: str, **options: Any) -> None:
        self._preset = preset
        super().__init__(tips=dict(_STARTS.values()), choices=self._starts, **options)
        self.value = Settings.from_preset(preset).stack_start

    @property
    def usual(self) -> str:
        """What the preset has."""
        return Settings.from_preset(self._preset).stack_start

    def offer(self, preset: str) -> None:
        """Offer what is possible with a preset; what was chosen stays where the choices do."""
        self._preset = preset
        if self.choices != tuple(value for _, value in self._starts()):
            # magicgui would put new choices behind those that stay.
            self.native.clear()
            self.reset_choices()
            self.value = self.usual

    def _starts(self, _: object = None) -> list[tuple[str, str]]:
        names = get_args(setting_fields(self._preset)["stack_start"].annotation)
        possible = [name for name in names if _starts_from(self._preset, name)]
        return [(_STARTS.get(name, (name, ""))[0], name) for name in possible]


def _starts_from(preset: str, start: str) -> bool:
    """Tell whether the fits of a preset can start so."""
    try:
        Settings.from_preset(preset, stack_start=start)
    except SettingsError:
        return False
    return True
