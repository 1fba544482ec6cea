"""The menu of a right click on a layer, which no manifest can add to."""

from __future__ import annotations

__all__ = ["offer_on_right_click"]

CONTEXT = "napari/layers/context"
"""How napari calls the menu."""

COMMANDS = {
    "napari-blindspot.denoise_auto": "Denoise (auto)",
    "napari-blindspot.denoise_fast": "Denoise (fast)",
}
"""Those of the manifest that it offers, with their titles."""


def offer_on_right_click() -> None:
    """Add the commands to the menu, once.

    Where another version of napari keeps its menus elsewhere, they stay in Layers > Filter and in the
    command palette.
    """
    try:
        from app_model.types import MenuItem
        from napari._app_model import get_app_model

        menus = get_app_model().menus
        there = {getattr(getattr(item, "command", None), "id", "") for item in menus.get_menu(CONTEXT)}
    except (ImportError, AttributeError, KeyError):
        return
    items = [
        (CONTEXT, MenuItem(command={"id": name, "title": title}, group="0_napari_blindspot"))
        for name, title in COMMANDS.items()
        if name not in there
    ]
    if items:
        menus.append_menu_items(items)
