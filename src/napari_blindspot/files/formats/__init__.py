"""The file formats, one module each; `napari_blindspot.files.door` is the way to them.

Nothing here decides what is done with the pixels.
"""
