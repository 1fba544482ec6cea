"""Figures of a result, drawn by matplotlib for people to look at: what was removed, how sure, and why.

The numbers come from `napari_blindspot.inspection` and `napari_blindspot.noise`. No figure is shown or
written here; the command line, the Inspect dock and scripts do that.
"""
