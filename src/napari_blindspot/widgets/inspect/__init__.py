"""The Inspect dock: what was removed from a layer, how sure its result is, and why."""

from napari_blindspot.widgets.inspect.widget import InspectWidget

__all__ = ["InspectWidget"]
