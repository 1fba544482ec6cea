"""Settings as the plan for a plane fills them in, for tests of what comes after the plan."""

from __future__ import annotations

from typing import Any

from napari_blindspot.noise.gap_choice import DENSE, SPARSE
from napari_blindspot.settings import PlannedSettings, Settings


def planned(preset: str = "auto", **changes: Any) -> PlannedSettings:
    """Return a preset's settings for white noise, or for correlated noise if a gap is among the changes."""
    fraction = DENSE if changes.get("gap") else SPARSE
    noise = {"gap": 0, "visible_fraction": fraction, "refine_iterations": ()}
    return PlannedSettings(**dict(Settings.from_preset(preset, **(noise | changes))))
