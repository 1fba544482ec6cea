"""The Denoise widget: one layer in, the images of its result out, live."""

from napari_blindspot.widgets.denoise.widget import DenoiseWidget

__all__ = ["DenoiseWidget"]
