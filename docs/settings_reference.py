"""Write docs/settings.md from the fields of the settings: python docs/settings_reference.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_blindspot.settings import PRESETS, Settings, setting_fields

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGE = Path(__file__).parent / "settings.md"

HEAD = """\
# Settings

Everything that decides the pixels of a result. In Python any of them can be given by name; on the command
line those with an option have one, and all others are set by `--set name=value`. A dash means that the
preset does not have the setting; *measured* means that the noise of each plane decides. From random weights
`auto`, `fast` and `best` take 1000, 250 and 3000 iterations. The fits of `auto`, `fast` and `best` end
earlier on small planes, which they would learn by heart.

| setting | | """


def option_of(name: str, field: FieldInfo) -> str:
    """Return the option of a setting, if it has one."""
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or "cli" not in extra["shown"]:
        return ""
    flags = (extra["flag"] or "--" + name.replace("_", "-")).split("/")
    return "".join(f"<br>`{flag}`" for flag in flags)


def value_of(name: str, preset: str) -> str:
    """Return the value that a setting has in a preset."""
    settings = Settings.from_preset(preset)
    if not hasattr(settings, name):
        return "–"
    value = getattr(settings, name)
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return "*measured*" if value is None else str(value)


def page() -> str:
    """Return the text of the page."""
    lines = [HEAD + " | ".join(PRESETS) + " |", "| --- | --- |" + " --- |" * len(PRESETS)]
    for name, field in setting_fields().items():
        if name == "preset":
            continue
        values = " | ".join(value_of(name, preset) for preset in PRESETS)
        lines.append(f"| `{name}`{option_of(name, field)} | {field.description} | {values} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv and PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/settings.md is not what the settings say; run python docs/settings_reference.py.")
    PAGE.write_text(page(), encoding="utf-8")
