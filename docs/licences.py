"""Write docs/licences.md from the metadata of the packages that are installed: python docs/licences.py."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]

HEAD = """\
# Licences of what this stands on

napari-blindspot is under the BSD-3-Clause licence and contains no code of others. These are the packages
that `pyproject.toml` asks for, with the licences that they name.

| package | needed by | licence |
| --- | --- | --- |
"""

MAKING = ("docs", "test")
"""Extras that only those need who change the package."""


def requirements() -> dict[str, list[str]]:
    """Return who asks for each package: the package itself, or its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {"every run": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, list[str]] = {}
    for who, packages in asked.items():
        for package in packages if who not in MAKING else ():
            found.setdefault(re.split(r"[^\w.-]", package)[0], []).append(who)
    return found


def licence_of(package: str) -> str:
    """Return the licence that a package names, in its shortest form; empty if it is not installed."""
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return ""
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in told.get_all("Classifier", [])
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    named = told.get("License-Expression") or ", ".join(classifiers) or told.get("License") or ""
    return named.splitlines()[0] if named else "not named in its metadata"


def page() -> str:
    """Return the text of the page."""
    rows = []
    for package, who in sorted(requirements().items(), key=lambda item: item[0].lower()):
        licence = licence_of(package) or KNOWN.get(package, "not installed here")
        rows.append(f"| {package} | {', '.join(who)} | {licence} |")
    return HEAD + "\n".join(rows) + "\n"


KNOWN = {
    "bm3d": "free for non-commercial research only",
    "bm4d": "free for non-commercial research only",
}
"""Licences of packages that need not be installed to write the page."""


if __name__ == "__main__":
    (ROOT / "docs" / "licences.md").write_text(page(), encoding="utf-8")
