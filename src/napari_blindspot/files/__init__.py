"""Image files and model files: opening and writing them, axes, spacing, safe writing and locks.

`napari_blindspot.files.door` opens and writes images; the formats are in `napari_blindspot.files.formats`.
What is done with the pixels belongs to `napari_blindspot.jobs`.
"""
