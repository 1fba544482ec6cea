"""What all formats share of metadata: what readers gather for an image, and the name of a run's record.

How a particular format writes its metadata belongs to that format's modules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_blindspot.core.notices import Notice
from napari_blindspot.files.spacing import make_spacing

if TYPE_CHECKING:
    from napari_blindspot.files.spacing import Spacing

__all__ = ["RUN_RECORD", "Metadata"]

RUN_RECORD = "napari-blindspot/run"
"""Under this name an output holds what is to be known of the run that wrote it."""


@dataclass(slots=True)
class Metadata:
    """What is kept of the metadata; the fields are those of `ImageFile`."""

    spacing: dict[str, Spacing] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[str, ...] = ()
    origin: dict[str, float] = field(default_factory=dict)

    def set_spacing(self, axis: str, step: object, unit: str) -> None:
        """Note a distance if it is one."""
        spacing = make_spacing(axis, step, unit)
        if spacing is not None:
            self.spacing[axis] = spacing

    def set_origin(self, axis: str, position: object, unit: str) -> None:
        """Note the position of the first pixel if it is one, and the axis has a spacing."""
        try:
            value = float(position)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return
        spacing = self.spacing.get(axis)
        converted = None if spacing is None else spacing.convert(value, unit)
        if converted is not None and math.isfinite(converted):
            self.origin[axis] = converted

    def call_rows_y(self, axes: str) -> tuple[str, tuple[Notice, ...]]:
        """Call the rows of a scan that are depth or time Y, with the distance between them.

        Parameters
        ----------
        axes : str
            As the file names them, such as CZX.

        Returns
        -------
        axes : str
            The same, with Y for the letter before X if there was no Y.
        notices : tuple of Notice
            What was renamed.
        """
        before, columns, samples = axes.partition("X")
        rows = before[-1:]
        if "Y" in axes or rows not in ("Z", "T") or samples not in ("", "S"):
            return axes, ()
        self.spacing.pop("Y", None)
        self.origin.pop("Y", None)
        # A time is no distance between rows.
        if rows == "Z":
            if "Z" in self.spacing:
                self.spacing["Y"] = self.spacing.pop("Z")
            if "Z" in self.origin:
                self.origin["Y"] = self.origin.pop("Z")
        said = {"plane": f"{rows}×{columns}", "names": f"{rows} is called Y"}
        notice = Notice("planes-of-other-axes", said, is_warning=False)
        return f"{before[:-1]}Y{columns}{samples}", (notice,)

    def turn_sideways(self) -> None:
        """Exchange X and Y, of an image that is shown turned."""
        other = {"X": "Y", "Y": "X"}
        self.spacing = {other.get(axis, axis): step for axis, step in self.spacing.items()}
        self.origin = {other.get(axis, axis): start for axis, start in self.origin.items()}

    def fit_channels(self, count: int) -> None:
        """Forget names and colours of channels if there are not as many as channels."""
        if len(self.channel_names) != count:
            self.channel_names = ()
        if len(self.channel_colors) != count:
            self.channel_colors = ()
