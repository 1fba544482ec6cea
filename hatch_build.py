"""Where napari finds the manifest in an editable install: a copy beside the package.

The manifest lives in the root of the repository. Wheels carry it within the package (see pyproject.toml);
an editable install looks at src/, where Git ignores the copy that is made here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MANIFEST = "napari.yaml"


class ManifestBesideThePackage(BuildHookInterface):
    """Copy the manifest when an editable install is made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy it if `version` is that of an editable wheel; other builds leave src/ as it is."""
        if version == "editable":
            root = Path(self.root)
            shutil.copyfile(root / MANIFEST, root / "src" / "napari_blindspot" / MANIFEST)
