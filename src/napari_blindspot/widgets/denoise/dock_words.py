"""What the buttons of a run say in the Denoise dock, and how it calls what the user could change."""

from __future__ import annotations

from napari_blindspot.widgets.shared.run_buttons import RunWords

__all__ = ["DOCK_FIELDS", "DOCK_WORDS"]

DOCK_WORDS = RunWords(
    start=("Denoise", "Denoise what is chosen above."),
    pause=("Pause", "Hold the fit."),
    stop=(
        "Stop and keep",
        "End now and keep the image as it is by now.",
        "Stopping: the last average is taken.",
    ),
    cancel=("Cancel", "End now and leave the layers as they were before.", "Cancelling."),
)

DOCK_FIELDS = {
    "axes": "field Axes",
    "region": "field Region",
    "keep": "field Result under Advanced",
    "folder": "field Folder under Advanced",
}
"""What the user could change, in the words of this dock, where it is not a field of the form."""
