"""File formats, each reader and writer a module of its own; the door to them is `napari_blindspot.io`.

Nothing here decides what is done with the pixels.
"""
