"""Image files in and out: the door, lazy arrays, axes, spacing, safe writing and locks.

Each format is a module in `napari_blindspot.files.formats`. What is done with the pixels belongs to
`napari_blindspot.jobs`.
"""
