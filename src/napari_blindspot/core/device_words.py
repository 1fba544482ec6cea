"""What the notices about devices and their memory say; the others are in `napari_blindspot.core.words`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEVICE_NOTICES"]

DEVICE_NOTICES: dict[str, Callable[[dict[str, Any]], str]] = {
    "patches-halved": lambda v: (
        f"Memory was short, so an iteration saw at most {v['count']} patches of {v['side']}×{v['side']} "
        "pixels."
    ),
    "tiles-halved": lambda v: f"Memory was short, so tiles of {v['side']} pixels were predicted.",
    "without-cuda-graph": lambda v: (
        f"The fit was slower than it could be on this GPU, because {v['reason']}."
    ),
    "device-passed-over": lambda v: (
        f"The {v['device']} device cannot be used here ({v['reason']}), so the fit uses the {v['taken']}; "
        "`napari-blindspot doctor` says what may help."
    ),
    "moved-to-cpu": lambda v: (
        f"The {v['plane']} plane does not fit into the memory of the device {v['device']}, so the fit goes "
        "on with the CPU."
    ),
}
"""By kind."""
