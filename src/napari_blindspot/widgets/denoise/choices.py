"""What the user chose last in the Denoise dock, for the next session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.settings import Settings
from napari_blindspot.widgets.shared.own_folder import recall, remember
from napari_blindspot.widgets.shared.own_presets import show_settings
from napari_blindspot.widgets.shared.preferences import read_preferences

if TYPE_CHECKING:
    from magicgui.widgets import CheckBox

    from napari_blindspot.widgets.denoise.keep_row import KeepRow
    from napari_blindspot.widgets.shared.form import SettingsForm
    from napari_blindspot.widgets.shared.own_presets import PresetChoice
    from napari_blindspot.widgets.shared.stack_start import StackStartChoice

__all__ = ["recall_choices", "remember_choices"]

_NAME = "denoise"


class _Chosen(Protocol):
    """The fields of the dock whose values are kept."""

    preset: PresetChoice
    form: SettingsForm
    stack_start: StackStartChoice
    previews: CheckBox
    fall_back: CheckBox
    keep: KeepRow


def remember_choices(dock: _Chosen) -> None:
    """Store what the fields say of how a run is done; not which pixels, nor a model."""
    settings = Settings.parse({**dock.form.settings().model_dump(), "stack_start": dock.stack_start.value})
    remember(
        _NAME,
        {
            "preset": dock.preset.value,
            "settings": settings.model_dump(mode="json"),
            "previews": dock.previews.value,
            "fall_back": dock.fall_back.value,
            "keep": dock.keep.where.value,
            "folder": dock.keep.folder.value,
            "preferences": vars(read_preferences()),
        },
    )


def recall_choices(dock: _Chosen) -> None:
    """Show what was stored, unless the preferences have been changed since, which then hold."""
    stored = recall(_NAME)
    if stored.get("preferences") != vars(read_preferences()):
        return
    try:
        settings = Settings.parse(stored.get("settings", {}))
    except (BlindspotError, TypeError):
        # Of another version.
        return
    if stored.get("preset") in dock.preset.choices:
        dock.preset.value = stored["preset"]
    else:
        dock.preset.value = settings.preset
    show_settings(settings, dock.form, dock.stack_start)
    for box, name in ((dock.previews, "previews"), (dock.fall_back, "fall_back")):
        box.value = stored.get(name) is not False
    if stored.get("keep") in dock.keep.where.choices:
        dock.keep.where.value = stored["keep"]
    dock.keep.folder.value = str(stored.get("folder", ""))
