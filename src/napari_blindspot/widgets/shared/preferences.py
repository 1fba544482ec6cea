"""What a user prefers in every session, from napari's own preferences dialog.

The fields are declared in ``napari.yaml`` under ``configurations``; napari before 0.9 has no such dialog,
and the defaults below hold there.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_blindspot.settings import DEFAULT_PRESET, PRESETS

__all__ = ["Preferences", "read_preferences"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """Defaults of the widget.

    Attributes
    ----------
    preset : str
        Chosen when the widget opens.
    device : str
        Likewise.
    preview_interval : float
        Least seconds between two previews.
    fall_back_to_cpu : bool
        Whether a run that does not fit into the memory of the GPU starts anew on the CPU.
    """

    preset: str = DEFAULT_PRESET
    device: str = "auto"
    preview_interval: float = 0.5
    fall_back_to_cpu: bool = True


def read_preferences() -> Preferences:
    """Return what napari has stored, or the defaults where it has nothing."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return Preferences()
    try:
        stored = get_plugin_settings("napari-blindspot").denoise
    except (KeyError, AttributeError):
        # The package is importable, but napari does not know it as a plugin.
        return Preferences()
    return Preferences(
        preset=stored.preset if stored.preset in PRESETS else DEFAULT_PRESET,
        device=str(stored.device),
        preview_interval=float(stored.preview_interval),
        fall_back_to_cpu=bool(stored.fall_back_to_cpu),
    )
