"""What a user prefers in every session, from napari's own preferences dialog.

The preferences are declared in ``napari.yaml`` under ``configurations``, with their defaults, which hold
where napari has none stored or, before 0.9, no such dialog. Nothing here names one of them.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import yaml

__all__ = ["Preferences", "read_preferences"]

PLUGIN, GROUP = "napari-blindspot", "denoise"
"""Under which napari stores them."""


class Preferences(SimpleNamespace):
    """The preferences as attributes, by the names that they have in the manifest.

    Parameters
    ----------
    **stored
        What the user has chosen. The default of the manifest is taken for what is not given, and
        where the manifest does not offer such a value any more.
    """

    def __init__(self, **stored: Any) -> None:
        declared = _declared()
        values = {name: field["default"] for name, field in declared.items()}
        known = {name: value for name, value in stored.items() if name in declared}
        values |= {
            name: value for name, value in known.items() if value in declared[name].get("enum", [value])
        }
        super().__init__(**values)


def read_preferences() -> Preferences:
    """Return what napari has stored, or the defaults where it has nothing."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return Preferences()
    try:
        stored = getattr(get_plugin_settings(PLUGIN), GROUP)
    except (KeyError, AttributeError):
        # The package is importable, but napari does not know it as a plugin.
        return Preferences()
    return Preferences(**{name: getattr(stored, name) for name in _declared() if hasattr(stored, name)})


@functools.cache
def _declared() -> dict[str, dict[str, Any]]:
    """Return what the manifest says of each preference."""
    manifest = yaml.safe_load(files("napari_blindspot").joinpath("napari.yaml").read_text("utf-8"))
    declared: dict[str, dict[str, Any]] = manifest["contributions"]["configurations"][GROUP]["properties"]
    return declared
