"""The napari face of the package: the only place that imports napari, magicgui or Qt.

It shows what the pipeline does and passes on what the user wants; nothing here computes a pixel.
"""
